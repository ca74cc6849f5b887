/**
 * The audit log's chain: each row's code depends on the row and on the code before it, with a key outside of the database.
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** Who did something. `system`: Core itself. */
export interface Actor {
  readonly kind: 'administrator' | 'token' | 'sentry' | 'system'
  readonly id: string | null
  readonly name: string
  readonly sessionId?: string | null
  readonly remote?: string | null
  readonly requestId?: string | null
}

/** Core acting by itself. */
export const SYSTEM: Actor = { kind: 'system', id: null, name: 'Core' }

/**
 * What is written down. `action` is `noun.verb`, such as `label.create`; `before` and `after` hold what changed, and never
 * a secret: services put `'(secret)'` in its place.
 */
export interface AuditDraft {
  readonly action: string
  readonly object: { readonly kind: string; readonly id?: string | null; readonly name?: string | null }
  readonly before?: unknown
  readonly after?: unknown
  readonly note?: string | null
}

/** A row without its code. */
export interface AuditFacts {
  readonly seq: number
  readonly at: Date
  readonly actor_kind: string
  readonly actor_id: string | null
  readonly actor_name: string
  readonly session_id: string | null
  readonly remote: string | null
  readonly request_id: string | null
  readonly action: string
  readonly object_kind: string
  readonly object_id: string | null
  readonly object_name: string | null
  readonly before: unknown
  readonly after: unknown
  readonly note: string | null
}

/** Makes a row of a draft. `null` and absent members are the same. */
export function toFacts(seq: number, at: Date, actor: Actor, draft: AuditDraft): AuditFacts {
  return {
    seq,
    at,
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_name: actor.name,
    session_id: actor.sessionId ?? null,
    remote: actor.remote ?? null,
    request_id: actor.requestId ?? null,
    action: draft.action,
    object_kind: draft.object.kind,
    object_id: draft.object.id ?? null,
    object_name: draft.object.name ?? null,
    before: plain(draft.before),
    after: plain(draft.after),
    note: draft.note ?? null,
  }
}

// As it will come back from jsonb: a Date is text there, and what jsonb cannot hold (NUL, half a surrogate pair) is
// replaced before the code is made. Else a row would not verify that nobody touched.
function plain(value: unknown): unknown {
  const text = JSON.stringify(value ?? null, (_name, member: unknown) =>
    typeof member === 'string' ? member.toWellFormed().replaceAll('\0', '\uFFFD') : member,
  )
  return JSON.parse(text) as unknown
}

/** The row's code: HMAC-SHA-256 over the code before it and the row's canonical form. 32 bytes. */
export function chainMac(key: Buffer, previous: Buffer, facts: AuditFacts): Buffer {
  const body = canonical({ ...facts, at: facts.at.toISOString() })
  return createHmac('sha256', key).update(previous).update('\n').update(body).digest()
}

/** Whether two codes are equal, in constant time. */
export function sameMac(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** JSON with sorted members: what a database gives back in another order has the same form. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    members.sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
  }
  return JSON.stringify(value ?? null)
}
