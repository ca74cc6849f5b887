/**
 * Sees the bytes of a connection before the HTTP parser does. The parser trims header values, so only the wire shows
 * whether `Transfer-Encoding` was written in one of the ways that other parsers overlook (A1).
 * @module
 */
import type { TLSSocket } from 'node:tls'

/** More than the largest head that the parser accepts. Bytes. */
const KEEP_BYTES = 81_920

/** Bytes of one connection since the chunk in which its last request was, at most 80 KiB. */
export class HeadTap {
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(socket: TLSSocket) {
    // The first listener of the ordinary kind makes Node hand bytes through JavaScript; ours must come before its own.
    const wake = (): void => undefined
    socket.on('data', wake)
    socket.removeListener('data', wake)
    socket.prependListener('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      while (this.#bytes > KEEP_BYTES && this.#chunks.length > 1) this.#bytes -= this.#chunks.shift()?.length ?? 0
    })
  }

  /**
   * Forgets what was seen before. Called at every request, so that a body is not held. The last chunk stays: the head
   * of the next request may have begun in it.
   */
  clear(): void {
    this.#chunks = this.#chunks.slice(-1)
    this.#bytes = this.#chunks[0]?.length ?? 0
  }

  /**
   * Whether every line that names it says `Transfer-Encoding: chunked`, with one space or none, and one does. Bytes of
   * a body may be among what was seen; they can spoil the answer, but not hide a line of the head.
   */
  saysPlainChunked(): boolean {
    const text = Buffer.concat(this.#chunks).toString('latin1').toLowerCase()
    const lines = text.split('\r\ntransfer-encoding').slice(1)
    return (
      lines.length > 0 && lines.every((line) => line.startsWith(': chunked\r\n') || line.startsWith(':chunked\r\n'))
    )
  }
}
