/**
 * Folders that are made whole under a name of their own and renamed into place; and what is left when their maker died.
 * @module
 */
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemCode } from './postgres-error.ts'

/** Nothing that is made here takes longer: ten minutes, in milliseconds. */
const ABANDONED_AFTER_MS = 600_000

/**
 * Makes `target` whole or not at all: `fill` works in a fresh folder beside it, which is then renamed. When another
 * process was quicker, its folder stays and ours is removed. Folders abandoned by a killed process are removed too.
 * @throws what `fill` or the file system throws; EBUSY or EXDEV when `target` is a mount point.
 */
export async function makeWhole(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const prefix = `${target}.making-`
  await removeAbandoned(prefix)
  const folder = await mkdtemp(prefix)
  try {
    await fill(folder)
    await rename(folder, target)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) throw error
  }
}

async function removeAbandoned(prefix: string): Promise<void> {
  const before = Date.now() - ABANDONED_AFTER_MS
  const parent = dirname(prefix)
  for (const name of await readdir(parent)) {
    if (!name.startsWith(basename(prefix))) continue
    const path = join(parent, name)
    const age = await stat(path).catch(() => null) // its maker may just have renamed it
    if (age !== null && age.mtimeMs < before) await rm(path, { recursive: true, force: true })
  }
}
