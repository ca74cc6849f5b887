/**
 * A TLS client for attack tests: sends exactly the bytes it is given and reads answers leniently.
 *
 * Nothing is added, normalised or retried, so a test can send what no HTTP library would. The server's chain is
 * verified against the given CA; its name is not, because tests choose a server name that does not fit on purpose.
 * @module
 */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, SecureVersion, TLSSocket } from 'node:tls'
import { readRawResponse } from './raw-response.ts'
import type { RawResponse } from './raw-response.ts'

export type { RawResponse } from './raw-response.ts'

/** How to connect. Nothing but `port` and `ca` is needed. */
export interface RawClientOptions {
  /** Address to connect to; default 127.0.0.1. */
  host?: string
  port: number
  /** PEM of the CA that issued the server's certificate. */
  ca: string | string[]
  /** Server name indication; absent: none is sent. */
  servername?: string
  /** PEM of the client certificate (with `key`); absent: the request for one is answered with none. */
  cert?: string
  key?: string
  /** ALPN protocols to offer, in order; absent: the extension is not sent. */
  alpn?: string[]
  /** A session of an earlier connection (`session()`), to be resumed. */
  session?: Buffer
  minVersion?: SecureVersion
  maxVersion?: SecureVersion
  /** Bytes to send on the TCP connection before the TLS handshake (PROXY protocol). */
  preamble?: Uint8Array
  /** Milliseconds for TCP and TLS handshake together; default 5,000. */
  connectTimeoutMs?: number
}

/** How a connection ended; `atMs` counts from the end of the handshake. */
export interface RawClosure {
  atMs: number
  /** The system's or OpenSSL's code when it did not end in order (`ECONNRESET`, `ERR_SSL_…`), else null. */
  error: string | null
}

/** Why a raw client failed: `CONNECT` before or in the handshake, `TIMEOUT` and `CLOSED` while reading, else `MALFORMED`. */
export type RawClientErrorCode = 'CONNECT' | 'TIMEOUT' | 'CLOSED' | 'MALFORMED'

