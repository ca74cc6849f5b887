/**
 * Email+ configuration: key-value pairs parsed with every rule, and compared with the Standalone Sentry they name.
 * @module
 */
import { parseDocument, type Problem, type RuleSet } from '../problems.ts'
import {
  EMAIL_PLUS_DEFAULTS,
  EMAIL_PLUS_KEYS,
  type EmailPlusConfiguration,
  EmailPlusConfigurationInput,
  type EmailPlusKeyRow,
  type EmailPlusPair,
} from './email-plus-schema.ts'
import { addressFault, type ChosenSentry, plainHttpsUrl, sameAddress, sentryUrls } from './sentry-address.ts'
import { templateProblems } from './substitution-variables.ts'

export {
  EMAIL_PLUS_DEFAULTS,
  EMAIL_PLUS_KEYS,
  EmailPlusConfiguration,
  EmailPlusConfigurationInput,
  type EmailPlusKeyRow,
  EmailPlusPair,
  type EmailPlusPairType,
} from './email-plus-schema.ts'

const DEVICE_ID = '$DEVICE_UUID_NO_DASHES$'
const MODERN_AUTH = 'modern_auth'

/**
 * The configuration with every default filled in.
 * @throws ContractError naming every field, rule and remedy (50 at most)
 */
export function parseEmailPlusConfiguration(input: unknown): EmailPlusConfiguration {
  return { ...EMAIL_PLUS_DEFAULTS, ...parseDocument('Email+ configuration', EmailPlusConfigurationInput, input, RULES) }
}

/**
 * Pairs for OAuth through a Sentry: the five of the procedure, and the three that name account and device.
 * @param host name of the Sentry, with `:port` where that is not 443
 * @param certificate name of the certificate enrollment setting; null leaves the pair out
 */
export function emailPlusTemplate(host: string, certificate: string | null): EmailPlusPair[] {
  const { authority, resource } = sentryUrls(host)
  const text = (key: string, value: string): EmailPlusPair => ({ key, type: 'string', value })
  return [
    text('eas_min_allowed_auth_mode', MODERN_AUTH),
    text('modern_auth_authority_url', authority),
    text('modern_auth_resource_url', resource),
    ...(certificate === null
      ? []
      : [{ key: 'email_login_certificate', type: 'certificateRef', value: certificate } as const]),
    text('email_exchange_host', sameAddress(host)),
    text('email_address', '$EMAIL$'),
    text('email_device_id', DEVICE_ID),
    text('email_exchange_username', '$USERID$'),
  ]
}

/** Keys whose change makes every Email+ drop its mail and synchronise from the beginning. */
export const RESYNC_KEYS: readonly string[] = Object.entries<EmailPlusKeyRow>(EMAIL_PLUS_KEYS)
  .filter(([, row]) => row.resync === true)
  .map(([key]) => key)

/** Those of {@link RESYNC_KEYS} that an edit adds, takes away or changes; to be confirmed by the administrator. */
export function forcesResync(before: readonly EmailPlusPair[], after: readonly EmailPlusPair[]): string[] {
  return RESYNC_KEYS.filter((key) => {
    const [old, now] = [pairOf(before, key), pairOf(after, key)]
    return old?.value !== now?.value || old?.type !== now?.type
  })
}

/**
 * Errors that only show beside the chosen Sentry. With any of them the pairs must not be sent: the app would not sign
 * in through this Sentry.
 * @param sentry the one that `sentryProfileId` names; null when it names none, or one that is gone
 */
export function emailPlusProblems(configuration: EmailPlusConfiguration, sentry: ChosenSentry | null): Problem[] {
  if (sentry === null) {
    if (configuration.sentryProfileId === null) return []
    return [{ path: 'sentryProfileId', message: 'names no Standalone Sentry; choose one that exists' }]
  }
  if (!isModernAuth(configuration.pairs)) return []
  const problems: Problem[] = []
  if (!sentry.oauth) {
    const message = 'names a Sentry without OAuth; set Enable Pass Through with OAuth there, or choose another'
    problems.push({ path: 'sentryProfileId', message })
  }
  const host = pairOf(configuration.pairs, 'email_exchange_host')
  if (host !== undefined && sameAddress(String(host.value)) !== sameAddress(sentry.host)) {
    problems.push({ path: host.path, message: `must be that of the chosen Sentry, ${sentry.host}, for modern_auth` })
  }
  return problems
}

