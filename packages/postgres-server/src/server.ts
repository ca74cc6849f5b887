/**
 * PostgreSQL as a child process: the server that npm installed, on a data directory of its own.
 *
 * Runs as another user when this process is root, listens on a Unix socket only, ends with this process.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Binaries, copyParents, packagedBinaries, usableBinaries } from './binaries.ts'
import { fromInside, prepareDataDirectory, readLockFile } from './data-directory.ts'
import { canEnter, giveTo, type Identity, serverIdentity } from './identity.ts'
import { ELSE_EXTERNAL, PostgresError, systemCode } from './postgres-error.ts'
import {
  DATABASE,
  type Endpoint,
  ROLE,
  serverArguments,
  SOCKET_FOLDER,
  SOCKET_PORT,
  socketFitsIn,
} from './server-arguments.ts'
import { startProcess, type SupervisedProcess } from './supervised-process.ts'

/** What a server is started with. */
export interface PostgresOptions {
  /** Absolute. Made by initdb when missing or empty; its parents too, mode 0700. Not a mount point itself. */
  readonly dataDir: string
  /**
   * `socket`: a Unix socket in a 0700 folder and nothing else (on Windows: loopback and a generated password).
   * `tcp`: 127.0.0.1, a free port, SCRAM; the password is set when the directory is made and must be the same later.
   */
  readonly listen: { readonly kind: 'socket' } | { readonly kind: 'tcp'; readonly password: string }
  /** Each line the server writes to its log; no statements and no values of rows. */
  readonly log: (line: string) => void
}

