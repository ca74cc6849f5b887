/**
 * Removes what is of no use any more: replies that are kept for requests which may come again.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Db } from '../../database/connect.ts'
import type { Services } from '../services.ts'

/** A request with an Idempotency-Key may come again for so long. Hours. */
const REPEATABLE_HOURS = 24
const ROUND_MS = 600_000
/** Rows of one statement. */
const BATCH = 5_000

/** Starts the job; every Core may do it at once. Disposing ends it. */
export function startHousekeeping({ store: { db }, log }: Pick<Services, 'store' | 'log'>): AsyncDisposable {
  const stop = new AbortController()
  const running = (async () => {
    do {
      await forgetReplies(db).catch(() => log('problem', 'housekeeping-not-done', {}))
    } while (await sleep(ROUND_MS, true, { signal: stop.signal }).catch(() => false)) // false: woken by the end
  })()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}

/** Returns how many replies were removed. */
export async function forgetReplies(db: Db): Promise<number> {
  let removed = 0
  for (let some = BATCH; some === BATCH; removed += some) {
    const { numAffectedRows } = await sql`
      delete from idempotency where (actor, key) in (
        select actor, key from idempotency where at < now() - ${sql.lit(REPEATABLE_HOURS)} * interval '1 hour'
        limit ${sql.lit(BATCH)} for update skip locked)`.execute(db)
    some = Number(numAffectedRows ?? 0n)
  }
  return removed
}
