/**
 * Databases for tests, of both kinds: the embedded server on its socket, and one that is reached by URL over TCP as a
 * company's own would be. One server holds many databases; a migrated one is a copy of a template.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startPostgres } from '@postern/postgres-server/server'
import { clientConfig, type ConnectionTarget, type Db, openDatabase } from '../../src/database/connect.ts'
import { migrate, readMigrations } from '../../src/database/migrations.ts'
import { createStore, type Store } from '../../src/database/store.ts'
import { startWakeups, type Wakeups } from '../../src/database/wakeups.ts'
import { type KeyRing, openKeyRing } from '../../src/secrets/key-ring.ts'
import { createVault, type Vault } from '../../src/secrets/vault.ts'

/** Both kinds; every test of storage runs on each. */
export const DATABASE_KINDS = ['embedded', 'external'] as const
/** One of them. */
export type DatabaseKind = (typeof DATABASE_KINDS)[number]

/** A server. Disposing it ends it and removes everything. */
export interface TestServer extends AsyncDisposable {
  /** A folder of this server's own, for whatever else a test needs. */
  readonly folder: string
  /** A new database without any table. */
  emptyDatabase(): Promise<ConnectionTarget>
  /** A new database with every migration. */
  migratedDatabase(): Promise<ConnectionTarget>
}

/** What services stand on. Disposing it closes every connection. */
export interface TestStore extends AsyncDisposable {
  readonly target: ConnectionTarget
  readonly db: Db
  readonly store: Store
  readonly keys: KeyRing
  readonly vault: Vault
  readonly wakeups: Wakeups
  /** Losses of the listening connection. */
  readonly losses: unknown[]
}

const PASSWORD = 'pass:word/@1' // as URLs must quote it
const TEMPLATE = 'migrated'

/** Starts one: about a second. */
export async function startServer(kind: DatabaseKind): Promise<TestServer> {
  await using owned = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'postern-db-'))
  owned.defer(() => rm(folder, { recursive: true, force: true }))
  const listen = kind === 'embedded' ? ({ kind: 'socket' } as const) : ({ kind: 'tcp', password: PASSWORD } as const)
  const { connection } = owned.use(
    await startPostgres({ dataDir: join(folder, 'postgres'), listen, log: () => undefined }),
  )
  const targetOf = (database: string): ConnectionTarget => {
    if (kind === 'embedded') return { ...connection, database }
    const { user, host, port } = connection
    return { url: `postgres://${user}:${encodeURIComponent(PASSWORD)}@${host}:${port}/${database}` }
  }
  let count = 0
  const create = async (template: string): Promise<ConnectionTarget> => {
    const name = `test_${(count += 1)}`
    await run(targetOf(connection.database), `create database ${name} template ${template}`)
    return targetOf(name)
  }
  let template: Promise<void> | null = null
  const makeTemplate = async (): Promise<void> => {
    await run(targetOf(connection.database), `create database ${TEMPLATE}`)
    await using database = openDatabase(targetOf(TEMPLATE), () => undefined)
    await migrate(database.db, await readMigrations())
  }
  const kept = owned.move()
  return {
    folder,
    emptyDatabase: () => create('template0'),
    migratedDatabase: async () => {
      await (template ??= makeTemplate())
      return create(TEMPLATE)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Opens a database as one Core process does. `keysFolder`: shared by all that open the same database. */
export async function openStore(target: ConnectionTarget, keysFolder: string): Promise<TestStore> {
  await using owned = new AsyncDisposableStack()
  const { db } = owned.use(openDatabase(target, () => undefined))
  const keys = await openKeyRing(keysFolder, true)
  const losses: unknown[] = []
  const wakeups = owned.use(await startWakeups(target, (error) => losses.push(error)))
  const kept = owned.move()
  return {
    ...{ target, db, keys, wakeups, losses },
    store: createStore(db, keys.auditKey, Date.now),
    vault: createVault(keys),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Runs one statement as the superuser that a test may be. */
export async function run(target: ConnectionTarget, text: string): Promise<void> {
  const client = new Client(clientConfig(target))
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
