/**
 * The WWW-Authenticate header: the mail server's challenge with our authorization URL in it, and our own challenge.
 *
 * Documents: RFC 9110 11.2, 11.3 and 11.6.1; RFC 6750 3; the challenge of Exchange Online as recorded.
 * A client that takes its endpoints from the challenge would otherwise sign in past us. Input is untrusted; one
 * pass, no backtracking but the length of one token.
 * @module
 */
import { EXCHANGE_APPLICATION_ID } from './claims.ts'
import type { OAuthMapping } from './model.ts'
import { sentryOrigin } from './resource.ts'

/** Longest header value that is read, characters. A claims challenge is about 1 KiB. */
const MAX_CHALLENGE_LENGTH = 16_384

/** Why a challenge cannot be rewritten. */
export type ChallengeErrorCode = 'CHALLENGE_TOO_LONG' | 'CHALLENGE_MALFORMED' | 'CHALLENGE_UNSAFE_VALUE'

/** A challenge that is not passed on; the local one takes its place. `offset` counts characters. */
export class ChallengeError extends Error {
  override name = 'ChallengeError'
  readonly code: ChallengeErrorCode
  readonly offset: number

  constructor(code: ChallengeErrorCode, offset: number, message: string) {
    super(message)
    this.code = code
    this.offset = offset
  }
}

/** Where a client signs in through us; goes into every challenge. */
export function authorizationUri(mapping: OAuthMapping): string {
  return `${sentryOrigin(mapping)}/proxyservice/oauth2/authorize`
}

/**
 * Replaces the value of each `authorization_uri` of each Bearer challenge, quoted or not, by the quoted URL. Every
 * other character stays. Several challenges in one value are understood.
 * @throws ChallengeError, and nothing else.
 */
export function rewriteChallenge(headerValue: string, authorizationUri: string): string {
  const quoted = quotedString(authorizationUri)
  if (headerValue.length > MAX_CHALLENGE_LENGTH) {
    throw new ChallengeError('CHALLENGE_TOO_LONG', MAX_CHALLENGE_LENGTH, 'challenge is longer than 16 KiB')
  }
  let rewritten = ''
  let copied = 0
  for (const { scheme, name, start, end } of parameters(headerValue)) {
    if (scheme !== 'bearer' || name !== 'authorization_uri') continue
    rewritten += headerValue.slice(copied, start) + quoted
    copied = end
  }
  return rewritten + headerValue.slice(copied)
}

/**
 * The challenge that Exchange Online gives to an empty token, with our URL. `error` is a token of RFC 6750 3.1,
 * default `invalid_token`.
 * @throws ChallengeError `CHALLENGE_UNSAFE_VALUE` when a value cannot stand in a quoted string.
 */
export function localChallenge(authorizationUri: string, extra: { readonly error?: string } = {}): string {
  return [
    `Bearer client_id=${quotedString(EXCHANGE_APPLICATION_ID)}`,
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*"',
    'token_types="app_asserted_user_v1 service_asserted_app_v1"',
    `authorization_uri=${quotedString(authorizationUri)}`,
    `error=${quotedString(extra.error ?? 'invalid_token')}`,
  ].join(', ')
}

function quotedString(value: string): string {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
      throw new ChallengeError('CHALLENGE_UNSAFE_VALUE', i, 'value cannot stand in a quoted string')
    }
  }
  return `"${value}"`
}

interface Parameter {
  /** Lower case. */
  readonly scheme: string
  /** Lower case. */
  readonly name: string
  readonly start: number
  readonly end: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const EQUALS = 0x3d
const TOKEN = characters("!#$%&'*+-.^_`|~")
const TOKEN68 = characters('-._~+/')

function characters(punctuation: string): ReadonlySet<number> {
  const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  return new Set([...(punctuation + alphanumeric)].map((character) => character.charCodeAt(0)))
}

/** All parameters of all challenges, in order. */
function parameters(text: string): Parameter[] {
  const found: Parameter[] = []
  let scheme: string | null = null
  let at = skipSeparators(text, 0)
  while (at < text.length) {
    const wordEnd = skipToken(text, at)
    const word = text.slice(at, wordEnd).toLowerCase()
    const next = skipBlanks(text, wordEnd)
    if (text.charCodeAt(next) === EQUALS) {
      if (scheme === null) throw malformed(at, 'parameter before any scheme')
      const start = skipBlanks(text, next + 1)
      const end = skipValue(text, start)
      found.push({ scheme, name: word, start, end })
      at = skipToSeparator(text, end)
    } else if (next === text.length || text.charCodeAt(next) === COMMA) {
      scheme = word
      at = next
    } else {
      if (next === wordEnd) throw malformed(next, 'character outside a token')
      const token68End = skipToken68(text, next)
      // A challenge has a token68 or parameters, so a parameter behind a token68 belongs to nothing.
      scheme = token68End === null ? word : null
      at = token68End ?? next
    }
    at = skipSeparators(text, at)
  }
  return found
}

/** End of a token68 that is all a challenge has; null when parameters follow instead. */
function skipToken68(text: string, from: number): number | null {
  let at = from
  while (TOKEN68.has(text.charCodeAt(at))) at++
  if (at === from) return null
  while (text.charCodeAt(at) === EQUALS) at++
  at = skipBlanks(text, at)
  return at === text.length || text.charCodeAt(at) === COMMA ? at : null
}

function skipToken(text: string, from: number): number {
  let at = from
  while (TOKEN.has(text.charCodeAt(at))) at++
  if (at === from) throw malformed(from, 'token expected')
  return at
}

function skipValue(text: string, from: number): number {
  if (text.charCodeAt(from) === QUOTE) return skipQuoted(text, from)
  // Wider than a token: servers are seen that forget the quotes around a URL.
  let at = from
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x21 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH || unit === COMMA) break
  }
  if (at === from) throw malformed(from, 'value expected')
  return at
}

function skipQuoted(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) return at + 1
    if ((unit < 0x20 && unit !== 0x09) || unit === 0x7f || unit > 0xff) throw malformed(at, 'control character')
    if (unit === BACKSLASH) {
      at++
      if (text.charCodeAt(at) < 0x20) throw malformed(at, 'control character')
    }
  }
  throw malformed(text.length, 'quoted string has no end')
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at++
  return at
}

function skipToSeparator(text: string, from: number): number {
  const at = skipBlanks(text, from)
  if (at < text.length && text.charCodeAt(at) !== COMMA) throw malformed(at, 'comma expected')
  return at
}

function skipSeparators(text: string, from: number): number {
  let at = skipBlanks(text, from)
  while (text.charCodeAt(at) === COMMA) at = skipBlanks(text, at + 1)
  return at
}

function malformed(offset: number, what: string): ChallengeError {
  return new ChallengeError('CHALLENGE_MALFORMED', offset, what)
}
