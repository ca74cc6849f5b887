/**
 * What Sentries are told, by key. Numbers become visible in the order in which they are given, and only what really
 * differs gets a new one.
 * @module
 */
import { sql } from 'kysely'
import type { Change } from '../../database/store.ts'
import type { BaseTables } from '../../database/tables/base.ts'

type EntryKind = BaseTables['posture_entries']['kind']

/** Held until the commit by whoever changes posture. */
const POSTURE_LOCK = 7_205_002

/** A value under a key; null: no longer there. */
export interface PostureEntryDraft {
  readonly key: string
  readonly value: object | null
}

/**
 * Waits until no other change of what follows from facts (posture, members of labels) is under way. Taken before facts
 * are read: of two changes to one device the second then sees what the first did, and numbers are committed in order.
 */
export async function lockPosture(change: Change): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(POSTURE_LOCK)})`.execute(change.tx)
}

/** Writes entries of one kind; the caller holds the lock. Returns how many differ from what was there. */
export async function writeEntries(
  change: Change,
  kind: EntryKind,
  entries: readonly PostureEntryDraft[],
): Promise<number> {
  if (entries.length === 0) return 0
  const { numAffectedRows } = await sql`
    insert into posture_entries (kind, key, value, seq, at)
    select ${kind}, told.key, told.value, nextval('posture_seq'), ${change.now}
    from (
      select key, nullif(value, 'null'::jsonb) as value
      from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as entry (key text, value jsonb)
    ) told
    left join posture_entries known on known.kind = ${kind} and known.key = told.key
    where known.value is distinct from told.value
    on conflict (kind, key) do update set value = excluded.value, seq = excluded.seq, at = excluded.at`.execute(
    change.tx,
  )
  const count = Number(numAffectedRows ?? 0n)
  if (count > 0) change.wake('posture')
  return count
}