/** What an administrator should know and may do all the same. */
export function emailPlusWarnings(configuration: EmailPlusConfiguration, sentry: ChosenSentry | null): Problem[] {
  const { pairs } = configuration
  const warnings: Problem[] = []
  for (const key of ['email_address', 'email_device_id', 'email_exchange_host'] as const) {
    if (pairOf(pairs, key) !== undefined) continue
    const why = key === 'email_device_id' ? 'Sentry cannot tell which device it is' : 'the app asks for it or stops'
    warnings.push({ path: 'pairs', message: `has no ${key}: ${why}; add it` })
  }
  if (!isModernAuth(pairs)) {
    for (const key of ['modern_auth_authority_url', 'modern_auth_resource_url']) {
      const pair = pairOf(pairs, key)
      const message = 'has no effect; set eas_min_allowed_auth_mode to modern_auth'
      if (pair !== undefined) warnings.push({ path: pair.path, message })
    }
    const host = pairOf(pairs, 'email_exchange_host')
    if (sentry !== null && host !== undefined && sameAddress(String(host.value)) !== sameAddress(sentry.host)) {
      warnings.push({ path: host.path, message: `differs from the chosen Sentry, ${sentry.host}; mail goes past it` })
    }
  }
  pairs.forEach(({ key, value }, index) => {
    if (rowOf(key) === null && typeof value === 'string' && /^[\w.-]+(;[\w.-]+)+;?$/.test(value)) {
      warnings.push({ path: valueAt(index), message: 'looks like a list; Email+ takes commas, never semicolons' })
    }
  })
  return warnings
}

const RULES: readonly RuleSet<EmailPlusConfigurationInput>[] = [
  { sections: ['pairs'], check: ({ pairs }) => pairs.flatMap(pairRules) },
  { sections: ['pairs'], check: ({ pairs }) => duplicateRules(pairs) },
  { sections: ['pairs'], check: ({ pairs }) => pairs.flatMap(knownKeyRules) },
  { sections: ['pairs', 'sentryProfileId'], check: modernAuthRules },
  { sections: ['pairs', 'channel', 'allowInsecureDelivery'], check: deliveryRules },
]

function pairRules({ type, value }: EmailPlusPair, index: number): Problem[] {
  const path = valueAt(index)
  const expected = { string: 'string', boolean: 'boolean', integer: 'number', certificateRef: 'string' } as const
  if (typeof value !== expected[type]) {
    return [{ path, message: `must be ${type === 'certificateRef' ? 'the name of a setting' : `of type ${type}`}` }]
  }
  if (typeof value !== 'string') return []
  if (type === 'string') return templateProblems(path, value)
  const isName = value.length >= 1 && value.length <= 255 && !/\p{Cc}/u.test(value)
  return isName ? [] : [{ path, message: 'must name a certificate enrollment setting in 1 to 255 characters' }]
}

function duplicateRules(pairs: readonly EmailPlusPair[]): Problem[] {
  const seen = new Set<string>()
  return pairs.flatMap(({ key }, index) => {
    const folded = key.toLowerCase()
    const repeats = seen.has(folded)
    seen.add(folded)
    return repeats ? [{ path: `pairs[${index}].key`, message: `repeats ${key}; give each key once` }] : []
  })
}

