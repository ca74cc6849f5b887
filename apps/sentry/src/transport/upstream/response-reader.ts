/**
 * The whole of one response: bytes to a head, body slices and an end. Interim responses are skipped.
 * Pure: no I/O, no clock, no globals.
 * @module
 */
import { ChunkedDecoder } from './chunked-decoder.ts'
import type { BodySink } from './chunked-decoder.ts'
import { HeadCollector, parseResponseHead, ResponseError } from './response-head.ts'
import type { ResponseHead } from './response-head.ts'

/** Interim (1xx) responses before the final one. */
const MAX_INTERIM = 8

/** Takes what was read, in order: one head, then body slices that share the memory of the input. */
export interface ResponseSink extends BodySink {
  onHead(head: ResponseHead): void
}

/** One response to a GET, POST or OPTIONS. */
export class ResponseReader {
  readonly #sink: ResponseSink
  readonly #collector = new HeadCollector()
  #head: ResponseHead | null = null
  #chunked: ChunkedDecoder | null = null
  #left = 0
  #interim = 0
  #complete = false
  #surplus = false

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** Whether the response has been read to its end. */
  get complete(): boolean {
    return this.#complete
  }

  /** Whether the connection may carry another response: a self-delimited end, no `close`, not a byte too many. */
  get reusable(): boolean {
    return this.#complete && this.#head !== null && !this.#head.last && !this.#surplus
  }

  /** @throws ResponseError */
  push(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && this.#head === null) at = this.#readHead(bytes, at)
    if (at < bytes.length && !this.#complete) at = this.#readBody(bytes, at)
    if (at < bytes.length) this.#surplus = true
  }

  /** The server closed. True when the response was or is now complete; false when something is missing. */
  close(): boolean {
    if (this.#head?.framing.kind === 'close') this.#complete = true
    return this.#complete
  }

  #readHead(bytes: Buffer, at: number): number {
    const found = this.#collector.push(at === 0 ? bytes : bytes.subarray(at))
    if (found === null) return bytes.length
    const head = parseResponseHead(found.text)
    if (head.status < 200) {
      if (++this.#interim > MAX_INTERIM) throw new ResponseError('TOO_MANY_INTERIM')
      return at + found.used
    }
    this.#head = head
    if (head.framing.kind === 'none') this.#complete = true
    else if (head.framing.kind === 'length') this.#left = head.framing.length
    else if (head.framing.kind === 'chunked') this.#chunked = new ChunkedDecoder()
    this.#sink.onHead(head)
    return at + found.used
  }

  #readBody(bytes: Buffer, at: number): number {
    if (this.#chunked !== null) {
      const end = this.#chunked.push(bytes, at, this.#sink)
      this.#complete = this.#chunked.done
      return end
    }
    const counted = this.#head?.framing.kind === 'length'
    const end = counted ? Math.min(bytes.length, at + this.#left) : bytes.length
    if (counted) {
      this.#left -= end - at
      this.#complete = this.#left === 0
    }
    this.#sink.onBody(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    return end
  }
}
