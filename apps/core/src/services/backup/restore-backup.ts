/**
 * Restores a backup into an empty database: all of it in one transaction, or nothing.
 *
 * Foreign keys are dropped and made again around the rows, so that their order does not matter; that needs no superuser,
 * only the owner of the tables.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { AuditVerdict } from '@postern/contract/api/audit'
import { SYSTEM } from '../../audit/chain.ts'
import type { Db } from '../../database/connect.ts'
import { migrate, type Migration } from '../../database/migrations.ts'
import { createStore, type Tx } from '../../database/store.ts'
import { CoreError } from '../../failure.ts'
import type { KeyRing } from '../../secrets/key-ring.ts'
import { createVault, type SecretPurpose } from '../../secrets/vault.ts'
import { verifyAudit } from '../audit/read-audit.ts'
import { type BackupHeader, type BackupPart, LEFT_OUT, readBackup, type TableLine } from './backup-file.ts'
import { foreignKeys, sequenceNames, tableShapes, type TableShape } from './catalog.ts'

/** Rows of one statement. */
const BATCH_ROWS = 200

/** What a restore found. */
export interface RestoreReport {
  readonly header: BackupHeader
  readonly rows: number
  readonly tables: number
  readonly secrets: number
  readonly audit: AuditVerdict
}

/** What a restore works with. `now`: ms since 1970. */
export interface RestoreTarget {
  readonly db: Db
  readonly keys: KeyRing
  readonly migrations: readonly Migration[]
  readonly now: () => number
}

/**
 * Checks the whole file without touching anything. @throws CoreError INVALID, ContractError
 */
export async function checkBackup(
  file: string,
  keys: KeyRing,
  migrations: readonly Migration[],
): Promise<BackupHeader> {
  let header: BackupHeader | null = null
  for await (const part of readBackup(file, keys.auditKey)) if (part.kind === 'header') ({ header } = part)
  if (header === null) throw new CoreError('INVALID', 'the backup is empty; nothing was changed')
  for (const [i, { name, sha256 }] of header.migrations.entries()) {
    if (migrations[i]?.sha256 === sha256) continue
    const why = i >= migrations.length ? `of a newer release (${header.coreVersion})` : `of another release (${name})`
    throw new CoreError('INVALID', `the backup is ${why}; restore it with that one. Nothing was changed`)
  }
  return header
}

/**
 * Restores a file that `checkBackup` has passed. The database comes up to date, with a new epoch, so that every Sentry
 * takes everything anew.
 * @throws CoreError CONFLICT when the database is not empty, INVALID when the file or its keys are not right
 */
export async function restoreBackup(target: RestoreTarget, file: string): Promise<RestoreReport> {
  const { db, keys, migrations, now } = target
  const header = await checkBackup(file, keys, migrations)
  await refuseUnlessEmpty(db, header)
  await migrate(db, migrations.slice(0, header.migrations.length))
  const report = await db.transaction().execute((tx) => fill(tx, target, file, header))
  await migrate(db, migrations)
  const { createdAt, coreVersion } = header
  await createStore(db, keys.auditKey, now).change(SYSTEM, async ({ audit }) =>
    audit({
      action: 'backup.restore',
      object: { kind: 'backup' },
      after: { createdAt, coreVersion, rows: report.rows },
    }),
  )
  return report
}

async function refuseUnlessEmpty(db: Db, header: BackupHeader): Promise<void> {
  const { rows } = await sql<{ there: boolean }>`select to_regclass('migrations') is not null as there`.execute(db)
  if (rows[0]?.there !== true) return
  const applied = await sql<{ name: string }>`select name from migrations`.execute(db)
  const head = await db.selectFrom('audit_head').select('seq').executeTakeFirst()
  if (head !== undefined && head.seq > 0) {
    throw new CoreError(
      'CONFLICT',
      `the database is in use: ${head.seq} changes were made in it. Restore into a new one`,
    )
  }
  if (applied.rows.length > header.migrations.length) {
    throw new CoreError('CONFLICT', 'the database is of a newer release than the backup; restore into an empty one')
  }
}

