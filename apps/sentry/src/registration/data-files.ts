/**
 * Small files of a data directory: written whole or not at all, and readable by their owner only.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Makes the directory, closed to others. @throws Error of Node */
export async function makeDataFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
}

/**
 * Replaces a file in one step; after it resolves, a loss of power does not lose it.
 * @param durable false: it may, for what is written again soon
 * @throws Error of Node
 */
export async function writeWhole(file: string, text: string, durable = true): Promise<void> {
  const draft = `${file}.${randomUUID()}.new`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  if (durable) await syncFolder(dirname(file))
}

/** A rename is on the disk when its folder is. */
export async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Takes files away, those that are there. */
export async function removeFiles(dir: string, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => rm(join(dir, name), { force: true })))
}
