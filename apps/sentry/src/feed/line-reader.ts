/**
 * Lines out of chunks, bounded: a peer that never ends a line ends the stream instead.
 * @module
 */

/** A line was longer than it may be. */
class LineTooLong extends Error {
  override name = 'LineTooLong'
}

/** Cuts one stream of bytes into lines of UTF-8 text. */
export class LineReader {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #size = 0

  /** @param maxBytes of one line, without its end */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of a line that has not ended yet. */
  get pending(): number {
    return this.#size
  }

  /** The lines that this chunk ends, in their order; empty ones too. @throws LineTooLong */
  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      this.#take(chunk.subarray(from, end))
      lines.push(Buffer.concat(this.#parts).toString('utf8'))
      this.#parts = []
      this.#size = 0
      from = end + 1
    }
    this.#take(chunk.subarray(from))
    return lines
  }

  #take(part: Buffer): void {
    this.#size += part.length
    if (this.#size > this.#maxBytes) throw new LineTooLong(`a line has more than ${this.#maxBytes} bytes`)
    if (part.length > 0) this.#parts.push(part)
  }
}
