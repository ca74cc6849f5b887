/**
 * Everything of Core's that a Sentry keeps for a start without it: document, posture, and when Core was last heard.
 * @module
 */
import { join } from 'node:path'
import { FileError, readTextFile } from '@postern/runtime/json-file'
import { writeWhole } from '../registration/data-files.ts'

const DOCUMENT = 'document.json'
const CONTACT = 'contact'
const MAX_DOCUMENT_BYTES = 16_777_216
/** The time of the last word is written this often at most. Milliseconds. */
const CONTACT_MS = 5_000
/** A clock may be this far behind the one that wrote the time. Milliseconds. */
const CLOCK_SLACK_MS = 60_000

/** The document that was applied last, as it came. */
export interface KeptDocument {
  readonly etag: string
  readonly document: unknown
}

/** The document and the time of the last word. */
export class CoreCopy {
  readonly #dir: string
  #contactWritten = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Null: there is none. @throws Error when it cannot be read */
  async document(): Promise<KeptDocument | null> {
    const text = await textOf(join(this.#dir, DOCUMENT), MAX_DOCUMENT_BYTES)
    if (text === null) return null
    const kept: unknown = JSON.parse(text)
    if (typeof kept !== 'object' || kept === null || !('etag' in kept) || !('document' in kept))
      throw new Error('is no kept document')
    if (typeof kept.etag !== 'string') throw new Error('has no etag')
    return { etag: kept.etag, document: kept.document }
  }

  async keepDocument(kept: KeptDocument): Promise<void> {
    await writeWhole(join(this.#dir, DOCUMENT), `${JSON.stringify(kept)}\n`)
  }

  /** When Core was last heard, ms since 1970; 0 when that is not known, or lies in the future. */
  async contact(now: number): Promise<number> {
    const text = await textOf(join(this.#dir, CONTACT), 64)
    if (text === null || !/^\d{1,15}\n$/.test(text)) return 0
    const at = Number(text)
    return at > now + CLOCK_SLACK_MS ? 0 : at
  }

  /** Writes the time, when the last that was written is old enough. Failures are of no account: it only ages sooner. */
  heard(at: number): void {
    if (at - this.#contactWritten < CONTACT_MS && at >= this.#contactWritten) return
    this.#contactWritten = at
    this.#writing = this.#writing.then(() => this.#writeContact(at))
  }

  /** The last time is on the disk. */
  async close(lastHeard: number): Promise<void> {
    await this.#writing
    if (lastHeard > 0) await this.#writeContact(lastHeard)
  }

  async #writeContact(at: number): Promise<void> {
    await writeWhole(join(this.#dir, CONTACT), `${Math.floor(at)}\n`, false).catch(() => undefined)
  }
}

async function textOf(file: string, maxBytes: number): Promise<string | null> {
  try {
    return (await readTextFile(file, maxBytes)).text
  } catch (error) {
    if (error instanceof FileError && /ENOENT/.test(error.message)) return null
    throw error
  }
}
