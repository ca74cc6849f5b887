/**
 * `application/x-www-form-urlencoded` to pairs and back, as query or body: strict, ordered, decoded exactly once.
 *
 * Documents: RFC 6749 3.1, 3.2 and appendix B; RFC 3986 2.1. Input is untrusted; the caller has checked its length.
 * What is forwarded is always written anew from the decoded pairs, so no second reading of the original exists.
 * @module
 */
import { OAuthMapError } from './model.ts'

/** One parameter, decoded. Names are visible ASCII. */
export interface FormPair {
  readonly name: string
  readonly value: string
}

/** Most parameters a request may have. Real clients send about twenty-five. */
const MAX_PARAMETERS = 256

/**
 * Parameters with a meaning of their own: each at most once (RFC 6749 3.1), and only in this spelling. The identity
 * provider may compare names without regard to case, so a second spelling would be a second, unmapped parameter.
 */
const OAUTH_PARAMETERS: ReadonlySet<string> = new Set([
  ...['response_type', 'response_mode', 'client_id', 'redirect_uri', 'resource', 'scope', 'state', 'nonce'],
  ...['prompt', 'login_hint', 'domain_hint', 'claims', 'display', 'max_age', 'ui_locales', 'id_token_hint'],
  ...['acr_values', 'request', 'request_uri', 'registration', 'audience', 'instance_aware', 'client_info'],
  ...['code_challenge', 'code_challenge_method', 'code', 'code_verifier', 'grant_type', 'refresh_token'],
  ...['client_secret', 'client_assertion', 'client_assertion_type', 'assertion', 'username', 'password'],
  ...['device_code', 'requested_token_use', 'requested_token_type', 'subject_token', 'subject_token_type'],
  ...['actor_token', 'actor_token_type'],
])

/**
 * Decodes a query or body. Empty pairs (`a=1&&b=2`) are skipped; a name without `=` has the empty value.
 * @throws OAuthMapError `invalid_request`: a character outside visible ASCII, an incomplete escape, bytes that are
 * not UTF-8, a control character, an empty or blank name, a repeated or oddly spelt OAuth parameter, too many pairs.
 */
export function parseForm(raw: string): FormPair[] {
  const pairs: FormPair[] = []
  const seen = new Set<string>()
  for (const part of raw.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = parseName(equals === -1 ? part : part.slice(0, equals), seen)
    const value = equals === -1 ? '' : decodeComponent(part.slice(equals + 1), known(name))
    // `claims` is JSON, in which line ends and tabs are white space; nowhere else have they any business.
    if (hasControl(value, name === 'claims')) {
      throw new OAuthMapError('invalid_request', known(name), 'A parameter holds a control character; remove it.')
    }
    pairs.push({ name, value })
    if (pairs.length > MAX_PARAMETERS) {
      throw new OAuthMapError('invalid_request', null, `More than ${MAX_PARAMETERS} parameters; send fewer.`)
    }
  }
  return pairs
}

/** Writes pairs so that every decoder reads the same values: all but unreserved characters escaped, blank as %20. */
export function encodeForm(pairs: readonly FormPair[]): string {
  return pairs.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
}

/** The value of a parameter that occurs at most once; null when it is absent or empty (RFC 6749 3.1). */
export function valueOf(pairs: readonly FormPair[], name: string): string | null {
  const value = pairs.find((pair) => pair.name === name)?.value
  return value === undefined || value === '' ? null : value
}

/** Replaces a parameter where it stands, or appends it. */
export function withParameter(pairs: readonly FormPair[], name: string, value: string): FormPair[] {
  if (!pairs.some((pair) => pair.name === name)) return [...pairs, { name, value }]
  return pairs.map((pair) => (pair.name === name ? { name, value } : pair))
}

/** Leaves parameters out. */
export function withoutParameters(pairs: readonly FormPair[], names: ReadonlySet<string>): FormPair[] {
  return pairs.filter((pair) => !names.has(pair.name))
}

function parseName(raw: string, seen: Set<string>): string {
  const name = decodeComponent(raw, null)
  if (name === '') throw new OAuthMapError('invalid_request', null, 'A parameter has no name; remove it.')
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit < 0x21 || unit > 0x7e) {
      throw new OAuthMapError('invalid_request', null, 'A parameter name is not visible ASCII; rename it.')
    }
  }
  const folded = name.toLowerCase()
  if (!OAUTH_PARAMETERS.has(folded)) return name
  if (name !== folded) {
    throw new OAuthMapError('invalid_request', folded, `Parameter ${folded} must be written in lower case.`)
  }
  if (seen.has(name)) throw new OAuthMapError('invalid_request', name, `Parameter ${name} is repeated; send it once.`)
  seen.add(name)
  return name
}

/** Only names of our own table are ever repeated in an error. */
function known(name: string): string | null {
  return OAUTH_PARAMETERS.has(name) ? name : null
}

const PLUS = 0x2b
const PERCENT = 0x25
const HASH = 0x23
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeComponent(raw: string, parameter: string | null): string {
  const bytes = new Uint8Array(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i++) {
    const unit = raw.charCodeAt(i)
    if (unit < 0x21 || unit > 0x7e || unit === HASH) {
      throw new OAuthMapError('invalid_request', parameter, 'A character must be percent-encoded; encode it.')
    }
    if (unit === PERCENT) {
      bytes[length++] = (hexDigit(raw, i + 1, parameter) << 4) | hexDigit(raw, i + 2, parameter)
      i += 2
    } else {
      bytes[length++] = unit === PLUS ? 0x20 : unit
    }
  }
  try {
    return utf8.decode(bytes.subarray(0, length))
  } catch {
    throw new OAuthMapError('invalid_request', parameter, 'A value is not UTF-8; encode it as UTF-8.')
  }
}

function hexDigit(raw: string, at: number, parameter: string | null): number {
  const digit = '0123456789abcdef'.indexOf(raw.charAt(at).toLowerCase())
  if (at < raw.length && digit !== -1) return digit
  throw new OAuthMapError('invalid_request', parameter, 'A percent escape is incomplete; write two hexadecimal digits.')
}

function hasControl(value: string, jsonBlanks: boolean): boolean {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit > 0x1f && (unit < 0x7f || unit > 0x9f)) continue
    if (jsonBlanks && (unit === 0x09 || unit === 0x0a || unit === 0x0d)) continue
    return true
  }
  return false
}
