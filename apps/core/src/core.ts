/**
 * A Core process put together: database, keys, services, three listeners.
 * @module
 */
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { startPostgres } from '@postern/postgres-server/server'
import { startBackground } from './background.ts'
import type { CoreConfig } from './config/core-config.ts'
import { type ConnectionTarget, type Db, openDatabase } from './database/connect.ts'
import { migrate, readMigrations } from './database/migrations.ts'
import { checkReachable } from './database/reachable.ts'
import { createStore } from './database/store.ts'
import { startWakeups } from './database/wakeups.ts'
import { startFeedListener } from './feed/feed-listener.ts'
import { startAdminListener } from './listeners/admin-listener.ts'
import { startDeviceListener } from './listeners/device-listener.ts'
import { allRoutes } from './routes/all-routes.ts'
import { bindKeys } from './secrets/key-binding.ts'
import { openKeyRing } from './secrets/key-ring.ts'
import { createVault } from './secrets/vault.ts'
import { localSentryToken } from './services/local-sentry.ts'
import type { Log, Services } from './services/services.ts'
import { createAuthenticator } from './services/sign-in/authenticator.ts'
import { openSetUp } from './services/sign-in/set-up.ts'

/** The process around Core. `folder`: what relative file names of the configuration refer to. `now`: ms since 1970. */
export interface CorePorts {
  readonly folder: string
  readonly log: Log
  readonly now: () => number
  /** Whether a Sentry runs beside it that is to be registered without a click. */
  readonly localSentry: boolean
}

/** A running Core. */
export interface Core extends AsyncDisposable {
  readonly ports: { readonly admin: number; readonly device: number; readonly feed: number }
  readonly adminUrl: string
  /** One-time link for the first administrator; null when there is one. */
  readonly setupUrl: string | null
  readonly localSentryToken: string | null
  /** What it is made of, for whoever runs it in the same process. */
  readonly services: Services
}

/** What PostgreSQL says of its daily work is nobody's business, nor that the one before it is still on its way out. */
const POSTGRES_PROBLEM = /\b(WARNING|ERROR|FATAL|PANIC): (?! *lock file)/

/** Starts everything, or nothing. @throws CoreError, ContractError, PostgresError, Error: each says what to mend. */
export async function startCore(config: CoreConfig, ports: CorePorts): Promise<Core> {
  const owned = new AsyncDisposableStack()
  try {
    const services = await openServices(config, ports, owned)
    const secret = await openSetUp(services)
    const token = ports.localSentry ? await localSentryToken(services) : null
    owned.use(await startBackground(services))
    const table = ENDPOINTS
    const feed = owned.use(await startFeedListener(services))
    // With port 0 the system chose: Sentries are told what they can dial.
    const handlers = allRoutes({ ...services, config: { ...config, feed: { ...config.feed, port: feed.port } } })
    const device = owned.use(await startDeviceListener(services))
    const admin = owned.use(
      await startAdminListener(services, { table, handlers, authenticator: createAuthenticator(services) }),
    )
    const adminUrl = adminUrlOf(config, admin.port)
    return {
      ports: { admin: admin.port, device: device.port, feed: feed.port },
      adminUrl,
      setupUrl: secret === null ? null : `${adminUrl}/setup#${secret}`,
      localSentryToken: token,
      services,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

/** Database, keys and services without any listener: for commands that work while no Core runs. */
export async function openServices(
  config: CoreConfig,
  { folder, log, now }: Pick<CorePorts, 'folder' | 'log' | 'now'>,
  owned: AsyncDisposableStack,
): Promise<Services> {
  const data = resolve(folder, config.data)
  const target = await openTarget(config, data, log, owned)
  const { db } = owned.use(openDatabase(target, (error) => log('problem', 'database-connection', { name: error.name })))
  await checkReachable(db, target)
  const fresh = await isFresh(db)
  const keys = await openKeyRing(keysFolderOf(config, folder), fresh)
  const ran = await migrate(db, await readMigrations())
  if (ran > 0) log('info', 'database-migrated', { migrations: ran })
  await bindKeys(db, keys)
  const wakeups = owned.use(await startWakeups(target, () => log('problem', 'database-listening-lost', {})))
  return { config, store: createStore(db, keys.auditKey, now), vault: createVault(keys), keys, wakeups, log, now }
}

/** Where the keys lie. `folder`: what relative file names of the configuration refer to. */
export function keysFolderOf(config: CoreConfig, folder: string): string {
  return config.keysFolder === null ? join(resolve(folder, config.data), 'keys') : resolve(folder, config.keysFolder)
}

/** How to reach the database: the configured one, or the one in `data`, which is started and belongs to `owned`. */
export async function openTarget(
  config: CoreConfig,
  data: string,
  log: Log,
  owned: AsyncDisposableStack,
): Promise<ConnectionTarget> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl }
  const server = owned.use(
    await startPostgres({
      dataDir: join(data, 'postgres'),
      listen: { kind: 'socket' },
      log: (line) => {
        if (POSTGRES_PROBLEM.test(line)) log('problem', 'postgres', { line })
      },
    }),
  )
  return server.connection
}

async function isFresh(db: Db): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`select to_regclass('migrations') is not null as there`.execute(db)
  return rows[0]?.there !== true
}

function adminUrlOf({ admin }: CoreConfig, port: number): string {
  if (admin.publicUrl !== null) return admin.publicUrl
  const host = admin.host.includes(':') ? `[${admin.host}]` : admin.host
  return `${admin.tls === null ? 'http' : 'https'}://${host}:${port}`
}
