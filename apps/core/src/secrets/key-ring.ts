/**
 * The keys outside of the database: files in a folder of their own, one for each wrapping key, and the audit log's key.
 * Several Cores on one database share the folder's contents.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CoreError } from '../failure.ts'

const KEY_BYTES = 32

/** A wrapping key. `id` stands in the rows that it wraps. */
export interface WrappingKey {
  readonly id: string
  readonly key: Buffer
}

/** All keys. Files that another Core adds are noticed: `current` is read each time, and an unknown id is looked for. */
export interface KeyRing {
  readonly folder: string
  readonly auditKey: Buffer
  /** @throws CoreError UNAVAILABLE when the folder cannot be read. */
  current(): Promise<WrappingKey>
  /** @throws CoreError UNAVAILABLE naming the file that is missing. */
  byId(id: string): Promise<Buffer>
  /** Makes a new current key; the old ones stay, since backups need them. Returns its id. */
  addKey(): Promise<string>
}

/**
 * Reads the folder, and fills it when `fresh` (a database that was just made). Of several that fill it at once, one wins.
 * @throws CoreError UNAVAILABLE when keys are missing that the database needs: they must be restored, never made anew.
 */
export async function openKeyRing(folder: string, fresh: boolean): Promise<KeyRing> {
  if (fresh) await mkdir(folder, { recursive: true, mode: 0o700 }).catch(unusable(folder))
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [] as string[]
    return unusable(folder)(error)
  })
  const missing = ['audit.key', 'current'].filter((name) => !names.includes(name))
  if (missing.length > 0 && !fresh) {
    const remedy = 'restore the folder from where you keep its copy, or name it as secrets.folder'
    throw new CoreError('UNAVAILABLE', `${folder} lacks ${missing.join(' and ')}, which the database needs; ${remedy}`)
  }
  if (!names.includes('audit.key')) await writeOnce(folder, 'audit.key', keyText(randomBytes(KEY_BYTES)))
  if (!names.includes('current')) {
    const id = newId()
    await writeOnce(folder, wrapName(id), keyText(randomBytes(KEY_BYTES)))
    await writeOnce(folder, 'current', `${id}\n`)
  }
  return readRing(folder)
}

async function readRing(folder: string): Promise<KeyRing> {
  const keys = new Map<string, Buffer>()
  const byId = async (id: string): Promise<Buffer> => {
    const known = keys.get(id)
    if (known !== undefined) return known
    const key = await readKey(folder, wrapName(id))
    keys.set(id, key)
    return key
  }
  const current = async (): Promise<WrappingKey> => {
    const id = (await readText(folder, 'current')).trim()
    if (!/^[0-9a-z]{1,64}$/.test(id)) {
      throw new CoreError('UNAVAILABLE', `${join(folder, 'current')} names no key; restore it`)
    }
    return { id, key: await byId(id) }
  }
  const auditKey = await readKey(folder, 'audit.key')
  await current()
  return {
    folder,
    auditKey,
    current,
    byId,
    addKey: async () => {
      const id = newId()
      await writeOnce(folder, wrapName(id), keyText(randomBytes(KEY_BYTES)))
      await rename(await writeDraft(folder, 'current', `${id}\n`), join(folder, 'current'))
      return id
    },
  }
}

function newId(): string {
  return randomBytes(6).toString('hex')
}

function wrapName(id: string): string {
  return `wrap-${id}.key`
}

function keyText(key: Buffer): string {
  return `${key.toString('base64url')}\n`
}

async function readKey(folder: string, name: string): Promise<Buffer> {
  const key = Buffer.from((await readText(folder, name)).trim(), 'base64url')
  if (key.length !== KEY_BYTES)
    throw new CoreError('UNAVAILABLE', `${join(folder, name)} is no key of 32 bytes; restore it`)
  return key
}

async function readText(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8').catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') return unusable(folder)(error)
    throw new CoreError('UNAVAILABLE', `${join(folder, name)} is missing; restore it from where you keep its copy`)
  })
}

/** Writes the whole file or, when there is one, nothing: a reader never sees half of it. */
async function writeOnce(folder: string, name: string, text: string): Promise<void> {
  const draft = await writeDraft(folder, name, text)
  try {
    await link(draft, join(folder, name))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await unlink(draft)
  }
}

async function writeDraft(folder: string, name: string, text: string): Promise<string> {
  const draft = join(folder, `.${name}.${newId()}`)
  await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true }).catch(unusable(folder))
  return draft
}

function unusable(folder: string): (error: unknown) => never {
  return (error) => {
    const remedy = 'it must belong to the user that Core runs as; another one is named as secrets.folder'
    throw new CoreError('UNAVAILABLE', `${folder} (keys) cannot be used: ${codeOf(error)}; ${remedy}`, { cause: error })
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown fault'
}