/** How to connect, in the words of `pg`. */
export interface PostgresConnection {
  /** Folder of the socket, or 127.0.0.1. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password?: string
}

/** A server that accepts connections. Disposing it stops it. */
export interface PostgresServer extends AsyncDisposable {
  readonly connection: PostgresConnection
  readonly pid: number
  /** Settles when the server is gone, for whatever reason; never rejects. */
  readonly exited: Promise<void>
  /** Fast shutdown: open transactions are rolled back, the rest is written. Waits; killed after 35 seconds. */
  stop(): Promise<void>
}

interface Launch {
  readonly dataDir: string
  readonly binaries: Binaries
  readonly identity: Identity | null
  readonly listen: PostgresOptions['listen']
  readonly log: (line: string) => void
}
interface Place {
  readonly endpoint: Endpoint
  readonly connection: PostgresConnection
  readonly cleanUp: () => Promise<void>
}
type Outcome = { readonly ready: SupervisedProcess } | { readonly refused: string }

/** Until a server of a killed process has left: its own shutdown is fast, its sessions notice within a second. */
const ORPHAN_PATIENCE_MS = 15_000
/** A server whose process was killed says `stopping` long before; one that stays `ready` has a living owner. */
const LIVE_OWNER_MS = 2_000
const RETRY_MS = 200
const POLL_MS = 10
/** Recovery after a crash replays at most a gigabyte or so of log. */
const READY_TIMEOUT_MS = 300_000

/**
 * Starts the server and waits until it accepts connections: about a second for a new directory, a tenth for another.
 * @throws PostgresError
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { dataDir, log } = options
  if (!isAbsolute(dataDir)) throw new TypeError('dataDir must be absolute')
  const listen = process.platform === 'win32' ? await listenOnWindows(options) : options.listen
  const identity = await serverIdentity(dataDir)
  const packaged = packagedBinaries()
  const binaries = await usableBinaries({ packaged, identity, copyInto: copyParents(dataDir), log })
  const password = listen.kind === 'tcp' ? listen.password : null
  await prepareDataDirectory({ dataDir, binaries, identity, password })
  return launchPatiently({ dataDir, binaries, identity, listen, log })
}

/** Tries again while the server of a killed process is on its way out. */
async function launchPatiently(launch: Launch): Promise<PostgresServer> {
  const begun = performance.now()
  let readySince: number | null = null
  for (;;) {
    const place = await choosePlace(launch)
    const outcome = await launchOnce(launch, place.endpoint)
    if ('ready' in outcome) return serve(outcome.ready, place)
    await place.cleanUp()
    const { refused } = outcome
    const now = performance.now()
    const locked = /lock file ".*" already exists/.test(refused)
    const lock = await readLockFile(launch.dataDir)
    readySince = locked && lock?.status === 'ready' ? (readySince ?? now) : null
    const owned = readySince !== null && now - readySince >= LIVE_OWNER_MS
    const late = now - begun >= ORPHAN_PATIENCE_MS
    if (locked || refused.includes('shared memory block')) {
      if (owned || late) throw inUse(launch.dataDir, lock?.pid)
    } else if (late || !refused.includes('Address already in use')) {
      const message = `PostgreSQL did not start on ${launch.dataDir}: ${refused}. Mend what it names, ${ELSE_EXTERNAL}`
      throw new PostgresError('START_FAILED', message)
    }
    await sleep(RETRY_MS)
  }
}

async function launchOnce(launch: Launch, endpoint: Endpoint): Promise<Outcome> {
  const { dataDir, binaries, identity } = launch
  const said: string[] = []
  const server = startProcess({
    program: join(binaries.folder, 'bin', 'postgres'),
    args: serverArguments(fromInside(dataDir, identity), endpoint),
    dataDir,
    identity,
    log: (line) => {
      if (said.length < 50) said.push(line) // a start that fails says why in its first lines
      launch.log(line)
    },
  })
  const deadline = performance.now() + READY_TIMEOUT_MS
  let ended: string | undefined
  do {
    const lock = await readLockFile(dataDir)
    if (lock?.pid === server.pid && lock?.status === 'ready') return { ready: server }
    if (performance.now() > deadline) {
      await server.stop()
      return { refused: `not ready after ${READY_TIMEOUT_MS / 1_000} seconds; its last words: ${said.at(-1) ?? ''}` }
    }
    ended = await Promise.race([sleep(POLL_MS, undefined), server.exited])
  } while (ended === undefined)
  const complaints = said.filter((line) => /FATAL|PANIC|ERROR|could not/.test(line))
  return { refused: (complaints.length > 0 ? complaints : [...said, `ended with ${ended}`]).join(' / ') }
}

function serve(server: SupervisedProcess, place: Place): PostgresServer {
  const { pid } = server
  if (pid === undefined) throw new TypeError('a process that is ready has an id')
  const exited = server.exited.then(place.cleanUp)
  const stop = async (): Promise<void> => {
    await server.stop()
    await exited
  }
  return { connection: place.connection, pid, exited, stop, [Symbol.asyncDispose]: stop }
}

async function choosePlace({ dataDir, identity, listen }: Launch): Promise<Place> {
  const who = { user: ROLE, database: DATABASE }
  if (listen.kind === 'tcp') {
    const port = await freePort()
    const connection = { host: '127.0.0.1', port, ...who, password: listen.password }
    return { endpoint: { kind: 'tcp', port }, connection, cleanUp: async () => undefined }
  }
  if (socketFitsIn(dataDir)) {
    const host = join(dataDir, SOCKET_FOLDER)
    await mkdir(host, { recursive: true })
    await chmod(host, 0o700)
    await giveTo(identity, host)
    const endpoint = { kind: 'socket', folder: SOCKET_FOLDER } as const
    return { endpoint, connection: { host, port: SOCKET_PORT, ...who }, cleanUp: async () => undefined }
  }
  // mkdtemp makes it 0700 under a name that nobody could have taken before.
  const parent = (await canEnter(identity, tmpdir())) ? tmpdir() : '/var/tmp'
  const host = await mkdtemp(join(parent, 'postern-socket-'))
  await giveTo(identity, host)
  const cleanUp = (): Promise<void> => rm(host, { recursive: true, force: true })
  return { endpoint: { kind: 'socket', folder: host }, connection: { host, port: SOCKET_PORT, ...who }, cleanUp }
}

/** Another process may take it before the server does; then there is another try. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('a TCP listener has a port')
  return address.port
}

/** Node cannot connect to a Unix socket there: loopback, with a password that is kept beside the data. */
async function listenOnWindows({ dataDir, listen }: PostgresOptions): Promise<PostgresOptions['listen']> {
  if (listen.kind === 'tcp') return listen
  const file = `${dataDir}.password`
  await mkdir(join(dataDir, '..'), { recursive: true })
  await writeFile(file, randomBytes(24).toString('base64url'), { flag: 'wx' }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error
  })
  return { kind: 'tcp', password: await readFile(file, 'utf8') }
}

function inUse(dataDir: string, pid: number | undefined): PostgresError {
  const lock = join(dataDir, 'postmaster.pid')
  const message = `${dataDir} is in use by another PostgreSQL${pid === undefined ? '' : ` (process ${pid})`}: stop the program that started it, or name another data directory. If that process is no PostgreSQL and none runs on this directory anywhere, remove ${lock}`
  return new PostgresError('IN_USE', message)
}
