/**
 * The unit of work: every change is one transaction that also holds its audit rows and its wake-ups. Nothing is
 * acknowledged before it is committed, and nothing is committed without saying who did it.
 * @module
 */
import { sql, type Transaction } from 'kysely'
import { type Actor, type AuditDraft, chainMac, toFacts } from '../audit/chain.ts'
import { CoreError } from '../failure.ts'
import type { Db } from './connect.ts'
import { isDatabaseAway, sqlState } from './sql-error.ts'
import { toFailure } from './to-failure.ts'
import type { Tables } from './tables.ts'

/** A transaction. */
export type Tx = Transaction<Tables>

/** What other processes are woken for: `posture` of devices, `sentries` (documents and registrations). */
export type Topic = 'posture' | 'sentries'

/** PostgreSQL's channel for all topics. */
export const CHANNEL = 'postern'

/** A change under way. */
export interface Change {
  readonly tx: Tx
  readonly actor: Actor
  /** The time of the whole change. */
  readonly now: Date
  /** Writes down what is done; the row is committed with the change. */
  readonly audit: (draft: AuditDraft) => void
  /** Wakes every Core when this is committed. */
  readonly wake: (topic: Topic) => void
}

/** A create that may come again. `key`: 1 to 200 characters, of the client's choice. */
export interface Repeatable {
  readonly key: string
  readonly requestHash: string
}

/** Reads and changes. */
export interface Store {
  readonly db: Db
  /**
   * Runs `work` in a transaction; it may run again when PostgreSQL asks for that, so it does nothing but use `tx`. With
   * `repeatable`, a request that was done before gives its first result again.
   * @throws CoreError of `work`; CONFLICT for what breaks a unique rule, UNAVAILABLE when the database is away.
   */
  change<T>(actor: Actor, work: (change: Change) => Promise<T>, repeatable?: Repeatable): Promise<T>
}

/** Serialization failure and deadlock: worth another try. */
const TRY_AGAIN = new Set(['40001', '40P01'])
const MAX_TRIES = 5
/** Audit rows in one statement, which may have 65,535 parameters. */
const AUDIT_BATCH = 2_000

/** `auditKey`: 32 bytes. `now`: ms since 1970. */
export function createStore(db: Db, auditKey: Buffer, now: () => number): Store {
  return {
    db,
    change: async (actor, work, repeatable) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await once(db, auditKey, new Date(now()), actor, work, repeatable)
        } catch (error) {
          if (attempt >= MAX_TRIES || !TRY_AGAIN.has(sqlState(error))) throw translated(error)
        }
      }
    },
  }
}

async function once<T>(
  db: Db,
  auditKey: Buffer,
  now: Date,
  actor: Actor,
  work: (change: Change) => Promise<T>,
  repeatable: Repeatable | undefined,
): Promise<T> {
  return db.transaction().execute(async (tx) => {
    const done = repeatable === undefined ? null : await earlierReply(tx, actor, repeatable)
    if (done !== null) return done.reply as T // what this very work gave the first time
    const drafts: AuditDraft[] = []
    const topics = new Set<Topic>()
    const result = await work({
      tx,
      actor,
      now,
      audit: (draft) => void drafts.push(draft),
      wake: (topic) => void topics.add(topic),
    })
    if (repeatable !== undefined) {
      const row = { actor: actorKey(actor), key: repeatable.key, request_hash: repeatable.requestHash }
      await tx
        .insertInto('idempotency')
        .values({ ...row, reply: JSON.stringify({ reply: result }) })
        .execute()
    }
    if (drafts.length > 0) await appendAudit(tx, auditKey, now, actor, drafts)
    for (const topic of topics) await sql`select pg_notify(${CHANNEL}, ${topic})`.execute(tx)
    return result
  })
}

// Last in the transaction: the head row is what all writers wait for, so it is held for as short as can be.
async function appendAudit(
  tx: Tx,
  auditKey: Buffer,
  now: Date,
  actor: Actor,
  drafts: readonly AuditDraft[],
): Promise<void> {
  const head = await tx.selectFrom('audit_head').select(['seq', 'mac']).forUpdate().executeTakeFirstOrThrow()
  let { seq, mac } = head
  const rows = drafts.map((draft) => {
    seq += 1
    const facts = toFacts(seq, now, actor, draft)
    mac = chainMac(auditKey, mac, facts)
    return { ...facts, before: json(facts.before), after: json(facts.after), mac }
  })
  for (let from = 0; from < rows.length; from += AUDIT_BATCH) {
    await tx
      .insertInto('audit')
      .values(rows.slice(from, from + AUDIT_BATCH))
      .execute()
  }
  await tx.updateTable('audit_head').set({ seq, mac }).execute()
}

function json(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

function actorKey(actor: Actor): string {
  return `${actor.kind}:${actor.id ?? ''}`
}

// Two equal requests at once: the second waits for the first here, and then finds its reply.
async function earlierReply(
  tx: Tx,
  actor: Actor,
  { key, requestHash }: Repeatable,
): Promise<{ reply: unknown } | null> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${actorKey(actor)} ${key}`}, 0))`.execute(tx)
  const row = await tx
    .selectFrom('idempotency')
    .select(['request_hash', 'reply'])
    .where('actor', '=', actorKey(actor))
    .where('key', '=', key)
    .executeTakeFirst()
  if (row === undefined) return null
  if (row.request_hash !== requestHash) {
    throw new CoreError('IDEMPOTENCY_MISMATCH', 'this Idempotency-Key was sent with another request; take a new key')
  }
  return row.reply as { reply: unknown } // written by `once`
}

function translated(error: unknown): unknown {
  const state = sqlState(error)
  if (state === '23505') {
    const detail = error instanceof Error && 'constraint' in error ? String(error.constraint) : 'a unique rule'
    return new CoreError('CONFLICT', `something with this name or key is already there (${detail})`, { cause: error })
  }
  if (state === '23503') {
    return new CoreError('IN_USE', 'something else refers to it, or what it refers to is gone', { cause: error })
  }
  if (isDatabaseAway(error)) return toFailure(error)
  return error
}
