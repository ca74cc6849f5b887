/**
 * Sees the bytes of a connection before the HTTP parser does. The parser trims header values, so only the wire shows
 * whether `Transfer-Encoding` was written in one of the ways that other parsers overlook (A1).
 * @module
 */
import type { TLSSocket } from 'node:tls'

/** More than the largest head that the parser accepts. Bytes. */
const KEEP_BYTES = 81_920

/** Bytes of one connection since its last request, at most 80 KiB. */
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

  /** Forgets what was seen. Called at every request, so that a body is not held. */
  clear(): void {
    this.#chunks = []
    this.#bytes = 0
  }

  /** Whether exactly one line says `Transfer-Encoding: chunked`, with one space or none, and no other names it. */
  saysPlainChunked(): boolean {
    const text = Buffer.concat(this.#chunks).toString('latin1').toLowerCase()
    const name = '\r\ntransfer-encoding'
    const at = text.indexOf(name)
    if (at < 0 || text.includes(name, at + 1)) return false
    const end = text.indexOf('\r\n', at + name.length)
    const line = text.slice(at + name.length, end)
    return line === ': chunked' || line === ':chunked'
  }
}
