/**
 * The audit file: one JSON line a decision, written in batches off the request path.
 * @module
 */
import { closeSync, openSync, write, writeSync } from 'node:fs'
import type { AuditLine } from '@postern/contract/audit-line'

/** Lines wait at most this long. Milliseconds. */
const FLUSH_MS = 20
/** What may wait in memory when the disk does not keep up; lines beyond it are counted as lost. Characters. */
const MAX_WAITING = 16_777_216

/** Where audit lines go. Disposing writes what still waits. */
export interface AuditWriter extends Disposable {
  write(line: AuditLine): void
  /** Opens the file anew, after it was moved away. */
  reopen(): void
}

/** Appends to `file`; several processes may, each batch being one write. `lost` is told how many lines could not be kept. */
export function openAuditFile(file: string, lost: (lines: number) => void): AuditWriter {
  let fd = openSync(file, 'a', 0o640)
  let waiting: string[] = []
  let size = 0
  let timer: NodeJS.Timeout | null = null
  let writing = false

  const flush = (): void => {
    timer = null
    if (writing || waiting.length === 0) return
    const batch = waiting
    waiting = []
    size = 0
    writing = true
    writeAll(fd, Buffer.from(batch.join('')), (failed) => {
      writing = false
      if (failed) lost(batch.length)
      if (waiting.length > 0) flush()
    })
  }

  return {
    write(line) {
      const text = `${JSON.stringify(line)}\n`
      if (size + text.length > MAX_WAITING) {
        lost(1)
        return
      }
      waiting.push(text)
      size += text.length
      timer ??= setTimeout(flush, FLUSH_MS)
    },
    reopen() {
      const old = fd
      fd = openSync(file, 'a', 0o640)
      setTimeout(() => {
        closeSync(old) // a write that is under way still uses it
      }, 1_000)
    },
    [Symbol.dispose]() {
      if (timer !== null) clearTimeout(timer)
      if (waiting.length > 0) writeSync(fd, waiting.join(''))
      waiting = []
    },
  }
}

function writeAll(fd: number, bytes: Buffer, done: (failed: boolean) => void): void {
  write(fd, bytes, (error, written) => {
    if (error !== null) done(true)
    else if (written < bytes.length) writeAll(fd, bytes.subarray(written), done)
    else done(false)
  })
}