async function fill(tx: Tx, target: RestoreTarget, file: string, header: BackupHeader): Promise<RestoreReport> {
  await sql`set local statement_timeout = 0`.execute(tx)
  await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx)
  await sql`lock table audit_head in access exclusive mode`.execute(tx) // a Core that runs here waits, and then sees it
  await refuseUnlessEmpty(tx, header)
  const keys = await foreignKeys(tx)
  for (const { table, name } of keys) {
    await sql`alter table ${sql.table(table)} drop constraint ${sql.ref(name)}`.execute(tx)
  }
  const shapes = new Map((await tableShapes(tx)).map((shape) => [shape.name, shape]))
  for (const name of shapes.keys()) {
    // Whatever migrations put there is in the backup too. The audit log is empty, and refuses even that.
    if (name !== 'migrations' && name !== 'audit') await sql`delete from ${sql.table(name)}`.execute(tx)
  }
  const counts = await insertAll(tx, shapes, readBackup(file, target.keys.auditKey))
  for (const { table, name, definition } of keys) {
    await sql`alter table ${sql.table(table)} add constraint ${sql.ref(name)} ${sql.raw(definition)}`.execute(tx)
  }
  await checkCounts(tx, shapes, counts)
  const secrets = await checkSecrets(tx, target.keys)
  const audit = await verifyAudit(tx, target.keys.auditKey, null)
  const epoch = JSON.stringify(randomUUID())
  await tx.updateTable('core_state').set({ value: epoch }).where('name', '=', 'epoch').execute()
  await tx.deleteFrom('core_state').where('name', 'like', 'instance:%').execute()
  const rows = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return { header, rows, tables: counts.size, secrets, audit }
}

async function insertAll(
  tx: Tx,
  shapes: ReadonlyMap<string, TableShape>,
  parts: AsyncIterable<BackupPart>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const sequences = new Set(await sequenceNames(tx))
  let shape: TableShape | null = null
  let batch: (readonly (string | null)[])[] = []
  const flush = async (): Promise<void> => {
    if (shape !== null && batch.length > 0) await insert(tx, shape, batch)
    if (shape !== null) counts.set(shape.name, (counts.get(shape.name) ?? 0) + batch.length)
    batch = []
  }
  for await (const part of parts) {
    if (part.kind === 'row') {
      batch.push(part.row)
      if (batch.length >= BATCH_ROWS) await flush()
      continue
    }
    await flush()
    if (part.kind === 'table') shape = shapeFor(part.table, shapes)
    if (part.kind === 'sequence') {
      const { sequence, last, called } = part.sequence
      if (!sequences.has(sequence)) throw new CoreError('INVALID', `the backup has an unknown sequence ${sequence}`)
      await sql`select setval(${sequence}::regclass, ${last}::bigint, ${called})`.execute(tx)
    }
  }
  return counts
}

/** The columns must be those of the database: a backup of one release fits that release's migrations. */
function shapeFor({ table, columns }: TableLine, shapes: ReadonlyMap<string, TableShape>): TableShape {
  const shape = LEFT_OUT.has(table) ? undefined : shapes.get(table)
  const same = shape !== undefined && JSON.stringify(shape.columns.map(({ name }) => name)) === JSON.stringify(columns)
  if (!same) throw new CoreError('INVALID', `the backup's table ${table} is not that of this release`)
  return shape
}

async function insert(
  tx: Tx,
  { name, columns }: TableShape,
  batch: readonly (readonly (string | null)[])[],
): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column.name)))
  const values = sql.join(columns.map(({ type }, i) => sql`(r ->> ${sql.lit(i)})::${sql.raw(type)}`)) // the catalog's type
  await sql`insert into ${sql.table(name)} (${names}) overriding system value
    select ${values} from jsonb_array_elements(${JSON.stringify(batch)}::jsonb) with ordinality as t (r, n) order by n`.execute(
    tx,
  )
}

async function checkCounts(
  tx: Tx,
  shapes: ReadonlyMap<string, TableShape>,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  for (const name of shapes.keys()) {
    if (LEFT_OUT.has(name)) continue
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(name)}`.execute(tx)
    if (rows[0]?.count === counts.get(name)) continue
    throw new CoreError('INVALID', `table ${name} is not complete after the restore; nothing was changed`)
  }
}

/** Opens every secret, one after the other. Returns how many there are. */
async function checkSecrets(tx: Tx, keys: KeyRing): Promise<number> {
  const vault = createVault(keys)
  const rows = await tx.selectFrom('secrets').select(['id', 'purpose']).orderBy('id').execute()
  for (const { id, purpose } of rows) {
    try {
      await vault.read(tx, purpose as SecretPurpose, id) // whatever it is called: the record is bound to that
    } catch (error) {
      const remedy = 'the key folder is not the one of this backup, or lacks a file'
      throw new CoreError('INVALID', `the secret ${id} (${purpose}) does not open: ${remedy}. Nothing was changed`, {
        cause: error,
      })
    }
  }
  return rows.length
}
