/**
 * Which user PostgreSQL runs as. It refuses to run as root, so a root process starts it as somebody else; any other
 * process starts it as itself.
 * @module
 */
import { execFile } from 'node:child_process'
import { chown, lchown, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ELSE_EXTERNAL, PostgresError } from './postgres-error.ts'

/** User and group ids to switch to. */
export interface Identity {
  readonly uid: number
  readonly gid: number
}

/** The unprivileged user of Linux: exists without being made, owns no files. */
const NOBODY = 65_534
const run = promisify(execFile)

/** The environment of every program started here: nothing of ours leaks in, messages are in English. */
export const MINIMAL_ENV = { LC_ALL: 'C', PATH: '/usr/bin:/bin' } as const

/**
 * Null when PostgreSQL runs as this process does. An existing data directory keeps its owner, so that an ordinary
 * user's directory stays usable after a start as root.
 */
export async function serverIdentity(dataDir: string): Promise<Identity | null> {
  if (process.getuid?.() !== 0) return null
  const owner = await stat(dataDir).catch(() => null) // what is wrong with it is said when it is opened
  if (owner === null || owner.uid === 0) return { uid: NOBODY, gid: NOBODY }
  return { uid: owner.uid, gid: owner.gid === 0 ? NOBODY : owner.gid }
}

/** Spawn options that switch to `identity`. libuv drops the supplementary groups with the ids. */
export function spawnAs(identity: Identity | null): { uid?: number; gid?: number } {
  return identity === null ? {} : { uid: identity.uid, gid: identity.gid }
}

/**
 * Gives one file or folder to `identity`; nothing when there is none.
 * @throws PostgresError `DATA_UNREACHABLE` where root may not do that (user namespaces, network file systems).
 */
export async function giveTo(identity: Identity | null, path: string): Promise<void> {
  if (identity === null) return
  await chown(path, identity.uid, identity.gid).catch((cause: unknown) => {
    const message = `${path} cannot be given to user ${identity.uid}, as whom PostgreSQL runs because it refuses root: start as an ordinary user, ${ELSE_EXTERNAL}`
    throw new PostgresError('DATA_UNREACHABLE', message, { cause })
  })
}

/** As `giveTo`, with everything inside: a data directory that root restored from a backup. Links are not followed. */
export async function giveTreeTo(identity: Identity | null, folder: string): Promise<void> {
  if (identity === null || (await stat(folder)).uid === identity.uid) return
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await lchown(join(entry.parentPath, entry.name), identity.uid, identity.gid)
  await giveTo(identity, folder) // last: an interrupted hand-over starts again
}

/** Whether `identity` may pass through every folder on the way to `folder`. Asked of the kernel: ACLs count as well. */
export async function canEnter(identity: Identity | null, folder: string): Promise<boolean> {
  if (identity === null) return true
  const enter = ['-c', 'cd -- "$1"', 'sh', folder]
  return run('/bin/sh', enter, { ...spawnAs(identity), env: MINIMAL_ENV, cwd: '/' }).then(
    () => true,
    () => false,
  )
}
