/**
 * A growing array of bytes, and WBXML's primitives written to it.
 * @module
 */

const ENCODER = new TextEncoder()
const FIRST_CAPACITY = 256

/** Writes forwards. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  /** One byte, 0 to 255. */
  u8(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length] = byte
    this.#length += 1
  }

  /** Any number of bytes. */
  bytes(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** UTF-8, without its NUL. The text must be well formed. */
  text(text: string): void {
    this.bytes(ENCODER.encode(text))
  }

  /** mb_u_int32 in as few bytes as it takes. 0 to 4 294 967 295. */
  multiByteInteger(value: number): void {
    const groups = [value % 0x80]
    for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
      groups.unshift((rest % 0x80) | 0x80)
    this.bytes(groups)
  }

  /** What was written, as an array of its own length. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
