/**
 * Rows of posture that say only that something is gone: kept for Sentries that were away, then purged.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'
import type { Services } from '../services/services.ts'
import { HORIZON } from './posture-source.ts'

/** A Sentry that was away for longer gets a snapshot. Milliseconds. */
export const KEEP_TOMBSTONES_MS = 30 * 86_400_000
const EVERY_MS = 6 * 3_600_000

/**
 * Purges what is older, and remembers up to which number. The newest row stays: it is what `newest` is known by. Returns
 * how many went.
 */
export async function purgeTombstones(db: Db, now: number): Promise<number> {
  const before = new Date(now - KEEP_TOMBSTONES_MS)
  const { rows } = await sql<{ n: number }>`
    with gone as (
      delete from posture_entries where value is null and at < ${before}
        and seq < (select max(seq) from posture_entries) returning seq
    ), horizon as (
      insert into core_state (name, value) select ${HORIZON}, to_jsonb(max(seq)) from gone having count(*) > 0
      on conflict (name) do update
        set value = to_jsonb(greatest(core_state.value::text::bigint, excluded.value::text::bigint))
    )
    select count(*) as n from gone`.execute(db)
  return rows[0]?.n ?? 0
}

/** Purges now and then. Several Cores may: it does no harm twice. */
export function startTombstonePurge({ store, log, now }: Pick<Services, 'store' | 'log' | 'now'>): Disposable {
  const purge = (): void => {
    purgeTombstones(store.db, now()).then(
      (n) => (n === 0 ? undefined : log('info', 'posture-purged', { rows: n })),
      (error: unknown) =>
        log('problem', 'posture-purge-failed', { name: error instanceof Error ? error.name : 'unknown' }),
    )
  }
  const timer = setInterval(purge, EVERY_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
