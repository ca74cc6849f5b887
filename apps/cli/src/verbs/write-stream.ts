/**
 * Bytes of a stream to standard output or to a private file.
 * @module
 */
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { writePrivateFile } from '../connection/credentials.ts'
import { usage } from '../exits.ts'
import type { Surroundings } from '../surroundings.ts'
import { safeLines } from '../output/safe-text.ts'

/** Milliseconds between two words about progress. */
const TELL_MS = 200

/**
 * Writes a stream whole or not at all: with `file` nothing is left behind when it breaks off.
 * @throws CliError usage: bytes that are no text do not go to a terminal; unreachable when the stream breaks off
 */
export async function writeStream(
  around: Surroundings,
  row: EndpointRow,
  chunks: AsyncGenerator<Uint8Array>,
  file: string | null,
): Promise<void> {
  const isText = /json|text/.test(row.media ?? '')
  if (file === null) {
    if (around.out.isTty && !isText) {
      await chunks.return(undefined)
      throw usage(`this is ${row.media ?? 'binary'}, which is not for a terminal; give --out FILE`)
    }
    const decoder = new TextDecoder()
    for await (const chunk of chunks) {
      await around.out.write(around.out.isTty ? safeLines(decoder.decode(chunk, { stream: true })) : chunk)
    }
    return
  }
  let total = 0
  let told = 0
  await writePrivateFile(file, async (write) => {
    for await (const chunk of chunks) {
      await write(chunk)
      total += chunk.byteLength
      if (!around.err.isTty || around.now() - told < TELL_MS) continue
      told = around.now()
      await around.err.write(`\r${sizeText(total)} `)
    }
  })
  await around.err.write(`${around.err.isTty ? '\r' : ''}${file}: ${sizeText(total)}\n`)
}

/** Bytes for people. */
export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1_024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`
}
