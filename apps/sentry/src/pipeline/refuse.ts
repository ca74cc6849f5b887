/**
 * Refusals that are plain HTTP: short, the same for everyone, without a word about who or why (A33).
 * @module
 */
import { localChallenge } from '@postern/oauth-map/challenge'
import type { Exchange, ReplyHead } from '../listener/exchange.ts'
import { type Reason, reasonRow } from '../decision/reasons.ts'

type Field = readonly [name: string, value: string]

const TEXT: Field = ['Content-Type', 'text/plain; charset=utf-8']
const NO_STORE: Field = ['Cache-Control', 'no-store']
/** Devices that come back after a fault of ours are spread over this many seconds (A36). */
const RETRY_FROM = 30
const RETRY_SPREAD = 90

/** Words for the body by status; the audit line has the reason. */
const PHRASES = new Map<number, string>([
  [400, 'The request is malformed.'],
  [401, 'Sign in.'],
  [403, 'Access is refused. Ask your administrator.'],
  [404, 'Not found.'],
  [405, 'Method not allowed.'],
  [408, 'The request came too slowly.'],
  [413, 'The request is too large.'],
  [414, 'The address is too long.'],
  [415, 'The body cannot be read in this form.'],
  [417, 'The expectation cannot be met.'],
  [421, 'This server does not answer to that name.'],
  [429, 'Too many requests. Try again in a second.'],
  [431, 'The header is too large.'],
  [449, 'Provision first.'],
  [501, 'Not implemented.'],
  [503, 'The mail server cannot be reached now. Try again later.'],
  [505, 'HTTP/1.1 only.'],
])

/** Statuses after which the connection ends: bytes that we could not read may still be in it (A1). */
const CLOSING = new Set([400, 408, 413, 414, 431, 501, 505])

/** Seconds to wait, with the same spread for all. `random` is in 0 to 1. */
export function retryAfter(random: () => number = Math.random): string {
  return String(RETRY_FROM + Math.floor(random() * RETRY_SPREAD))
}

/** A refusal with a status of its own choice. */
export function plainRefusal(status: number, extra: readonly Field[] = []): { head: ReplyHead; body: Uint8Array } {
  const text = PHRASES.get(status) ?? 'Refused.'
  const retry: Field[] = status === 503 ? [['Retry-After', retryAfter()]] : []
  const close: Field[] = CLOSING.has(status) ? [['Connection', 'close']] : []
  return { head: { status, fields: [TEXT, NO_STORE, ...retry, ...close, ...extra] }, body: Buffer.from(`${text}\n`) }
}

/** Replies with the row's HTTP status. `challengeUri` goes into the challenge of a 401. */
export function refuseByHttp(
  exchange: Exchange,
  reason: Reason,
  challengeUri: string,
  extra: readonly Field[] = [],
): void {
  const { http } = reasonRow(reason)
  const challenge: Field[] = http === 401 ? [['WWW-Authenticate', localChallenge(challengeUri)]] : []
  const { head, body } = plainRefusal(http, [...challenge, ...extra])
  exchange.reply(head, body)
}
