/**
 * Exchange configuration: parsed with every rule, and compared with the Standalone Sentry that it names.
 * @module
 */
import { parseDocument, type Problem, type RuleSet } from '../problems.ts'
import { EXCHANGE_DEFAULTS, type ExchangeConfiguration, ExchangeConfigurationInput } from './exchange-schema.ts'
import { addressFault, type ChosenSentry, plainHttpsUrl, sameAddress, sentryUrls } from './sentry-address.ts'
import { templateProblems } from './substitution-variables.ts'

export { EXCHANGE_DEFAULTS, ExchangeConfiguration, ExchangeConfigurationInput } from './exchange-schema.ts'
export { type ChosenSentry, type SentryUrls, sentryUrls } from './sentry-address.ts'

/**
 * The configuration with every default filled in. A password has no place in it: none is stored.
 * @throws ContractError naming every field, rule and remedy (50 at most)
 */
export function parseExchangeConfiguration(input: unknown): ExchangeConfiguration {
  return filled(parseDocument('Exchange configuration', ExchangeConfigurationInput, input, RULES))
}

/** Where an account connects and signs in. */
export interface ExchangeAddresses {
  readonly serverAddress: string
  /** Null when OAuth is off: the URLs are not sent then. */
  readonly oauth: { readonly signInUrl: string; readonly tokenRequestUrl: string } | null
}

/**
 * Fields that were left empty, filled from the Sentry.
 * @param sentry the one that `sentryProfileId` names; null when it names none
 * @returns null when there is no address at all, see {@link exchangeProblems}
 */
export function exchangeAddresses(
  configuration: ExchangeConfiguration,
  sentry: ChosenSentry | null,
): ExchangeAddresses | null {
  const serverAddress = configuration.serverAddress ?? sentry?.host ?? null
  if (serverAddress === null) return null
  const urls = sentryUrls(serverAddress)
  const oauth = {
    signInUrl: configuration.oauthSignInUrl ?? urls.signIn,
    tokenRequestUrl: configuration.oauthTokenRequestUrl ?? urls.tokenRequest,
  }
  return { serverAddress: sameAddress(serverAddress), oauth: configuration.useOAuth ? oauth : null }
}

/**
 * Errors that only show beside the chosen Sentry. With any of them the account must not be sent: it would not sign in
 * through this Sentry.
 * @param sentry the one that `sentryProfileId` names; null when it names none, or one that is gone
 */
export function exchangeProblems(configuration: ExchangeConfiguration, sentry: ChosenSentry | null): Problem[] {
  if (sentry === null) {
    if (configuration.sentryProfileId === null) return []
    return [{ path: 'sentryProfileId', message: 'names no Standalone Sentry; choose one that exists' }]
  }
  if (!configuration.useOAuth) return []
  const problems: Problem[] = []
  if (!sentry.oauth) {
    const message = 'names a Sentry without OAuth; set Enable Pass Through with OAuth there, or choose another'
    problems.push({ path: 'sentryProfileId', message })
  }
  const { serverAddress } = configuration
  if (serverAddress !== null && sameAddress(serverAddress) !== sameAddress(sentry.host)) {
    const message = `must be that of the chosen Sentry, ${sentry.host}, for OAuth; leave it empty to follow the Sentry`
    problems.push({ path: 'serverAddress', message })
  }
  return [...problems, ...urlProblems(configuration, sentry.host)]
}

/**
 * What an administrator should know and may do all the same: fields that differ from what the chosen Sentry serves,
 * or that have no effect.
 */
export function exchangeWarnings(configuration: ExchangeConfiguration, sentry: ChosenSentry | null): Problem[] {
  const { serverAddress, useOAuth } = configuration
  const warnings: Problem[] = []
  const address = serverAddress ?? sentry?.host ?? null
  const served = address === null ? null : sentryUrls(address)
  for (const [path, url] of [
    ['oauthSignInUrl', served?.signIn],
    ['oauthTokenRequestUrl', served?.tokenRequest],
  ] as const) {
    const written = configuration[path]
    if (written === null) continue
    if (!useOAuth) warnings.push({ path, message: 'is not sent while Use OAuth for Authentication is off' })
    else if (url !== undefined && plainHttpsUrl(written)?.href !== url) {
      const message = `edited: differs from what the chosen Sentry serves, ${url}; leave it empty to follow the Sentry`
      warnings.push({ path, message })
    }
  }
  if (
    sentry !== null &&
    !useOAuth &&
    serverAddress !== null &&
    sameAddress(serverAddress) !== sameAddress(sentry.host)
  ) {
    const message = `edited: differs from the chosen Sentry, ${sentry.host}; mail goes past it`
    warnings.push({ path: 'serverAddress', message })
  }
  if (address !== null && sameAddress(address).includes(':')) {
    const message = 'has a port; Apple documents a host name only, so serve devices on port 443 in production'
    warnings.push({ path: 'serverAddress', message })
  }
  return warnings
}

