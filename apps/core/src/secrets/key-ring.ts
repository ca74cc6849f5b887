/**
 * The keys outside of the database: files in a folder of their own, one for each wrapping key, and the audit log's key.
 * Several Cores on one database share the folder's contents.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CoreError } from '../failure.ts'

const KEY_BYTES = 32

/** A wrapping key. `id` stands in the rows that it wraps. */
export interface WrappingKey {
  readonly id: string
  readonly key: Buffer
}

/** All keys. */
export interface KeyRing {
  readonly auditKey: Buffer
  current(): WrappingKey
  /** @throws CoreError UNAVAILABLE naming the file that is missing. */
  byId(id: string): Buffer
  /** Makes a new current key; the old ones stay until nothing needs them. Returns its id. */
  addKey(): Promise<string>
}

/**
 * Reads the folder, and fills it when `fresh` (a database that was just made).
 * @throws CoreError UNAVAILABLE when keys are missing that the database needs: they must be restored, never made anew.
 */
export async function openKeyRing(folder: string, fresh: boolean): Promise<KeyRing> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const names = await readdir(folder)
  const missing = ['audit.key', 'current'].filter((name) => !names.includes(name))
  if (missing.length > 0 && !fresh) {
    const remedy = 'restore the folder from where you keep its copy, or name it as secrets.folder'
    throw new CoreError('UNAVAILABLE', `${folder} lacks ${missing.join(' and ')}, which the database needs; ${remedy}`)
  }
  if (!names.includes('audit.key')) await writeKey(folder, 'audit.key', randomBytes(KEY_BYTES))
  if (!names.includes('current')) await makeCurrent(folder)
  return readRing(folder)
}

async function readRing(folder: string): Promise<KeyRing> {
  const keys = new Map<string, Buffer>()
  const load = async (): Promise<void> => {
    for (const name of await readdir(folder)) {
      const id = /^wrap-([0-9a-z]+)\.key$/.exec(name)?.[1]
      if (id !== undefined) keys.set(id, await readKey(folder, name))
    }
  }
  await load()
  const auditKey = await readKey(folder, 'audit.key')
  let currentId = await readCurrent(folder)
  const byId = (id: string): Buffer => {
    const key = keys.get(id)
    if (key === undefined)
      throw new CoreError('UNAVAILABLE', `${join(folder, `wrap-${id}.key`)} is missing; restore it`)
    return key
  }
  byId(currentId)
  return {
    auditKey,
    current: () => ({ id: currentId, key: byId(currentId) }),
    byId,
    addKey: async () => {
      currentId = await makeCurrent(folder)
      await load()
      return currentId
    },
  }
}

async function makeCurrent(folder: string): Promise<string> {
  const id = randomBytes(6).toString('hex')
  await writeKey(folder, `wrap-${id}.key`, randomBytes(KEY_BYTES))
  await writeText(folder, 'current', `${id}\n`)
  return id
}

async function readCurrent(folder: string): Promise<string> {
  return (await readFile(join(folder, 'current'), 'utf8')).trim()
}

async function readKey(folder: string, name: string): Promise<Buffer> {
  const key = Buffer.from((await readFile(join(folder, name), 'utf8')).trim(), 'base64url')
  if (key.length !== KEY_BYTES)
    throw new CoreError('UNAVAILABLE', `${join(folder, name)} is no key of 32 bytes; restore it`)
  return key
}

async function writeKey(folder: string, name: string, key: Buffer): Promise<void> {
  await writeText(folder, name, `${key.toString('base64url')}\n`)
}

async function writeText(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `.${name}.new`)
  await writeFile(draft, text, { mode: 0o600, flush: true })
  await rename(draft, join(folder, name))
}
