/**
 * A whole Core in this process, on a PostgreSQL of its own in a temporary folder, with an administrator when one is asked
 * for. Its clock can be put forward.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreClient } from '@postern/harness/core-client'
import { type AuthenticatorClock, type Credentials, setUpCore, signIn } from '@postern/harness/core-administrator'
import { startPostgres } from '@postern/postgres-server/server'
import { parseCoreConfig } from '../../src/config/core-config.ts'
import { type Core, type CorePorts, startCore } from '../../src/core.ts'
import type { LogFields } from '../../src/services/services.ts'

/** What a Core is tested with. `config`: members of the configuration file beside those that are needed here. */
export interface TestCoreOptions {
  /** `url`: a server of its own behind `database.url`, as an external PostgreSQL. Default `embedded`. */
  readonly database?: 'embedded' | 'url'
  readonly config?: Readonly<Record<string, unknown>>
  readonly localSentry?: boolean
  /** Another Core on the database and keys of this one, which must have been started with `url` and is ended later. */
  readonly beside?: TestCore
}

/** A line that Core wrote. */
export interface LoggedLine {
  readonly level: 'info' | 'problem'
  readonly event: string
  readonly fields: LogFields
}

/** A running one. Disposing it ends everything and removes the folder. */
export interface TestCore extends AsyncDisposable {
  readonly core: Core
  readonly folder: string
  readonly databaseUrl: string | null
  /** Everything that Core wrote, in order. */
  readonly log: readonly LoggedLine[]
  /** Lets time pass for Core and for the authenticators of its administrators. */
  advance(ms: number): void
  /** ms since 1970, as Core sees it. */
  now(): number
  readonly clock: AuthenticatorClock
  /** Nobody. */
  client(): CoreClient
  /** The first administrator, made through the set-up link when asked for first; signed in, with fresh proof. */
  signIn(): Promise<CoreClient>
  /** What the first administrator signs in with. */
  credentials(): Promise<Credentials>
}

const PASSWORD = 'loopback-only'

/** Starts one: a second or two. */
export async function startTestCore(options: TestCoreOptions = {}): Promise<TestCore> {
  const owned = new AsyncDisposableStack()
  try {
    if (options.beside !== undefined) {
      const { folder, databaseUrl } = options.beside
      if (databaseUrl === null) throw new Error('two Cores need a database that neither of them started')
      return await boot(options, folder, databaseUrl, owned)
    }
    const folder = await mkdtemp(join(tmpdir(), 'postern-core-'))
    owned.defer(() => rm(folder, { recursive: true, force: true }))
    const databaseUrl = options.database === 'url' ? await externalDatabase(folder, owned) : null
    return await boot(options, folder, databaseUrl, owned)
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

async function boot(
  { config, localSentry = false }: TestCoreOptions,
  folder: string,
  databaseUrl: string | null,
  owned: AsyncDisposableStack,
): Promise<TestCore> {
  let ahead = 0
  const now = (): number => Date.now() + ahead
  const log: LoggedLine[] = []
  const ports: CorePorts = {
    folder,
    now,
    localSentry,
    log: (level, event, fields = {}) => void log.push({ level, event, fields }),
  }
  const core = owned.use(await startCore(parseCoreConfig({ ...fileOf(databaseUrl), ...config }), ports))
  const clock = { now, wait: async (ms: number) => void (ahead += ms) }
  let first: Promise<Awaited<ReturnType<typeof setUpCore>>> | null = null
  const administrator = () => (first ??= setUpCore(linkOf(core), { clock }))
  return {
    ...{ core, folder, databaseUrl, log, now, clock },
    advance: (ms) => void (ahead += ms),
    client: () => new CoreClient({ origin: core.adminUrl }),
    credentials: async () => (await administrator()).credentials,
    signIn: async () => {
      const { credentials } = await administrator()
      const client = new CoreClient({ origin: core.adminUrl })
      await signIn(client, credentials)
      return client
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function linkOf({ setupUrl }: Core): string {
  if (setupUrl === null) throw new Error('set-up has been done; this Core was started on an old folder')
  return setupUrl
}

function fileOf(databaseUrl: string | null): object {
  const anywhere = { host: '127.0.0.1', port: 0 }
  const database = databaseUrl === null ? {} : { database: { url: databaseUrl } }
  return { data: 'data', admin: anywhere, device: anywhere, feed: anywhere, ...database }
}

async function externalDatabase(folder: string, owned: AsyncDisposableStack): Promise<string> {
  const server = owned.use(
    await startPostgres({
      dataDir: join(folder, 'external'),
      listen: { kind: 'tcp', password: PASSWORD },
      log: () => undefined,
    }),
  )
  const { host, port, user, database } = server.connection
  return `postgres://${user}:${PASSWORD}@${host}:${port}/${database}`
}
