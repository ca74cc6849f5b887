/**
 * The process's streams as a command sees them.
 * @module
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { ReadStream, WriteStream } from 'node:tty'
import { usage } from './exits.ts'
import type { Sink } from './surroundings.ts'

/** A sink for a stream of the process. A reader that went away (`| head`) ends the program quietly. */
export function sinkFor(stream: WriteStream): Sink {
  const isTty = stream.isTTY // undefined for pipes and files, whatever the type says
  return {
    isTty,
    get columns() {
      return isTty ? stream.columns : null
    },
    write: async (bytes) => {
      if (!stream.write(bytes)) await once(stream, 'drain')
    },
  }
}

/** All of standard input. @throws CliError usage when it has more than `maxBytes` */
export async function readAll(input: ReadStream, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    const bytes = chunk as Uint8Array // no encoding is set, so chunks are bytes
    size += bytes.byteLength
    if (size > maxBytes) throw usage(`standard input has more than ${maxBytes} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/** Asks on the terminal; null when input or error output is none. `hidden`: nothing of the answer is shown. */
export async function askOn(
  input: ReadStream,
  shown: WriteStream,
  question: string,
  hidden: boolean,
): Promise<string | null> {
  if (!input.isTTY || !shown.isTTY) return null
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input, output: hidden ? silent : shown, terminal: true })
  try {
    if (hidden) shown.write(question)
    // Ctrl-C and Ctrl-D end the reader without an answer.
    return await Promise.race([reader.question(hidden ? '' : question), once(reader, 'close').then(() => null)])
  } finally {
    reader.close()
    if (hidden) shown.write('\n')
  }
}
