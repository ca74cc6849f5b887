/**
 * The data directory: made whole by initdb, or checked before it is opened; and what its lock file says.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { giveTo, giveTreeTo, type Identity, MINIMAL_ENV, spawnAs } from './identity.ts'
import { makeWhole } from './make-whole.ts'
import { ELSE_EXTERNAL, PostgresError, systemCode } from './postgres-error.ts'
import { HBA, initdbArguments } from './server-arguments.ts'

/** What `prepareDataDirectory` works with. */
export interface DataDirectoryOptions {
  readonly dataDir: string
  readonly binaries: Binaries
  readonly identity: Identity | null
  /** Password of the role when the directory is made; null: connections are trusted (the socket). */
  readonly password: string | null
}

/** First lines of `postmaster.pid`. */
export interface LockFile {
  readonly pid: number
  /** Line 8: `starting`, `ready`, `stopping` or `standby`; empty while the file is being written. */
  readonly status: string
}

const run = promisify(execFile)

/**
 * How a process started in `dataDir` names it. A root process starts the server as another user, who may not pass
 * through the folders above (`/root`, or any made by `mktemp -d`, is 0700). That user needs no way in: the working
 * directory was entered while still root, and `/proc/self/cwd` leads to it without walking the path. The server never
 * leaves it, and its children inherit it. A relative `.` would not do: PostgreSQL makes it absolute first.
 */
export function fromInside(dataDir: string, identity: Identity | null): string {
  return identity !== null && process.platform === 'linux' ? '/proc/self/cwd' : dataDir
}

/**
 * Makes the data directory when it is missing or empty; else checks that it is one and of our version. An interrupted
 * start leaves no half-made one.
 * @throws PostgresError `DATA_FOREIGN`, `DATA_VERSION`, `DATA_UNREACHABLE`, `INIT_FAILED`
 */
export async function prepareDataDirectory(options: DataDirectoryOptions): Promise<void> {
  const { dataDir, identity, binaries } = options
  try {
    const version = await dataVersion(dataDir)
    if (version === null) await create(options)
    else if (version !== String(binaries.major)) throw versionError(dataDir, version, binaries.major)
    await giveTreeTo(identity, dataDir)
    for (const { file, text } of Object.values(HBA)) {
      await writeFile(join(dataDir, file), text, { mode: 0o600 }) // always the same text: harmless to a running server
      await giveTo(identity, join(dataDir, file))
    }
  } catch (error) {
    if (error instanceof PostgresError) throw error
    throw unreachable(dataDir, error)
  }
}

/** What `postmaster.pid` says now; null when no server runs there or it is being written. */
export async function readLockFile(dataDir: string): Promise<LockFile | null> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  return Number.isInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() ?? '' } : null
}

/** Content of `PG_VERSION`; null when there is nothing yet. */
async function dataVersion(dataDir: string): Promise<string | null> {
  try {
    return (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') throw foreign(dataDir, 'is not a folder, or not in one')
    if (systemCode(error) !== 'ENOENT') throw error
  }
  const inside = await readdir(dataDir).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  if (inside.length > 0) throw foreign(dataDir, 'holds other files and no PG_VERSION')
  return null
}

async function create(options: DataDirectoryOptions): Promise<void> {
  const { dataDir, identity } = options
  await mkdir(dirname(dataDir), { recursive: true, mode: 0o700 })
  try {
    await makeWhole(dataDir, async (folder) => {
      await giveTo(identity, folder)
      await withPasswordFile(options, (passwordFile) => initdb(options, folder, passwordFile))
    })
  } catch (error) {
    if (!['EBUSY', 'EXDEV'].includes(systemCode(error))) throw error
    const message = `${dataDir} is a mount point, which cannot be replaced by a finished directory: name a folder inside it, such as ${join(dataDir, 'postgres')}`
    throw new PostgresError('DATA_UNREACHABLE', message, { cause: error })
  }
}

async function initdb(options: DataDirectoryOptions, folder: string, passwordFile: string | null): Promise<void> {
  const { binaries, identity } = options
  const program = join(binaries.folder, 'bin', 'initdb')
  const args = initdbArguments(fromInside(folder, identity), passwordFile)
  try {
    await run(program, args, { ...spawnAs(identity), cwd: folder, env: MINIMAL_ENV })
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
    const message = `initdb could not make ${options.dataDir}: ${said}. Mend that, ${ELSE_EXTERNAL}`
    throw new PostgresError('INIT_FAILED', message, { cause })
  }
}

/** On the command line every user of the machine could read it. */
async function withPasswordFile(
  { password, identity }: DataDirectoryOptions,
  use: (file: string | null) => Promise<void>,
): Promise<void> {
  if (password === null) return use(null)
  const folder = await mkdtemp(join(tmpdir(), 'postern-'))
  try {
    const file = join(folder, 'password')
    await writeFile(file, `${password}\n`, { mode: 0o600 })
    await giveTo(identity, file)
    await giveTo(identity, folder)
    await use(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function foreign(dataDir: string, why: string): PostgresError {
  const message = `${dataDir} ${why}: the data directory must be one of PostgreSQL, or missing, or an empty folder. Name another`
  return new PostgresError('DATA_FOREIGN', message)
}

function versionError(dataDir: string, found: string, ours: number): PostgresError {
  const message = `${dataDir} was written by PostgreSQL ${found}, and this is ${ours}: make a backup with the release that wrote it and restore it into an empty data directory with this one, ${ELSE_EXTERNAL}`
  return new PostgresError('DATA_VERSION', message)
}

function unreachable(dataDir: string, cause: unknown): PostgresError {
  const said = cause instanceof Error ? cause.message : String(cause)
  const message = `${dataDir} cannot be used by user ${process.getuid?.() ?? 'of this process'} (${said}): start as the user that owns it, or give it away with chown -R, or name another data directory`
  return new PostgresError('DATA_UNREACHABLE', message, { cause })
}
