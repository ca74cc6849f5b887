/**
 * Migrations: plain SQL, forward only, in order, each in a transaction with its checksum. Several Cores may start at once.
 * @module
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CompiledQuery, sql } from 'kysely'
import { CoreError } from '../failure.ts'
import type { Db } from './connect.ts'

/** Where the released files lie. */
export const MIGRATIONS_FOLDER = join(import.meta.dirname, '../../migrations')
/** Held while migrating, so that Cores that start together take turns. */
const MIGRATION_LOCK = 7_205_001

/** A migration file. `number` counts from 1 without gaps; `sha256` is over the file's bytes, hex. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly sha256: string
  readonly text: string
}

/** Reads the folder. @throws Error for a gap or a name that is not `NNNN-name.sql`: a fault of the release. */
export async function readMigrations(folder: string = MIGRATIONS_FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name, i) => {
      const number = Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1] ?? Number.NaN)
      if (number !== i + 1) throw new Error(`${name}: migrations count from 0001 without gaps`)
      const text = await readFile(join(folder, name), 'utf8')
      return { number, name, text, sha256: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

/**
 * Brings the database up to date. Returns how many ran.
 * @throws CoreError UNAVAILABLE when the database was written by a newer release, or a released file was changed.
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<number> {
  return db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${sql.lit(MIGRATION_LOCK)})`.execute(connection)
    try {
      const waiting = migrations.slice(await appliedCount(connection, migrations))
      for (const migration of waiting) await run(connection, migration)
      return waiting.length
    } finally {
      await sql`select pg_advisory_unlock(${sql.lit(MIGRATION_LOCK)})`.execute(connection)
    }
  })
}

async function appliedCount(db: Db, migrations: readonly Migration[]): Promise<number> {
  await sql`create table if not exists migrations (
    number int primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now()
  )`.execute(db)
  const { rows } = await sql<{ number: number; name: string; sha256: string }>`
    select number, name, sha256 from migrations order by number`.execute(db)
  if (rows.length > migrations.length) {
    const newest = rows.at(-1)?.name ?? ''
    throw new CoreError('UNAVAILABLE', `the database is of a newer release (${newest}); start that one`)
  }
  for (const [i, row] of rows.entries()) {
    if (row.sha256 === migrations[i]?.sha256) continue
    throw new CoreError('UNAVAILABLE', `migration ${row.name} is not the file that ran here; restore the released file`)
  }
  return rows.length
}

async function run(db: Db, { number, name, sha256, text }: Migration): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.executeQuery(CompiledQuery.raw(text))
    await sql`insert into migrations (number, name, sha256) values (${number}, ${name}, ${sha256})`.execute(tx)
  })
}
