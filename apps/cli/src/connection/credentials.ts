/**
 * Address and sign-in, kept between runs in a file that only its owner may read.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FileError, readJsonFile } from '@postern/runtime/json-file'
import { CliError, usage } from '../exits.ts'
import { isJson, textOf } from '../json.ts'

/** A session of a person: cookie and CSRF token, and when it ends at the latest. */
export interface StoredSession {
  readonly cookie: string
  readonly csrfToken: string
  readonly userName: string
  /** ISO 8601; empty when Core did not say. */
  readonly expiresAt: string
}

/** What is kept. One of `token` and `session`, or neither after signing out. */
export interface Credentials {
  readonly url: string
  readonly ca: string | null
  readonly token: string | null
  readonly session: StoredSession | null
}

/** Null when there is none. @throws CliError usage when others may read the file, or it is damaged */
export async function readCredentials(file: string): Promise<Credentials | null> {
  const info = await stat(file).catch(() => null)
  if (info === null) return null
  if (process.platform !== 'win32' && (info.mode & 0o077) !== 0) {
    throw usage(`${file} can be read by others; take their rights away (chmod 600) and sign in anew`)
  }
  try {
    return parse(await readJsonFile(file))
  } catch (error) {
    if (error instanceof FileError) throw usage(`${error.message}; remove it and sign in anew`)
    throw error
  }
}

function parse(input: unknown): Credentials {
  const url = textOf(input, 'url')
  const session = isJson(input) ? input['session'] : null
  return {
    url,
    ca: textOf(input, 'ca') || null,
    token: textOf(input, 'token') || null,
    session: isJson(session)
      ? {
          cookie: textOf(session, 'cookie'),
          csrfToken: textOf(session, 'csrfToken'),
          userName: textOf(session, 'userName'),
          expiresAt: textOf(session, 'expiresAt'),
        }
      : null,
  }
}

/** Replaces the file in one step; its folder is made when missing. @throws CliError usage */
export async function writeCredentials(file: string, credentials: Credentials): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writePrivateFile(file, async (write) => write(`${JSON.stringify(credentials, null, 2)}\n`))
}

/**
 * Writes a file beside its name with rights 0600, and moves it there only when all of it is on the disk.
 * @param fill gets a function that appends; when it throws, nothing is left behind
 * @throws CliError usage when the file cannot be written; whatever `fill` throws
 */
export async function writePrivateFile(
  file: string,
  fill: (write: (bytes: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const draft = join(dirname(file), `.${randomUUID()}.part`)
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await fill(async (bytes) => {
        await handle.writeFile(bytes)
      })
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error
    throw usage(`${file} cannot be written (${String(error.code)}); check the folder and its rights`)
  }
}