function knownKeyRules({ key, type, value }: EmailPlusPair, index: number): Problem[] {
  const path = valueAt(index)
  if (key.toLowerCase() !== key && rowOf(key.toLowerCase()) !== null) {
    return [{ path: `pairs[${index}].key`, message: `must be written ${key.toLowerCase()}` }]
  }
  const row = rowOf(key)
  if (row === null) return []
  if (row.list === true && typeof value === 'string' && value.includes(';')) {
    return [{ path, message: 'has a semicolon; write the list with commas' }]
  }
  if (key === 'email_password' && value !== '') {
    return [{ path, message: 'must be blank: no password is sent; leave it empty or take the pair out' }]
  }
  if (key === 'email_trust_all_certificates' && /^(true|yes|1)$/i.test(String(value).trim())) {
    return [{ path, message: 'must not be true: the app would trust any server; give the Sentry a public certificate' }]
  }
  if (type !== row.type) return [{ path: `pairs[${index}].type`, message: `must be ${row.type} for ${key}` }]
  if (key === 'email_device_id' && value !== DEVICE_ID) {
    return [{ path, message: `must be ${DEVICE_ID}: by it Sentry knows the device` }]
  }
  if (key === 'eas_min_allowed_auth_mode' && /^\W*modern[_-]?auth\W*$/i.test(String(value)) && value !== MODERN_AUTH) {
    return [{ path, message: `must be spelt ${MODERN_AUTH}` }]
  }
  const fault = key === 'email_exchange_host' ? addressFault(String(value)) : null
  return fault === null ? [] : [{ path, message: fault }]
}

function modernAuthRules({ pairs, sentryProfileId }: EmailPlusConfigurationInput): Problem[] {
  if (!isModernAuth(pairs)) return []
  const problems: Problem[] = []
  if (sentryProfileId === undefined || sentryProfileId === null) {
    problems.push({ path: 'sentryProfileId', message: 'must name a Standalone Sentry with OAuth for modern_auth' })
  }
  const hosts: { key: string; path: string; host: string }[] = []
  for (const [key, pathname] of [
    ['modern_auth_authority_url', '/proxyservice'],
    ['modern_auth_resource_url', '/'],
    ['email_exchange_host', null],
  ] as const) {
    const pair = pairOf(pairs, key)
    if (pair === undefined) {
      problems.push({ path: 'pairs', message: `lacks ${key}, which modern_auth needs; add it` })
      continue
    }
    const text = String(pair.value)
    const url = pathname === null ? null : plainHttpsUrl(text)
    if (pathname !== null && url?.pathname !== pathname) {
      const form = `https://sentry.example.com${pathname === '/' ? '' : pathname}`
      problems.push({ path: pair.path, message: `must be an https URL exactly of the form ${form}` })
    } else hosts.push({ key, path: pair.path, host: url?.host ?? sameAddress(text) })
  }
  const [first, ...others] = hosts
  for (const { path, host } of others) {
    if (first === undefined || host === first.host) continue
    problems.push({ path, message: `names ${host} but ${first.key} names ${first.host}; all must name the Sentry` })
  }
  return problems
}

function deliveryRules(input: EmailPlusConfigurationInput): Problem[] {
  const { channel, allowInsecureDelivery } = { ...EMAIL_PLUS_DEFAULTS, ...input }
  if (channel !== 'managedAppConfiguration' || allowInsecureDelivery) return []
  return input.pairs.flatMap(({ type }, index) => {
    const message =
      'would lie unencrypted on the device; choose another channel, take it out, or set allowInsecureDelivery, which is audited'
    return type === 'certificateRef' ? [{ path: valueAt(index), message }] : []
  })
}

function isModernAuth(pairs: readonly EmailPlusPair[]): boolean {
  return pairOf(pairs, 'eas_min_allowed_auth_mode')?.value === MODERN_AUTH
}

function pairOf(pairs: readonly EmailPlusPair[], key: string): (EmailPlusPair & { path: string }) | undefined {
  const index = pairs.findIndex((pair) => pair.key === key)
  const pair = pairs[index]
  return pair === undefined ? undefined : { ...pair, path: valueAt(index) }
}

function rowOf(key: string): EmailPlusKeyRow | null {
  return Object.hasOwn(EMAIL_PLUS_KEYS, key) ? EMAIL_PLUS_KEYS[key as keyof typeof EMAIL_PLUS_KEYS] : null
}

function valueAt(index: number): string {
  return `pairs[${index}].value`
}