/** Everything a raw client throws. */
export class RawClientError extends Error {
  override name = 'RawClientError'
  readonly code: RawClientErrorCode
  constructor(code: RawClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * Connects and finishes the TLS handshake. Under TLS 1.3 a refused client certificate shows only afterwards, in `closed`.
 *
 * @throws RawClientError `CONNECT`, with the reason as its cause.
 */
export async function connectRaw(options: RawClientOptions): Promise<RawClient> {
  const tcp = connectTcp({ host: options.host ?? '127.0.0.1', port: options.port, noDelay: true })
  const signal = AbortSignal.timeout(options.connectTimeoutMs ?? 5_000)
  try {
    await once(tcp, 'connect', { signal })
    if (options.preamble !== undefined) tcp.write(options.preamble)
    const socket = connectTls({ ...tlsOptions(options), socket: tcp })
    const sessions: Buffer[] = []
    socket.on('session', (session) => sessions.push(session))
    await once(socket, 'secureConnect', { signal })
    return new RawClient(socket, sessions)
  } catch (cause) {
    tcp.destroy()
    throw new RawClientError('CONNECT', `no TLS connection to port ${String(options.port)}`, { cause })
  }
}

/** One TLS connection. It must be closed: `destroy()` or `await using`. */
export class RawClient implements AsyncDisposable {
  readonly socket: TLSSocket
  /** Fulfilled when the connection is gone, however it ended; never rejected. */
  readonly closed: Promise<RawClosure>
  readonly #sessions: Buffer[]
  readonly #since = performance.now()
  #pending = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | null = null

  constructor(socket: TLSSocket, sessions: Buffer[]) {
    this.socket = socket
    this.#sessions = sessions
    let error: string | null = null
    socket.on('data', (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk])
      this.#wake?.()
    })
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message
    })
    const finish = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('end', finish)
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        finish()
        resolve({ atMs: performance.now() - this.#since, error })
      })
    })
  }

  /** Whether the handshake resumed the session that was given. */
  get resumed(): boolean {
    return this.socket.isSessionReused()
  }

  /** The protocol chosen by ALPN, or null. */
  get alpn(): string | null {
    return typeof this.socket.alpnProtocol === 'string' ? this.socket.alpnProtocol : null
  }

  /** Bytes received and not yet read. */
  get unread(): Buffer {
    return this.#pending
  }

  /** Sends bytes as they are; a string is taken as Latin-1. Resolves when the kernel has them or the connection is gone. */
  send(bytes: Uint8Array | string): Promise<void> {
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    return new Promise((resolve) => {
      if (!this.socket.writable) resolve()
      else
        this.socket.write(chunk, () => {
          resolve()
        })
    })
  }

  /** Sends at an even pace, in pieces of `pieceBytes` (default 1); stops early when the connection is gone. */
  async sendSlowly(bytes: Uint8Array | string, bytesPerSecond: number, pieceBytes = 1): Promise<void> {
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    for (let at = 0; at < all.length && this.socket.writable; at += pieceBytes) {
      await this.send(all.subarray(at, at + pieceBytes))
      await Promise.race([delay((1000 * pieceBytes) / bytesPerSecond), this.closed])
    }
  }

  /**
   * Reads one HTTP/1.1 response, interim (1xx) ones included as answers of their own.
   *
   * `timeoutMs` default 5,000; `bodyless` says that the request was a HEAD.
   * @throws RawClientError `TIMEOUT`, `CLOSED` (before a whole response came) or `MALFORMED`.
   */
  async readResponse(options: { timeoutMs?: number; bodyless?: boolean } = {}): Promise<RawResponse> {
    const deadline = performance.now() + (options.timeoutMs ?? 5_000)
    for (;;) {
      const read = readRawResponse(this.#pending, { ended: this.#ended, bodyless: options.bodyless ?? false })
      if (read.kind === 'response') {
        this.#pending = this.#pending.subarray(read.bytes)
        return read.response
      }
      if (read.kind === 'malformed') throw new RawClientError('MALFORMED', read.reason)
      if (this.#ended) throw new RawClientError('CLOSED', `closed after ${String(this.#pending.length)} bytes`)
      if (!(await this.#more(deadline))) {
        throw new RawClientError('TIMEOUT', `no whole response; ${String(this.#pending.length)} bytes so far`)
      }
    }
  }

  /** Stops reading: the receive window of the connection closes when the kernel's buffer is full. */
  pauseReading(): void {
    this.socket.pause()
  }

  /** Reads again after `pauseReading`. */
  resumeReading(): void {
    this.socket.resume()
  }

  /** Says that nothing more will be sent (close_notify and FIN); answers can still be read. */
  halfClose(): void {
    this.socket.end()
  }

  /** The newest session ticket, to be given to a later `connectRaw`; waits until the server has sent one (2 s). */
  async session(): Promise<Buffer> {
    if (this.#sessions.length === 0) await once(this.socket, 'session', { signal: AbortSignal.timeout(2_000) })
    const session = this.#sessions.at(-1)
    if (session === undefined) throw new RawClientError('TIMEOUT', 'the server sent no session ticket')
    return session
  }

  /** Closes the connection at once, without close_notify. */
  destroy(): void {
    this.socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    await this.closed
  }

  /** Waits for bytes or the end; false when the deadline passed first. */
  async #more(deadline: number): Promise<boolean> {
    const left = deadline - performance.now()
    if (left <= 0) return false
    const timer = new AbortController()
    const woken = new Promise<boolean>((resolve) => {
      this.#wake = () => {
        resolve(true)
      }
    })
    const late = delay(left, false, { signal: timer.signal }).catch(() => false)
    const result = await Promise.race([woken, late])
    this.#wake = null
    timer.abort()
    return result
  }
}

function tlsOptions(options: RawClientOptions): ConnectionOptions {
  return {
    ca: options.ca,
    checkServerIdentity: () => undefined,
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    ...(options.cert === undefined ? {} : { cert: options.cert, key: options.key }),
    ...(options.alpn === undefined ? {} : { ALPNProtocols: options.alpn }),
    ...(options.session === undefined ? {} : { session: options.session }),
    ...(options.minVersion === undefined ? {} : { minVersion: options.minVersion }),
    ...(options.maxVersion === undefined ? {} : { maxVersion: options.maxVersion }),
  }
}
