/**
 * Work that one of all Core processes does: whoever holds the lock. It is PostgreSQL's, so it falls free when its holder
 * dies, and another process takes over.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Db } from './connect.ts'

/** How often the others try, and the holder asks whether its connection still lives. Milliseconds. */
const ROUND_MS = 1_000

/** Advisory locks of singletons; each number once. 7 205 001 belongs to the migrations. */
export const SINGLETON_LOCKS = { syslog: 7_205_010, backup: 7_205_011, keys: 7_205_012 } as const

/**
 * Runs `work` while this process holds the lock, again and again until disposed. `work` ends soon after `signal` does.
 * `fault` hears of what `work` throws and of lost connections. Disposing waits for `work`.
 */
export function startSingleton(
  db: Db,
  lock: number,
  work: (signal: AbortSignal) => Promise<void>,
  fault: (error: unknown) => void,
): AsyncDisposable {
  const stop = new AbortController()
  const running = (async () => {
    while (!stop.signal.aborted) {
      await tryOnce(db, lock, work, stop.signal).catch(fault)
      await sleep(ROUND_MS, undefined, { signal: stop.signal }).catch(() => undefined) // woken by the end
    }
  })()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}

async function tryOnce(
  db: Db,
  lock: number,
  work: (signal: AbortSignal) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  await db.connection().execute(async (connection) => {
    const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_lock(${sql.lit(lock)}) as held`.execute(
      connection,
    )
    if (rows[0]?.held !== true) return
    const ended = new AbortController()
    const watch = watchConnection(connection, ended, stop)
    try {
      await work(AbortSignal.any([stop, ended.signal]))
    } finally {
      ended.abort()
      await watch
      await sql`select pg_advisory_unlock(${sql.lit(lock)})`.execute(connection)
    }
  })
}

/** Ends the work when the connection, and the lock with it, is lost. */
async function watchConnection(connection: Db, ended: AbortController, stop: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([stop, ended.signal])
  while (!signal.aborted) {
    await sleep(ROUND_MS, undefined, { signal }).catch(() => undefined)
    await sql`select 1`.execute(connection).catch(() => ended.abort())
  }
}
