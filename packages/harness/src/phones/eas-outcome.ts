/**
 * What a phone makes of an answer to an ActiveSync command. Pure.
 *
 * Document: MS-ASHTTP 2.2.2.1.1 (HTTP status), MS-ASCMD 2.2.2 (common Status values).
 * @module
 */
import { bearerChallengeOf } from './bearer-challenge.ts'
import type { BearerChallenge } from './bearer-challenge.ts'
import { readAnswer, rootStatus } from './eas-documents.ts'
import type { WbxmlNode } from './eas-documents.ts'
import type { PhoneReply } from './phone-http.ts'

/** An answer, read. `status` is the Status right under the document's root, null when there is none. */
export interface EasOutcome {
  http: number
  status: string | null
  document: WbxmlNode | null
  headers: PhoneReply['headers']
  challenge: BearerChallenge | null
  /** Seconds the server asked to stay away; null when it did not. */
  retryAfterSeconds: number | null
  /** How long the answer took. */
  ms: number
}

/** What the phone does next by itself. `hold`: it stops and tells its owner. */
export type Reaction = 'none' | 'authenticate' | 'provision' | 'wipe' | 'hold' | 'wait'

const REACTION_BY_STATUS: ReadonlyMap<string, Reaction> = new Map([
  ...['126', '127', '128', '129', '130', '131', '139', '141', '177'].map((status) => [status, 'hold'] as const),
  ['140', 'wipe'],
  ...['142', '143', '144'].map((status) => [status, 'provision'] as const),
])

const REACTION_BY_HTTP: ReadonlyMap<number, Reaction> = new Map([
  [401, 'authenticate'],
  [449, 'provision'],
  [403, 'hold'],
  [503, 'wait'],
])

/** Reads an answer. @throws when its body says WBXML and is none: a phone would drop the account's state. */
export function toOutcome(reply: PhoneReply): EasOutcome {
  const document = reply.status === 200 && reply.body.length > 0 ? readAnswer(reply.body) : null
  const retryAfter = Number(reply.headers['retry-after'] ?? Number.NaN)
  return {
    http: reply.status,
    status: document === null ? null : rootStatus(document),
    document,
    headers: reply.headers,
    challenge: bearerChallengeOf(reply.headers['www-authenticate']),
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : null,
    ms: reply.ms,
  }
}

/** What the phone does about an answer. */
export function reactionTo(outcome: EasOutcome): Reaction {
  const byStatus = outcome.status === null ? undefined : REACTION_BY_STATUS.get(outcome.status)
  return byStatus ?? REACTION_BY_HTTP.get(outcome.http) ?? 'none'
}
