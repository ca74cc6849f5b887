/**
 * Response body as a stream. It never asks for more than its reader does.
 * @module
 */
import { Readable } from 'node:stream'
import type { UpstreamError } from './upstream-error.ts'

/** Where the bytes come from. */
export interface BodyOwner {
  /** The reader has taken what there was. */
  onBodyWanted(): void
  /** The reader does not want the rest, or has it all. */
  onBodyClosed(): void
}

/** Bytes are pushed in by its owner. */
export class ResponseBody extends Readable {
  readonly #owner: BodyOwner

  constructor(owner: BodyOwner) {
    super()
    this.#owner = owner
    // A fault may come before the caller, who waits for a promise, could listen; `errored` and pipeline() still show it.
    this.on('error', ignore)
  }

  /** Ends it with an error; harmless when it is over. */
  fail(error: UpstreamError): void {
    this.destroy(error)
  }

  override _read(): void {
    this.#owner.onBodyWanted()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#owner.onBodyClosed()
    callback(error)
  }
}

function ignore(): void {
  // See the constructor.
}
