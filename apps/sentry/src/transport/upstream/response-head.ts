/**
 * Head of an HTTP/1.1 response: bytes to facts, strictly.
 *
 * Documents: RFC 9112 sections 2 to 6, RFC 9110 sections 5 and 15. Input is untrusted. What RFC 9112 lets a recipient
 * repair (bare LF, obs-fold, white space before a colon, several lengths) is refused: a repaired head is one that two
 * readers can take differently. Only for answers to GET, POST and OPTIONS; a HEAD response frames otherwise.
 * Pure: no I/O, no clock, no globals.
 * @module
 */
import { isFieldText, isToken, trimOws } from './http-text.ts'

/** Bytes from the status line to the empty line, both included. */
export const MAX_HEAD_BYTES = 65_536

/** Why bytes are no response of ours. */
export type ResponseFailure =
  | 'HEAD_TOO_LONG'
  | 'BARE_LF'
  | 'STATUS_LINE'
  | 'HEADER_NAME'
  | 'HEADER_VALUE'
  | 'OBS_FOLD'
  | 'CONTENT_LENGTH'
  | 'TRANSFER_ENCODING'
  | 'LENGTH_AND_ENCODING'
  | 'UPGRADE'
  | 'TOO_MANY_INTERIM'
  | 'CHUNK_SIZE'
  | 'CHUNK_EXTENSION'
  | 'CHUNK_END'
  | 'TRAILER'

/** Thrown by every reader of response bytes in this folder, and nothing else is. */
export class ResponseError extends Error {
  override name = 'ResponseError'
  readonly code: ResponseFailure

  constructor(code: ResponseFailure) {
    super(`not a response: ${code}`)
    this.code = code
  }
}

/** How the body ends. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }

/** `last`: no further response can come on this connection. */
export interface ResponseHead {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly framing: Framing
  readonly last: boolean
}

const LF = 0x0a
const CR = 0x0d
const EMPTY = Buffer.alloc(0)

/** Collects the bytes of one head out of any chunks. Reusable after each complete head. */
export class HeadCollector {
  #store: Buffer = EMPTY
  #stored = 0
  #scanned = 0
  #lineStart = 0

  /**
   * The text of the head without its last empty line, and how many bytes of `bytes` belong to it; null when more is needed.
   * @throws ResponseError HEAD_TOO_LONG, BARE_LF
   */
  push(bytes: Buffer): { text: string; used: number } | null {
    const before = this.#stored
    const all = before === 0 ? bytes : this.#append(bytes)
    for (let at = all.indexOf(LF, this.#scanned); at !== -1; at = all.indexOf(LF, at + 1)) {
      if (at + 1 > MAX_HEAD_BYTES) throw new ResponseError('HEAD_TOO_LONG')
      if (at === 0 || all[at - 1] !== CR) throw new ResponseError('BARE_LF')
      if (at - 1 === this.#lineStart) return this.#complete(all, at, before)
      this.#lineStart = at + 1
    }
    if (all.length >= MAX_HEAD_BYTES) throw new ResponseError('HEAD_TOO_LONG')
    if (before === 0) this.#append(bytes)
    this.#scanned = all.length
    return null
  }

  /** Doubles its room, so that a head that comes byte by byte costs no more than twice its size in copies. */
  #append(bytes: Buffer): Buffer {
    const length = this.#stored + bytes.length
    if (length > this.#store.length) {
      const larger = Buffer.allocUnsafe(Math.max(1_024, length * 2))
      this.#store.copy(larger, 0, 0, this.#stored)
      this.#store = larger
    }
    bytes.copy(this.#store, this.#stored)
    this.#stored = length
    return this.#store.subarray(0, length)
  }

  #complete(all: Buffer, at: number, before: number): { text: string; used: number } {
    const text = all.toString('latin1', 0, Math.max(0, this.#lineStart - 2))
    this.#store = EMPTY
    this.#stored = 0
    this.#scanned = 0
    this.#lineStart = 0
    return { text, used: at + 1 - before }
  }
}

/**
 * A head as text (latin1, lines ended by CR LF, without the empty line) to facts.
 * @throws ResponseError
 */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.split('\r\n')
  const { minor, status } = parseStatusLine(lines[0] ?? '')
  const headers: (readonly [string, string])[] = []
  const facts: FramingFacts = { length: null, chunked: false, close: minor === 0 }
  for (let i = 1; i < lines.length; i++) {
    const header = parseHeaderLine(lines[i] ?? '')
    noteFraming(facts, header[0].toLowerCase(), header[1])
    headers.push(header)
  }
  if (facts.chunked && minor === 0) throw new ResponseError('TRANSFER_ENCODING')
  if (facts.chunked && facts.length !== null) throw new ResponseError('LENGTH_AND_ENCODING')
  const framing = framingOf(status, facts)
  return { status, headers, framing, last: facts.close || framing.kind === 'close' }
}

interface FramingFacts {
  length: number | null
  chunked: boolean
  close: boolean
}

/** `HTTP/1.1 SP 3DIGIT [SP reason]`; the space after the code is left out by some servers and carries nothing. */
function parseStatusLine(line: string): { minor: 0 | 1; status: number } {
  const is11 = line.startsWith('HTTP/1.1 ')
  if (!is11 && !line.startsWith('HTTP/1.0 ')) throw new ResponseError('STATUS_LINE')
  const status = decimal(line.slice(9, 12))
  const tail = line.slice(12)
  if (status === null || line.length < 12 || status < 100 || status > 599) throw new ResponseError('STATUS_LINE')
  if ((tail !== '' && !tail.startsWith(' ')) || !isFieldText(tail)) throw new ResponseError('STATUS_LINE')
  return { minor: is11 ? 1 : 0, status }
}

function parseHeaderLine(line: string): readonly [string, string] {
  const first = line.charCodeAt(0)
  if (first === 0x20 || first === 0x09) throw new ResponseError('OBS_FOLD')
  const colon = line.indexOf(':')
  if (colon === -1) throw new ResponseError('HEADER_NAME')
  const name = line.slice(0, colon)
  if (!isToken(name)) throw new ResponseError('HEADER_NAME')
  const value = trimOws(line.slice(colon + 1))
  if (!isFieldText(value)) throw new ResponseError('HEADER_VALUE')
  return [name, value]
}

function noteFraming(facts: FramingFacts, name: string, value: string): void {
  switch (name) {
    case 'content-length': {
      // Equal repetitions too: which of two lengths counts is not a question to have.
      const length = decimal(value)
      if (length === null || facts.length !== null) throw new ResponseError('CONTENT_LENGTH')
      facts.length = length
      return
    }
    case 'transfer-encoding':
      if (facts.chunked || value.toLowerCase() !== 'chunked') throw new ResponseError('TRANSFER_ENCODING')
      facts.chunked = true
      return
    case 'connection':
      for (const option of value.split(',')) if (trimOws(option).toLowerCase() === 'close') facts.close = true
  }
}

/** RFC 9112, 6.3, without the cases of HEAD and CONNECT. */
function framingOf(status: number, facts: FramingFacts): Framing {
  if (status === 101) throw new ResponseError('UPGRADE')
  if (status < 200 || status === 204 || status === 304) return { kind: 'none' }
  if (facts.chunked) return { kind: 'chunked' }
  if (facts.length === null) return { kind: 'close' }
  return facts.length === 0 ? { kind: 'none' } : { kind: 'length', length: facts.length }
}

/** 1 to 15 digits, so that every value is a safe integer; anything else is null. */
function decimal(text: string): number | null {
  if (text.length === 0 || text.length > 15) return null
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return null
    value = value * 10 + digit
  }
  return value
}
