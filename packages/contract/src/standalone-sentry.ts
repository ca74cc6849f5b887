/**
 * A Standalone Sentry as an administrator saves it: parsed whole, with every problem named by the title of its field, and
 * with what holds but hardly anyone means.
 * @module
 */
import type { TSchema } from 'typebox'
import { CLOUDS, cloudOfLoginHost } from '@postern/oauth-map/clouds'
import { sentryUrls } from './configurations/sentry-address.ts'
import { ContractError, parseDocument, type Problem } from './problems.ts'
import { isIpv4 } from './standalone-sentry-hosts.ts'
import { addressOf, normalForm } from './standalone-sentry-normal-form.ts'
import { STANDALONE_SENTRY_RULES } from './standalone-sentry-rules.ts'
import { StandaloneSentry } from './standalone-sentry-schema.ts'

export { CHOICE_TITLES, StandaloneSentry, StandaloneSentryInput } from './standalone-sentry-schema.ts'

/** Something that holds, but that an administrator should know. `code` is for programs. */
export interface Warning {
  readonly code: WarningCode
  readonly path: string
  readonly message: string
}

/** Every warning about settings; those about certificates come from what is stored. */
export type WarningCode =
  | 'DEVICES_UNPROVEN'
  | 'DEVICES_SHARE_A_KEY'
  | 'ROOTS_UNUSED'
  | 'UNKNOWN_ALLOWED'
  | 'UNKNOWN_ALLOWED_AWAY'
  | 'OPAQUE_TOKENS_ALLOWED'
  | 'TENANTS_ANY'
  | 'TENANTS_DIFFER'
  | 'CLOUDS_DIFFER'
  | 'HOST_IS_ADDRESS'
  | 'CERTIFICATE_PRIVATE'
  | 'CERTIFICATE_FINDING'
  | 'CRL_OVERDUE'
  | 'ROOT_EXPIRES'

/**
 * The settings with defaults filled in and every text in normal form.
 * @throws ContractError with every problem; paths as in the input, messages begin with the field's title
 */
export function parseStandaloneSentry(input: unknown): StandaloneSentry {
  try {
    return parseDocument('Standalone Sentry', StandaloneSentry, normalForm(input), STANDALONE_SENTRY_RULES)
  } catch (error) {
    if (!(error instanceof ContractError)) throw error
    throw new ContractError('Standalone Sentry', firstOfEach(error.problems).map(titled))
  }
}

/** Title of the field at a path, such as `Destination Resource`; the path itself where the form has no such field. */
export function titleOf(path: string): string {
  return fieldAt(path)?.title ?? path
}

/** What a device is told about this Sentry. */
export interface DeviceSettings {
  readonly host: string
  readonly oauthSignInUrl: string
  readonly oauthTokenRequestUrl: string
  /** The keys of Email+; null: it comes from the Email+ configuration (the device's certificate). */
  readonly emailPlus: readonly { readonly key: string; readonly value: string | null }[]
}

/** Values for the Exchange and Email+ configurations of phones that use this Sentry. */
export function deviceSettings(settings: Pick<StandaloneSentry, 'sentryHost' | 'externalPort'>): DeviceSettings {
  const host = addressOf(settings.sentryHost, settings.externalPort)
  const urls = sentryUrls(host)
  return {
    host,
    oauthSignInUrl: urls.signIn,
    oauthTokenRequestUrl: urls.tokenRequest,
    emailPlus: [
      { key: 'eas_min_allowed_auth_mode', value: 'modern_auth' },
      { key: 'modern_auth_authority_url', value: urls.authority },
      { key: 'modern_auth_resource_url', value: urls.resource },
      { key: 'email_login_certificate', value: null },
      { key: 'email_exchange_host', value: host },
    ],
  }
}

/** Everything that holds but deserves a second look. */
export function settingsWarnings(settings: StandaloneSentry): Warning[] {
  return WARNINGS.filter(({ when }) => when(settings)).map(({ code, path, message }) => ({
    code,
    path,
    message: `${titleOf(path)}: ${message}`,
  }))
}

interface WarningRow extends Warning {
  readonly when: (settings: StandaloneSentry) => boolean
}