const RULES: readonly RuleSet<ExchangeConfigurationInput>[] = [
  { sections: [], check: noPassword },
  { sections: ['sentryProfileId', 'serverAddress'], check: addressRules },
  {
    sections: ['sentryProfileId', 'serverAddress', 'useOAuth', 'oauthSignInUrl', 'oauthTokenRequestUrl'],
    check: oauthRules,
  },
  { sections: ['domain'], check: ({ domain }) => templateProblems('domain', domain ?? '') },
  { sections: ['userName'], check: ({ userName }) => templateProblems('userName', userName ?? '') },
  { sections: ['emailAddress'], check: addressTemplateRules },
  { sections: ['services'], check: serviceRules },
  { sections: ['smime'], check: smimeRules },
]

function filled(input: ExchangeConfigurationInput): ExchangeConfiguration {
  return { ...EXCHANGE_DEFAULTS, ...input }
}

function noPassword(input: object): Problem[] {
  if (!Object.hasOwn(input, 'password')) return []
  const message =
    'must not be given: no password is stored, and with OAuth there is none; take it out, and without OAuth the person is asked'
  return [{ path: 'password', message }]
}

function addressRules(input: ExchangeConfigurationInput): Problem[] {
  const { serverAddress, sentryProfileId } = filled(input)
  if (serverAddress === null) {
    if (sentryProfileId !== null) return []
    return [{ path: 'serverAddress', message: 'is empty and no Standalone Sentry is chosen; give one of the two' }]
  }
  const fault = addressFault(serverAddress)
  return fault === null ? [] : [{ path: 'serverAddress', message: fault }]
}

function oauthRules(input: ExchangeConfigurationInput): Problem[] {
  const configuration = filled(input)
  const problems = urlProblems(configuration, configuration.serverAddress)
  if (configuration.useOAuth && configuration.sentryProfileId === null) {
    const message = 'must name a Standalone Sentry with OAuth while Use OAuth for Authentication is on; choose one'
    problems.push({ path: 'sentryProfileId', message })
  }
  return problems
}

function urlProblems(configuration: ExchangeConfiguration, address: string | null): Problem[] {
  return (['oauthSignInUrl', 'oauthTokenRequestUrl'] as const).flatMap((path) => {
    const text = configuration[path]
    if (text === null) return []
    const url = plainHttpsUrl(text)
    if (url === null) {
      const message = 'must be an https URL without user, query and fragment; leave it empty to follow the Sentry'
      return [{ path, message }]
    }
    if (address === null || addressFault(address) !== null || url.host === sameAddress(address)) return []
    return [{ path, message: `must have the host of the server address, ${address}, not ${url.host}` }]
  })
}

function addressTemplateRules({ emailAddress }: ExchangeConfigurationInput): Problem[] {
  const text = emailAddress ?? EXCHANGE_DEFAULTS.emailAddress
  const problems = templateProblems('emailAddress', text)
  if (problems.length > 0 || text.includes('$') || /^[^\s@]+@[^\s@]+$/.test(text)) return problems
  return [{ path: 'emailAddress', message: 'is no e-mail address and has no variable; write $EMAIL$' }]
}

function serviceRules({ services }: ExchangeConfigurationInput): Problem[] {
  if (services === undefined || Object.values(services).some(({ enabled }) => enabled)) return []
  return [
    {
      path: 'services',
      message: 'has nothing enabled; enable at least one of mail, contacts, calendars, reminders, notes',
    },
  ]
}

function smimeRules({ smime }: ExchangeConfigurationInput): Problem[] {
  if (smime === undefined || smime === null) return []
  const uses = [
    { on: smime.signing.enabled, part: 'signing', ...smime.signing },
    { on: smime.encryption.byDefault, part: 'encryption', ...smime.encryption },
  ]
  return uses
    .filter(({ on, certificate, userMayChooseCertificate }) => on && certificate === null && !userMayChooseCertificate)
    .map(({ part }) => {
      const message = 'is empty; name a certificate enrollment setting, or let the person choose an identity'
      return { path: `smime.${part}.certificate`, message }
    })
}
