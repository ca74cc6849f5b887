/**
 * Bounded reading of WBXML's primitives. Every read has its bytes or throws; nothing is copied or allocated before that.
 * @module
 */
import { WbxmlError } from './wbxml-error.ts'

// ignoreBOM keeps a leading byte order mark, so that a string survives being decoded and encoded.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_INTEGER_BYTES = 5

/** Reads forwards. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The index of the next byte. */
  get offset(): number {
    return this.#at
  }

  /** Whether nothing is left. */
  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** @throws WbxmlError WBXML_TRUNCATED. */
  u8(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new WbxmlError('WBXML_TRUNCATED', this.#at)
    this.#at += 1
    return byte
  }

  /** mb_u_int32: seven bits a byte, most significant first. @throws WbxmlError WBXML_INTEGER or WBXML_TRUNCATED. */
  multiByteInteger(): number {
    const start = this.#at
    let value = 0
    for (let length = 0; length < MAX_INTEGER_BYTES; length += 1) {
      const byte = this.u8()
      value = value * 0x80 + (byte & 0x7f)
      if (value > 0xffff_ffff) throw new WbxmlError('WBXML_INTEGER', start)
      if ((byte & 0x80) === 0) return value
    }
    throw new WbxmlError('WBXML_INTEGER', start)
  }

  /** A view of the next bytes. @throws WbxmlError WBXML_TRUNCATED. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new WbxmlError('WBXML_TRUNCATED', this.#at)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** A string up to its NUL, which is read too. @throws WbxmlError WBXML_TRUNCATED or WBXML_UTF8. */
  terminatedString(): string {
    const start = this.#at
    const end = this.#bytes.indexOf(0, start)
    if (end === -1) throw new WbxmlError('WBXML_TRUNCATED', start)
    this.#at = end + 1
    try {
      return UTF8.decode(this.#bytes.subarray(start, end))
    } catch (error) {
      // Fatal decoding reports bad bytes by a TypeError and has no other way to fail on an array of bytes.
      if (error instanceof TypeError) throw new WbxmlError('WBXML_UTF8', start)
      throw error
    }
  }
}
