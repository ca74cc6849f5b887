/**
 * Messages of the feed as lines of a file, each with a checksum in front: a flipped bit must not turn block into allow.
 * @module
 */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type FeedMessage, MAX_FEED_LINE_BYTES, parseFeedMessage } from '@postern/contract/feed/feed-messages'
import { LineReader } from '../feed/line-reader.ts'

/** The file is not what we wrote; the message names it. */
export class CopyDamaged extends Error {
  override name = 'CopyDamaged'
}

/** Eight hexadecimal digits and a blank stand before the message. */
const CHECK_LENGTH = 9

/** One line, with its end. */
export function checkedLine(message: FeedMessage): string {
  const text = JSON.stringify(message)
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`
}

/** How a file ended: `goodBytes` up to the end of its last whole line, `torn` when something follows. */
export interface LinesEnd {
  readonly goodBytes: number
  readonly torn: boolean
}

/** Reads line by line. @throws CopyDamaged, or Error of Node when there is no such file */
export async function readCheckedLines(file: string, each: (message: FeedMessage) => void): Promise<LinesEnd> {
  const lines = new LineReader(MAX_FEED_LINE_BYTES + CHECK_LENGTH)
  let bytes = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    for (const line of lines.push(chunk)) each(parseLine(file, line))
  }
  return { goodBytes: bytes - lines.pending, torn: lines.pending > 0 }
}

function parseLine(file: string, line: string): FeedMessage {
  const text = line.slice(CHECK_LENGTH)
  try {
    if (crc32(text) === Number.parseInt(line.slice(0, CHECK_LENGTH - 1), 16)) return parseFeedMessage(JSON.parse(text))
  } catch (error) {
    throw new CopyDamaged(`${file} has a line that cannot be read`, { cause: error })
  }
  throw new CopyDamaged(`${file} has a line that is not as it was written`)
}

/** A file that grows by lines, written in the order of the calls. Made anew, or continued at its end. */
export class LineFile {
  readonly #handle: Promise<FileHandle>
  #tail: Promise<unknown>
  #size: number

  /** @param size bytes that are there already; null makes the file anew */
  constructor(file: string, size: number | null) {
    this.#handle = open(file, size === null ? 'w' : 'a', 0o600)
    this.#tail = this.#handle
    this.#tail.catch(() => undefined) // told by the first append
    this.#size = size ?? 0
  }

  /** Bytes, those on their way included. */
  get size(): number {
    return this.#size
  }

  /** Resolves when the system has the line: a killed process does not lose it. @throws Error of Node */
  append(line: string): Promise<void> {
    this.#size += Buffer.byteLength(line)
    const written = this.#tail.then(async () => {
      await (await this.#handle).appendFile(line)
    })
    this.#tail = written
    written.catch(() => undefined) // the caller hears of it
    return written
  }

  /** Puts everything on the disk. @throws Error of Node */
  async sync(): Promise<void> {
    await this.#tail
    await (await this.#handle).datasync()
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#tail.catch(() => undefined)
    await this.#handle.then((handle) => handle.close()).catch(() => undefined)
  }
}
