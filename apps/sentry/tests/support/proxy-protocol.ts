/**
 * PROXY protocol version 2 headers, written by hand from HAProxy's document, 2.2, and ways to send them.
 * @module
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { hex } from './golden.ts'

const SIGNATURE = '0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A'

/** TCP over IPv4 from 203.0.113.7:1234 to 192.0.2.1:443. */
export const FROM_IPV4 = hex(`${SIGNATURE} 21 11 00 0C CB 00 71 07 C0 00 02 01 04 D2 01 BB`)
/** TCP over IPv6 from 2001:db8::7. */
export const FROM_IPV6 = hex(
  `${SIGNATURE} 21 21 00 24 20 01 0D B8 00 00 00 00 00 00 00 00 00 00 00 07 20 01 0D B8 00 00 00 00 00 00 00 00 00 00 00 01 04 D2 01 BB`,
)
/** IPv4 as above, with a TLV (PP2_TYPE_AUTHORITY) behind the addresses. */
export const WITH_TLV = hex(`${SIGNATURE} 21 11 00 12 CB 00 71 07 C0 00 02 01 04 D2 01 BB 02 00 03 61 62 63`)
/** LOCAL: the balancer speaks for itself. */
export const LOCAL = hex(`${SIGNATURE} 20 00 00 00`)

/** Headers that end the connection, with what follows them at once. */
export const BAD: readonly [title: string, bytes: Buffer][] = [
  ['a signature with one byte changed', Buffer.concat([FROM_IPV4.subarray(0, 11), hex('0B'), FROM_IPV4.subarray(12)])],
  ['length 65535', hex(`${SIGNATURE} 21 11 FF FF CB 00 71 07 C0 00 02 01 04 D2 01 BB`)],
  ['length 4097', hex(`${SIGNATURE} 21 11 10 01 CB 00 71 07 C0 00 02 01 04 D2 01 BB`)],
  ['a length too short for its addresses', hex(`${SIGNATURE} 21 11 00 0B CB 00 71 07 C0 00 02 01 04 D2 01 BB`)],
  ['version 1', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 1234 443\r\n')],
  ['version 3', hex(`${SIGNATURE} 31 11 00 0C CB 00 71 07 C0 00 02 01 04 D2 01 BB`)],
  ['an unknown command', hex(`${SIGNATURE} 22 11 00 0C CB 00 71 07 C0 00 02 01 04 D2 01 BB`)],
  ['UDP', hex(`${SIGNATURE} 21 12 00 0C CB 00 71 07 C0 00 02 01 04 D2 01 BB`)],
  ['a UNIX socket', hex(`${SIGNATURE} 21 31 00 D8 ${'00'.repeat(216)}`)],
]

/** A TCP connection to a local port. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  socket.on('error', () => socket.destroy())
  socket.resume()
  return socket
}

/** How a TLS client is to be made. */
export interface TlsOver {
  ca: string[]
  servername: string
  cert: string
  key: string
}

/** TLS over `tcp`, the bytes of `preamble` in the same segment as the first of the ClientHello. */
export async function tlsInOneSegment(tcp: Socket, preamble: Buffer, options: TlsOver): Promise<TLSSocket> {
  return handshake(new Glued(tcp, preamble), options)
}

/** TLS over a connection that is ready for it. */
export async function handshake(over: Duplex, options: TlsOver): Promise<TLSSocket> {
  const socket = connectTls({ ...options, socket: over })
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5_000) })
  return socket
}

/** A connection whose first write goes out together with what must stand before it. */
class Glued extends Duplex {
  readonly #tcp: Socket
  #first: Buffer | null

  constructor(tcp: Socket, first: Buffer) {
    super()
    this.#tcp = tcp
    this.#first = first
    tcp.pause()
    tcp.on('data', (chunk) => this.push(chunk))
    tcp.on('end', () => this.push(null))
    tcp.on('close', () => this.destroy())
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const bytes = this.#first === null ? chunk : Buffer.concat([this.#first, chunk])
    this.#first = null
    this.#tcp.write(bytes, done)
  }

  override _read(): void {
    this.#tcp.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#tcp.destroy()
    done(error)
  }
}
