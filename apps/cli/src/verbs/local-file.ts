/**
 * Files that a person names on the command line.
 * @module
 */
import { readFile, stat } from 'node:fs/promises'
import { usage } from '../exits.ts'
import type { Surroundings } from '../surroundings.ts'

/** Bytes of a file; `-` is standard input. @throws CliError usage when it cannot be read or is larger than `maxBytes` */
export async function readLocalFile(
  around: Pick<Surroundings, 'readInput'>,
  name: string,
  maxBytes: number,
): Promise<Uint8Array> {
  if (name === '-') return around.readInput(maxBytes)
  try {
    const { size } = await stat(name)
    if (size > maxBytes) throw usage(`${name}: has ${size} bytes; ${maxBytes} are allowed`)
    return await readFile(name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    throw usage(`${name}: cannot be read (${String(error.code)}); check the name and the rights`)
  }
}
