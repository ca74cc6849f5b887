/**
 * The audit file: one JSON line a decision, written in batches off the request path.
 * @module
 */
import { closeSync, openSync, write } from 'node:fs'
import type { AuditLine } from '@postern/contract/audit-line'

/** Lines wait at most this long. Milliseconds. */
const FLUSH_MS = 20
/** What may wait in memory when the disk does not keep up; lines beyond it are counted as lost. Characters. */
const MAX_WAITING = 16_777_216

/** Where audit lines go. Disposing writes what still waits, and closes. */
export interface AuditWriter extends AsyncDisposable {
  write(line: AuditLine): void
  /** Opens `file` in the place of the one in use, which may have been moved away. @throws Error of Node; nothing changes. */
  reopen(file: string): void
}

/** Appends to `file`; several processes may, each batch being one write. `lost` is told how many lines could not be kept. */
export function openAuditFile(file: string, lost: (lines: number) => void): AuditWriter {
  return new BatchedFile(file, lost)
}

class BatchedFile implements AuditWriter {
  readonly #lost: (lines: number) => void
  #fd: number
  #waiting: string[] = []
  #size = 0
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> | null = null

  constructor(file: string, lost: (lines: number) => void) {
    this.#lost = lost
    this.#fd = openFile(file)
  }

  write(line: AuditLine): void {
    const text = `${JSON.stringify(line)}\n`
    if (this.#size + text.length > MAX_WAITING) {
      this.#lost(1)
      return
    }
    this.#waiting.push(text)
    this.#size += text.length
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS)
  }

  reopen(file: string): void {
    const old = this.#fd
    this.#fd = openFile(file)
    void (this.#writing ?? Promise.resolve()).then(() => {
      closeSync(old) // only now: a write that was under way used it
    })
  }

  async #flush(): Promise<void> {
    this.#timer = null
    while (this.#writing !== null) await this.#writing // batches keep their order
    if (this.#waiting.length === 0) return
    const batch = this.#waiting
    this.#waiting = []
    this.#size = 0
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#writing = promise
    writeAll(this.#fd, Buffer.from(batch.join('')), (failed) => {
      this.#writing = null
      if (failed) this.#lost(batch.length)
      resolve(undefined)
    })
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#flush()
    closeSync(this.#fd)
  }
}

function openFile(file: string): number {
  return openSync(file, 'a', 0o640)
}

function writeAll(fd: number, bytes: Buffer, done: (failed: boolean) => void): void {
  write(fd, bytes, (error, written) => {
    if (error !== null) done(true)
    else if (written < bytes.length) writeAll(fd, bytes.subarray(written), done)
    else done(false)
  })
}
