/**
 * Bounded reading for the base64 form: every read either has its bytes or throws.
 * @module
 */
import { EasQueryError } from './query-error.ts'

/** Reads forwards over bytes that it does not copy. */
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

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** @throws EasQueryError EAS_QUERY_TRUNCATED at the field's first byte. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new EasQueryError('EAS_QUERY_TRUNCATED', this.#at)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** @throws EasQueryError EAS_QUERY_TRUNCATED. */
  u8(): number {
    return this.#little(1)
  }

  /** @throws EasQueryError EAS_QUERY_TRUNCATED. */
  u16le(): number {
    return this.#little(2)
  }

  /** @throws EasQueryError EAS_QUERY_TRUNCATED. */
  u32le(): number {
    return this.#little(4)
  }

  #little(length: number): number {
    return this.take(length).reduceRight((value, byte) => value * 0x100 + byte, 0)
  }
}
