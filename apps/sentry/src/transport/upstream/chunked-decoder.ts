/**
 * Chunked transfer coding: bytes to body slices (RFC 9112, 7.1). Strict: CR LF only, no white space around a size,
 * extensions bounded and ignored, trailers bounded and dropped. Slices share the memory of the input.
 * Pure: no I/O, no clock, no globals.
 * @module
 */
import { ResponseError } from './response-head.ts'

/** Hexadecimal digits of a chunk size: up to 256 TiB, exact in a number. */
const MAX_SIZE_DIGITS = 12
/** Bytes of all extensions of one body together; more is an attack on our time (many small chunks, long extensions). */
const MAX_EXTENSION_BYTES = 16_384
/** Bytes of all trailer lines together. */
const MAX_TRAILER_BYTES = 16_384

const CR = 0x0d
const LF = 0x0a

type State =
  | 'size'
  | 'extension'
  | 'sizeLf'
  | 'data'
  | 'dataCr'
  | 'dataLf'
  | 'trailerStart'
  | 'trailer'
  | 'trailerLf'
  | 'endLf'
  | 'done'

/** Takes the pieces of a body as they come out of the framing. */
export interface BodySink {
  onBody(bytes: Buffer): void
}

/** One body. Feed it until `done`. */
export class ChunkedDecoder {
  #state: State = 'size'
  #digits = 0
  #left = 0
  #extensionBytes = 0
  #trailerBytes = 0

  /** Whether the last chunk and the trailers have been read. */
  get done(): boolean {
    return this.#state === 'done'
  }

  /**
   * Hands body bytes to the sink.
   * @returns the offset after the last byte used; less than the length only when done
   * @throws ResponseError CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_END, TRAILER
   */
  push(bytes: Buffer, start: number, sink: BodySink): number {
    let at = start
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') at = this.#data(bytes, at, sink)
      else this.#control(bytes[at++] ?? 0)
    }
    return at
  }

  #data(bytes: Buffer, at: number, sink: BodySink): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0) this.#state = 'dataCr'
    sink.onBody(bytes.subarray(at, end))
    return end
  }

  #control(byte: number): void {
    switch (this.#state) {
      case 'size':
        return this.#size(byte)
      case 'extension':
        return this.#extension(byte)
      case 'sizeLf':
        return this.#expect(byte === LF, 'CHUNK_SIZE', this.#left === 0 ? 'trailerStart' : 'data')
      case 'dataCr':
        return this.#expect(byte === CR, 'CHUNK_END', 'dataLf')
      case 'dataLf':
        this.#digits = 0
        return this.#expect(byte === LF, 'CHUNK_END', 'size')
      case 'trailerStart':
      case 'trailer':
        return this.#trailer(byte)
      case 'trailerLf':
        return this.#expect(byte === LF, 'TRAILER', 'trailerStart')
      case 'endLf':
        return this.#expect(byte === LF, 'TRAILER', 'done')
      case 'data':
      case 'done':
        return
      default:
        this.#state satisfies never
    }
  }

  #expect(holds: boolean, failure: 'CHUNK_SIZE' | 'CHUNK_END' | 'TRAILER', next: State): void {
    if (!holds) throw new ResponseError(failure)
    this.#state = next
  }

  #size(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new ResponseError('CHUNK_SIZE')
      this.#left = this.#digits === 1 ? digit : this.#left * 16 + digit
      return
    }
    if (this.#digits === 0) throw new ResponseError('CHUNK_SIZE')
    if (byte === CR) this.#state = 'sizeLf'
    else if (byte === 0x3b) this.#state = 'extension'
    else throw new ResponseError('CHUNK_SIZE')
  }

  #extension(byte: number): void {
    if (byte === CR) this.#state = 'sizeLf'
    else if (!isText(byte) || ++this.#extensionBytes > MAX_EXTENSION_BYTES) throw new ResponseError('CHUNK_EXTENSION')
  }

  #trailer(byte: number): void {
    if (byte === CR) {
      this.#state = this.#state === 'trailerStart' ? 'endLf' : 'trailerLf'
      return
    }
    if (!isText(byte) || ++this.#trailerBytes > MAX_TRAILER_BYTES) throw new ResponseError('TRAILER')
    this.#state = 'trailer'
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function isText(byte: number): boolean {
  return byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)
}
