/**
 * Core processes on this database: each says every ten seconds that it runs.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { CoreInstance } from '@postern/contract/api/system'
import type { Db } from '../../database/connect.ts'
import { CORE_VERSION } from '../../version.ts'
import type { Services } from '../services.ts'

/** Between two heartbeats. Milliseconds. */
const BEAT_MS = 10_000
/** Without one for so long a process counts as gone. Seconds. */
const GONE_SECONDS = 30
const PREFIX = 'instance:'

/**
 * Writes the first heartbeat and goes on until disposed; then the row is removed. Times are the database's, so that clocks
 * of several machines do not matter.
 */
export async function startHeartbeat({
  store: { db },
  log,
}: Pick<Services, 'store' | 'log'>): Promise<AsyncDisposable> {
  const name = `${PREFIX}${randomUUID()}`
  const stop = new AbortController()
  const about = JSON.stringify({ host: hostname(), pid: process.pid, version: CORE_VERSION })
  await beat(db, name, about)
  const running = (async () => {
    while (await slept(BEAT_MS, stop.signal)) {
      await beat(db, name, about).catch(() => log('problem', 'heartbeat-not-written', {}))
    }
  })()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
      await db
        .deleteFrom('core_state')
        .where('name', '=', name)
        .execute()
        .catch(() => undefined) // the database is away: the row ages
    },
  }
}

/** Processes of the last day, the youngest heartbeat first. */
export async function listInstances(db: Db): Promise<CoreInstance[]> {
  const { rows } = await sql<{ name: string; value: Record<string, unknown>; alive: boolean }>`
    select name, value, (value ->> 'seenAt')::timestamptz > now() - ${GONE_SECONDS} * interval '1 second' as alive
    from core_state where name like ${`${PREFIX}%`} order by value ->> 'seenAt' desc`.execute(db)
  return rows.map(({ name, value, alive }) => ({
    id: name.slice(PREFIX.length),
    host: String(value['host']),
    pid: Number(value['pid']),
    version: String(value['version']),
    startedAt: new Date(String(value['startedAt'])).toISOString(),
    seenAt: new Date(String(value['seenAt'])).toISOString(),
    alive,
  }))
}

/** False when the end came first. */
function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false)
}

async function beat(db: Db, name: string, about: string): Promise<void> {
  await sql`
    insert into core_state (name, value)
    values (${name}, ${about}::jsonb || jsonb_build_object('startedAt', now(), 'seenAt', now()))
    on conflict (name) do update set value = core_state.value || jsonb_build_object('seenAt', now())`.execute(db)
  await sql`delete from core_state where name like ${`${PREFIX}%`}
    and (value ->> 'seenAt')::timestamptz < now() - interval '1 day'`.execute(db)
}
