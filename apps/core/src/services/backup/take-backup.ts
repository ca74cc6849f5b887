/**
 * Takes a backup while everything goes on: one read-only transaction sees one moment of all tables.
 * @module
 */
import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { type ControlledTransaction, sql } from 'kysely'
import { SINGLETON_LOCKS } from '../../database/singleton.ts'
import type { Tables } from '../../database/tables.ts'
import { CoreError } from '../../failure.ts'
import { CORE_VERSION } from '../../version.ts'
import type { Services } from '../services.ts'
import { BackupDigest, type BackupHeader, LEFT_OUT } from './backup-file.ts'
import { sequenceNames, tableShapes, type TableShape } from './catalog.ts'

/** Rows in memory at once. */
const FETCH_ROWS = 200

type ReadTx = ControlledTransaction<Tables>

/**
 * The file as a stream; bounded memory. A stream that fails ends early, and what was received has no end.
 * @throws CoreError CONFLICT while another backup is being taken, on whichever Core
 */
export async function takeBackup(services: Services): Promise<Readable> {
  const tx = await services.store.db
    .startTransaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute()
  try {
    await prepare(tx)
    const header = await headerOf(tx, new Date(services.now()))
    const gzip = createGzip()
    pipeline(Readable.from(lines(services, tx, header)), gzip, (error) => {
      if (error) services.log('problem', 'backup-not-finished', { name: error.name })
    })
    return gzip
  } catch (error) {
    await tx.rollback().execute()
    throw error
  }
}

/** Values as the same text on every server; a receiver that is slow for ten minutes has left. */
async function prepare(tx: ReadTx): Promise<void> {
  await sql`set local datestyle = 'ISO, MDY'`.execute(tx)
  await sql`set local intervalstyle = 'postgres'`.execute(tx)
  await sql`set local timezone = 'UTC'`.execute(tx)
  await sql`set local bytea_output = 'hex'`.execute(tx)
  await sql`set local extra_float_digits = 3`.execute(tx)
  await sql`set local idle_in_transaction_session_timeout = '10min'`.execute(tx)
  const lock = sql.lit(SINGLETON_LOCKS.backup)
  const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_xact_lock(${lock}) as held`.execute(tx)
  if (rows[0]?.held !== true)
    throw new CoreError('CONFLICT', 'a backup is being taken already; wait until that is done')
}

async function headerOf(tx: ReadTx, now: Date): Promise<BackupHeader> {
  const { rows } = await sql<BackupHeader['migrations'][number]>`
    select number, name, sha256 from migrations order by number`.execute(tx)
  const epoch = await tx.selectFrom('core_state').select('value').where('name', '=', 'epoch').executeTakeFirstOrThrow()
  return {
    format: 'postern-backup',
    formatVersion: 1,
    createdAt: now.toISOString(),
    coreVersion: CORE_VERSION,
    epoch: String(epoch.value),
    migrations: rows,
  }
}

async function* lines(services: Services, tx: ReadTx, header: BackupHeader): AsyncGenerator<string, undefined> {
  const digest = new BackupDigest()
  const counts: Record<string, number> = {}
  const line = (text: string): string => {
    digest.add(text)
    return `${text}\n`
  }
  try {
    yield line(JSON.stringify(header))
    for (const shape of await tableShapes(tx)) {
      if (LEFT_OUT.has(shape.name)) continue
      yield line(JSON.stringify({ table: shape.name, columns: shape.columns.map(({ name }) => name) }))
      counts[shape.name] = 0
      for await (const rows of rowsOf(tx, shape)) {
        counts[shape.name] = (counts[shape.name] ?? 0) + rows.length
        yield rows.map(line).join('')
      }
    }
    for (const name of await sequenceNames(tx)) {
      const { rows } = await sql<{ last: string; called: boolean }>`
        select last_value::text as last, is_called as called from ${sql.table(name)}`.execute(tx)
      yield line(JSON.stringify({ sequence: name, ...rows[0] }))
    }
    yield `${JSON.stringify(digest.trailer(counts, services.keys.auditKey))}\n`
    return undefined
  } finally {
    await tx.rollback().execute()
  }
}

async function* rowsOf(tx: ReadTx, { name, columns, order }: TableShape): AsyncGenerator<readonly string[], undefined> {
  const texts = sql.join(columns.map((column) => sql`${sql.ref(column.name)}::text`))
  const keys = sql.join(order.map((key) => sql.ref(key)))
  await sql`declare backup no scroll cursor for
    select array_to_json(array[${texts}])::text as line from ${sql.table(name)} order by ${keys}`.execute(tx)
  for (;;) {
    const { rows } = await sql<{ line: string }>`fetch ${sql.lit(FETCH_ROWS)} from backup`.execute(tx)
    if (rows.length > 0) yield rows.map(({ line }) => line)
    if (rows.length < FETCH_ROWS) break
  }
  await sql`close backup`.execute(tx)
  return undefined
}