const WARNINGS: readonly WarningRow[] = [
  {
    code: 'HOST_IS_ADDRESS',
    path: 'sentryHost',
    message: 'is an IP address; phones need a host name that stands in the certificate',
    when: ({ sentryHost }) => isIpv4(sentryHost),
  },
  {
    code: 'DEVICES_UNPROVEN',
    path: 'deviceAuthentication.method',
    message: 'with Pass Through a phone is only what it claims to be; Identity Certificate proves it',
    when: ({ deviceAuthentication }) => deviceAuthentication.method === 'passThrough',
  },
  {
    code: 'DEVICES_SHARE_A_KEY',
    path: 'deviceAuthentication.method',
    message:
      'with Group Certificate a phone proves that it is one of yours, not which one: with the token of a user it can claim any device of that user; Identity Certificate proves it',
    when: ({ deviceAuthentication }) => deviceAuthentication.method === 'groupCertificate',
  },
  {
    code: 'ROOTS_UNUSED',
    path: 'deviceAuthentication.trustedRootIds',
    message: 'are not used with Pass Through',
    when: ({ deviceAuthentication: { method, trustedRootIds } }) =>
      method === 'passThrough' && trustedRootIds.length > 0,
  },
  {
    code: 'UNKNOWN_ALLOWED',
    path: 'devices.unknownDevices',
    message: 'lets in every phone whose user can sign in to the mail server',
    when: ({ devices }) => devices.unknownDevices === 'allow',
  },
  {
    code: 'UNKNOWN_ALLOWED_AWAY',
    path: 'devices.newDevicesWithoutCore',
    message: 'lets in unknown phones whenever Core cannot be reached',
    when: ({ devices }) => devices.newDevicesWithoutCore === 'allow' && devices.unknownDevices === 'block',
  },
  {
    code: 'OPAQUE_TOKENS_ALLOWED',
    path: 'serverAuthentication.opaqueTokens',
    message: 'lets through tokens whose user cannot be compared with the device',
    when: ({ serverAuthentication }) => serverAuthentication.opaqueTokens === 'allow',
  },
  {
    code: 'TENANTS_ANY',
    path: 'serverAuthentication.tenantIds',
    message: 'is empty: tokens of any directory are handed to the mail server, which decides alone; name yours',
    when: ({ serverAuthentication }) => serverAuthentication.tenantIds.length === 0,
  },
  {
    code: 'TENANTS_DIFFER',
    path: 'serverAuthentication.tokenEndpoint',
    message: 'is of another directory than the authorization endpoint; take both from one',
    when: ({ serverAuthentication: { authorizationEndpoint, tokenEndpoint } }) =>
      cloudOfLoginHost(new URL(tokenEndpoint).hostname) !== null &&
      tenantPart(authorizationEndpoint) !== tenantPart(tokenEndpoint),
  },
  {
    code: 'CLOUDS_DIFFER',
    path: 'serverAuthentication.destinationResource',
    message: 'is of another cloud than the endpoints; take a preset of one cloud',
    when: ({ serverAuthentication: { authorizationEndpoint, destinationResource } }) =>
      isOtherCloud(new URL(authorizationEndpoint).hostname, new URL(destinationResource).hostname),
  },
]

function tenantPart(url: string): string {
  return new URL(url).pathname.split('/')[1] ?? ''
}

function isOtherCloud(loginHost: string, mailHost: string): boolean {
  const known = CLOUDS.filter(({ easHosts }) => easHosts.includes(mailHost))
  if (known.length === 0 || cloudOfLoginHost(loginHost) === null) return false
  return !known.some(({ loginHosts }) => loginHosts.includes(loginHost))
}

/** One thing to mend for each field: a rule of the Sentry may say again what a rule of the form has said. */
function firstOfEach(problems: readonly Problem[]): Problem[] {
  const first = new Map<string, Problem>()
  for (const problem of problems) if (!first.has(problem.path)) first.set(problem.path, problem)
  return [...first.values()]
}

function titled({ path, message }: Problem): Problem {
  const field = fieldAt(path)
  const range = field?.range ?? null
  return { path, message: `${field?.title ?? 'Standalone Sentry'}: ${range ?? message}` }
}

interface Field {
  readonly title: string
  /** What a number must be; null for what is none. */
  readonly range: string | null
}

/** The titled field nearest to a path. Items of a list are called as the list is. */
function fieldAt(path: string): Field | null {
  let at: TSchema | undefined = StandaloneSentry
  let field: Field | null = null
  for (const part of path.match(/[^.[\]]+/g) ?? []) {
    at = memberOf(at, part)
    if (at === undefined) return field
    field = fieldOf(at) ?? field
  }
  return field
}

interface Annotations {
  readonly title?: string
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
}

function fieldOf(schema: TSchema): Field | null {
  const { title, type, minimum, maximum } = schema as Annotations // of our own schema
  if (title === undefined) return null
  const isRange = type === 'integer' && minimum !== undefined && maximum !== undefined
  return { title, range: isRange ? `must be a whole number from ${minimum} to ${maximum}` : null }
}

function memberOf(schema: TSchema | undefined, part: string): TSchema | undefined {
  const { properties, items } = (schema ?? {}) as { properties?: Record<string, TSchema>; items?: TSchema }
  if (properties !== undefined && Object.hasOwn(properties, part)) return properties[part]
  return /^\d+$/.test(part) ? items : undefined
}
