/**
 * Resource identifiers and redirect URIs: when two spellings are the same thing.
 *
 * Documents: RFC 3986 6.2 (case and default port), RFC 8707 2 (resource), RFC 8252 7.1 (private-use schemes).
 * Clients differ in a trailing slash, in case and in `:443`; nothing else is forgiven, because everything
 * forgiven here is a way to name another resource.
 * @module
 */
import { OAuthMapError } from './model.ts'
import type { OAuthMapping } from './model.ts'

/** Longest resource identifier that is looked at, characters. */
const MAX_RESOURCE_LENGTH = 2_048

const SCHEME = 'https://'
const HOST_CHARACTERS = new Set('abcdefghijklmnopqrstuvwxyz0123456789-._')
const PATH_CHARACTERS = new Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/")

/**
 * The normal form of an https resource: scheme and host in lower case, port 443 elided, one trailing slash dropped.
 * Null for anything else: another scheme, user information, query, fragment, escapes, dot segments, an
 * application id, an IPv6 literal.
 */
export function parseResource(text: string): string | null {
  if (text.length > MAX_RESOURCE_LENGTH) return null
  if (foldAscii(text.slice(0, SCHEME.length)) !== SCHEME) return null
  const rest = text.slice(SCHEME.length)
  const slash = rest.indexOf('/')
  const authority = parseAuthority(slash === -1 ? rest : rest.slice(0, slash))
  const path = slash === -1 ? '' : rest.slice(slash)
  if (authority === null || !isPlainPath(path)) return null
  return SCHEME + authority + (path.endsWith('/') ? path.slice(0, -1) : path)
}

/** Whether both are resources and equal in their normal form. */
export function sameResource(a: string, b: string): boolean {
  const left = parseResource(a)
  return left !== null && left === parseResource(b)
}

/** Whose resource a value names. */
export type ResourceKind = 'sentry' | 'destination' | 'foreign'

/** Compares a value with the two configured resources; whatever is neither is foreign. */
export function classifyResource(mapping: OAuthMapping, text: string): ResourceKind {
  if (sameResource(text, mapping.sentryResource)) return 'sentry'
  if (sameResource(text, mapping.destinationResource)) return 'destination'
  return 'foreign'
}

/**
 * Origin of the configured Sentry Resource, e.g. `https://sentry.example.com` or `https://localhost:8443`.
 * @throws OAuthMapError `server_error` when the configured value is not a resource.
 */
export function sentryOrigin(mapping: OAuthMapping): string {
  const resource = parseResource(mapping.sentryResource)
  if (resource === null) {
    throw new OAuthMapError('server_error', null, 'The configured Sentry Resource is no https resource; correct it.')
  }
  const slash = resource.indexOf('/', SCHEME.length)
  return slash === -1 ? resource : resource.slice(0, slash)
}

/**
 * Whether a redirect URI is a registered one. Scheme without regard to case, everything else exactly; for a
 * private-use scheme a single last slash may be there or not (Entra answers iOS in lower case with a slash added).
 */
export function sameRedirectUri(given: string, registered: string): boolean {
  const a = splitScheme(given)
  const b = splitScheme(registered)
  if (a === null || b === null || a.scheme !== b.scheme) return false
  if (a.rest === b.rest) return true
  if (a.scheme === 'https' || a.scheme === 'http') return false
  return withoutLastSlash(a.rest) === withoutLastSlash(b.rest)
}

/** A to Z only: `toLowerCase` would also make ASCII letters of the Kelvin sign and its like. */
function foldAscii(text: string): string {
  let folded = ''
  for (const character of text) folded += character >= 'A' && character <= 'Z' ? character.toLowerCase() : character
  return folded
}

function withoutLastSlash(rest: string): string {
  return rest.endsWith('/') && !rest.endsWith('//') ? rest.slice(0, -1) : rest
}

function splitScheme(uri: string): { scheme: string; rest: string } | null {
  const colon = uri.indexOf(':')
  return colon <= 0 ? null : { scheme: foldAscii(uri.slice(0, colon)), rest: uri.slice(colon + 1) }
}

function parseAuthority(text: string): string | null {
  const colon = text.indexOf(':')
  const host = foldAscii(colon === -1 ? text : text.slice(0, colon))
  if (host === '' || host.length > 253) return null
  for (const character of host) if (!HOST_CHARACTERS.has(character)) return null
  if (host.split('.').includes('')) return null
  if (colon === -1) return host
  const port = text.slice(colon + 1)
  const number = Number(port)
  // String comparison refuses leading zeros, signs, exponents and blanks in one step.
  if (port !== String(number) || !Number.isInteger(number) || number < 1 || number > 65_535) return null
  return number === 443 ? host : `${host}:${port}`
}

function isPlainPath(path: string): boolean {
  for (const character of path) if (!PATH_CHARACTERS.has(character)) return false
  const segments = path.split('/').slice(1)
  return segments.every((segment, index) => {
    if (segment === '') return index === segments.length - 1
    return segment !== '.' && segment !== '..'
  })
}
