/**
 * How Core is: release, database, keys, processes.
 * @module
 */
import { sql } from 'kysely'
import type { SystemState } from '@postern/contract/api/system'
import { CORE_VERSION } from '../../version.ts'
import { keyState } from '../keys/rotate-keys.ts'
import type { Services } from '../services.ts'
import { listInstances } from './instances.ts'

/** For the API. */
export async function systemState(services: Services): Promise<SystemState> {
  const { config, store } = services
  const { db } = store
  const facts = await sql<{ version: string; size: number; epoch: string; rows: number }>`
    select current_setting('server_version') as version, pg_database_size(current_database()) as size,
      (select value #>> '{}' from core_state where name = 'epoch') as epoch, (select seq from audit_head) as rows`.execute(
    db,
  )
  const [row] = facts.rows
  if (row === undefined) throw new TypeError('a select without a table gives a row')
  const migrations = await sql<{ number: number; name: string; applied_at: Date }>`
    select number, name, applied_at from migrations order by number`.execute(db)
  const taken = await db
    .selectFrom('audit')
    .select('at')
    .where('object_kind', '=', 'backup')
    .where('action', '=', 'backup.create')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  const { admin, device, feed } = config
  return {
    version: CORE_VERSION,
    epoch: row.epoch,
    listeners: {
      admin: { host: admin.host, port: admin.port },
      device: { host: device.host, port: device.port },
      feed: { host: feed.host, port: feed.port },
    },
    database: {
      kind: config.databaseUrl === null ? 'embedded' : 'external',
      version: row.version,
      sizeBytes: row.size,
      migrations: migrations.rows.map(({ number, name, applied_at: at }) => ({
        number,
        name,
        appliedAt: at.toISOString(),
      })),
    },
    keys: await keyState(services),
    instances: await listInstances(db),
    audit: { rows: row.rows },
    backup: { lastAt: taken?.at.toISOString() ?? null },
  }
}
