/**
 * Files that people and programs write for us: read whole, bounded, with an error that says which file.
 * @module
 */
import { readFile, stat } from 'node:fs/promises'

/** Thrown for a file that cannot be read; `message` names the file and the remedy. */
export class FileError extends Error {
  override name = 'FileError'
}

/** A file's text and when it was last written (milliseconds since 1970). */
export interface TextFile {
  readonly text: string
  readonly modifiedAt: number
}

/** @throws FileError when missing, unreadable or larger than `maxBytes` (default 1 MiB). */
export async function readTextFile(path: string, maxBytes = 1_048_576): Promise<TextFile> {
  try {
    const { size, mtimeMs } = await stat(path)
    if (size > maxBytes) throw new FileError(`${path} has ${size} bytes, ${maxBytes} are allowed`)
    return { text: await readFile(path, 'utf8'), modifiedAt: mtimeMs }
  } catch (error) {
    if (error instanceof FileError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new FileError(`${path} cannot be read (${code}); check the name and the rights`, { cause: error })
  }
}

/** @throws FileError also when the text is no JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  const { text } = await readTextFile(path)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FileError(`${path} is not JSON (${error instanceof Error ? error.message : 'unreadable'})`, {
      cause: error,
    })
  }
}
