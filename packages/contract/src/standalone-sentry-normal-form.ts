/**
 * The one form of each value of a Standalone Sentry: defaults filled in, quotes and blanks of copied text taken off, case,
 * default port and last slash where they mean nothing. What cannot be brought into form stays as typed, for the rules.
 *
 * Pure; never throws, whatever comes in.
 * @module
 */
import { CLOUDS } from '@postern/oauth-map/clouds'
import { STANDALONE_SENTRY_DEFAULTS } from './standalone-sentry-schema.ts'

type Members = Readonly<Record<string, unknown>>
/** The members that depend on each other. */
type Form = Members & {
  readonly [K in 'sentryHost' | 'externalPort' | 'serverAuthentication' | 'activeSync']?: unknown
}
type Section = Members & { readonly [K in 'sentryResource' | 'servers' | 'redirectHosts']?: unknown }

/** Where mail is when nobody says so. */
const USUAL_SERVER = 'outlook.office365.com'

/** A form as it was sent, with every default and in normal form; not checked yet. */
export function normalForm(input: unknown): unknown {
  if (!isMembers(input)) return input
  const form: Form = formedMembers(withDefaults(input, STANDALONE_SENTRY_DEFAULTS), '')
  return { ...form, serverAuthentication: withSentryResource(form), activeSync: withServers(form.activeSync) }
}

/** `host`, with the port where that is not the one that https has anyway. */
export function addressOf(host: string, port: number): string {
  return port === 443 ? host : `${host}:${String(port)}`
}

function withDefaults(given: Members, defaults: Members): Members {
  const filled: Record<string, unknown> = { ...defaults, ...given }
  for (const [name, usual] of Object.entries(defaults)) {
    const value = given[name]
    if (value === undefined) filled[name] = usual
    else if (isMembers(usual) && isMembers(value)) filled[name] = withDefaults(value, usual)
  }
  return filled
}

function withSentryResource(form: Form): unknown {
  const { sentryHost, externalPort, serverAuthentication: section } = form
  if (!isMembers(section)) return section
  const { sentryResource }: Section = section
  if (sentryResource !== '') return section
  if (typeof sentryHost !== 'string' || typeof externalPort !== 'number') return section
  return { ...section, sentryResource: `https://${addressOf(sentryHost, externalPort)}` }
}

function withServers(section: unknown): unknown {
  if (!isMembers(section)) return section
  const { servers: given, redirectHosts }: Section = section
  const servers: unknown = Array.isArray(given) && given.length === 0 ? [USUAL_SERVER] : given
  return { ...section, servers, redirectHosts: redirectHosts ?? usualRedirectHosts(servers) }
}

/** Servers of a cloud send mailboxes to hosts of that cloud; a company's own servers to none that we know. */
function usualRedirectHosts(servers: unknown): string[] {
  const names = Array.isArray(servers) ? servers.map((server) => String(server).replace(/:\d+$/, '')) : []
  const clouds = CLOUDS.filter(({ easHosts }) => easHosts.some((host) => names.includes(host)))
  return clouds.flatMap(({ redirectHosts }) => redirectHosts)
}

/** Form of each text by its path; `[]` stands for every index. */
const FORMS: Readonly<Record<string, (text: string) => string>> = {
  name: (text) => text.trim(),
  description: (text) => text.trim(),
  sentryHost: hostForm,
  'alternativeNames[]': hostForm,
  'serverAuthentication.authorizationEndpoint': endpointForm,
  'serverAuthentication.tokenEndpoint': endpointForm,
  'serverAuthentication.sentryResource': endpointForm,
  'serverAuthentication.destinationResource': destinationForm,
  'serverAuthentication.clients[].name': (text) => text.trim(),
  'serverAuthentication.clients[].clientId': unquoted,
  'serverAuthentication.clients[].redirectUris[]': unquoted,
  'serverAuthentication.tenantIds[]': (text) => unquoted(text).toLowerCase(),
  'activeSync.servers[]': hostForm,
  'activeSync.redirectHosts[]': hostForm,
  'balancers.proxyProtocolFrom[]': unquoted,
  'balancers.clientCertificateFrom[]': fingerprintForm,
}

function formed(value: unknown, path: string): unknown {
  if (typeof value === 'string') {
    return Object.hasOwn(FORMS, path) ? FORMS[path]?.(value) : value
  }
  if (Array.isArray(value)) return value.map((item) => formed(item, `${path}[]`))
  return isMembers(value) ? formedMembers(value, path) : value
}

function formedMembers(value: Members, path: string): Members {
  const prefix = path === '' ? '' : `${path}.`
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, formed(member, prefix + name)]))
}

const QUOTES = /^(?:"(.*)"|'(.*)'|[“„”](.*)[“”]|[‘‚’](.*)[‘’]|«(.*)»|`(.*)`)$/s

/** Instructions print values in quotes; who copies one means what stands between them. */
function unquoted(text: string): string {
  const bare = text.trim()
  const groups: readonly (string | undefined)[] = QUOTES.exec(bare)?.slice(1) ?? []
  const inner = groups.find((group) => group !== undefined)
  return inner === undefined ? bare : inner.trim()
}

function hostForm(text: string): string {
  const bare = unquoted(text)
  if (/[<>{}]/.test(bare)) return bare // a placeholder, which is told as it was typed
  return lower(bare)
    .replace(/^([^/]*)\/$/, '$1')
    .replace(/:443$/, '')
}

/** The path stays as typed: a URL parser would also resolve dots and turn backslashes. */
const PLAIN_URL = /^https:\/\/([^/?#@\\\s]+)(\/[^?#\\\s]*)?$/i

function endpointForm(text: string): string {
  const bare = unquoted(text)
  const match = PLAIN_URL.exec(bare)
  if (match === null || !URL.canParse(bare)) return bare
  return `https://${new URL(bare).host}${(match[2] ?? '').replace(/\/$/, '')}`
}

/** Identity providers know the mail service by its origin with a slash, and get it so. */
function destinationForm(text: string): string {
  const form = endpointForm(text)
  return /^https:\/\/[^/]+$/.test(form) && PLAIN_URL.test(form) ? `${form}/` : form
}

/** `sha256:…` of what tools print: `SHA256 Fingerprint=AB:CD:…`, bare hex, hex with colons. */
function fingerprintForm(text: string): string {
  const bare = lower(unquoted(text)).replace(/^sha-?256(?: fingerprint)?[:=]\s*/, '')
  const hex = bare.replaceAll(':', '')
  return /^[0-9a-f]{64}$/.test(hex) ? `sha256:${hex}` : unquoted(text)
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
