/**
 * A TLS server that does nothing by itself: a test reads and writes its bytes.
 * @module
 */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Server, TlsOptions, TLSSocket } from 'node:tls'

/** One accepted connection. What is received is kept until `take`. */
export class PeerConnection {
  readonly socket: TLSSocket
  readonly #tcp: Socket | undefined
  /** Bytes received in all. */
  total = 0
  #kept = ''
  #wake: (() => void)[] = []

  constructor(socket: TLSSocket, tcp: Socket | undefined) {
    this.socket = socket
    this.#tcp = tcp
    socket.on('data', (bytes: Buffer) => {
      this.total += bytes.length
      this.#kept += bytes.toString('latin1')
      this.#notify()
    })
    socket.on('error', () => undefined).on('close', () => this.#notify())
  }

  get closed(): boolean {
    return this.socket.destroyed
  }

  /** What has come and was not taken yet. */
  get kept(): string {
    return this.#kept
  }

  /** Everything up to and with `end`, once it is there. */
  async take(end: string): Promise<string> {
    for (;;) {
      const at = this.#kept.indexOf(end)
      if (at !== -1) {
        const taken = this.#kept.slice(0, at + end.length)
        this.#kept = this.#kept.slice(at + end.length)
        return taken
      }
      if (this.closed) throw new Error(`closed before ${JSON.stringify(end)}: ${this.#kept.slice(0, 200)}`)
      await this.#change()
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await this.#change()
  }

  async untilReceived(bytes: number): Promise<void> {
    while (this.total < bytes && !this.closed) await this.#change()
  }

  send(text: string | Buffer): void {
    if (typeof text === 'string') this.socket.write(text, 'latin1')
    else this.socket.write(text)
  }

  /** A TCP reset, without a word of TLS. */
  reset(): void {
    this.#tcp?.resetAndDestroy()
    this.socket.destroy()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve))
  }

  #notify(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }
}

/** Listens on loopback. */
export class ScriptedPeer implements AsyncDisposable {
  readonly #server: Server
  readonly #waiting: ((connection: PeerConnection) => void)[] = []
  readonly #arrived: PeerConnection[] = []
  readonly #all: PeerConnection[] = []
  /** TCP connections, whether or not they got through the handshake. */
  dialled = 0

  constructor(server: Server) {
    this.#server = server
    const tcp = new Map<number | undefined, Socket>()
    server.on('connection', (socket: Socket) => {
      this.dialled++
      tcp.set(socket.remotePort, socket)
    })
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    server.on('secureConnection', (socket) => {
      const connection = new PeerConnection(socket, tcp.get(socket.remotePort))
      this.#all.push(connection)
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#arrived.push(connection)
      else waiting(connection)
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Handshakes that were completed. */
  get accepted(): number {
    return this.#all.length
  }

  /** Bytes after the handshakes, of all connections. */
  get received(): number {
    return this.#all.reduce((sum, { total }) => sum + total, 0)
  }

  /** The next connection that nobody has asked for yet. */
  connection(): Promise<PeerConnection> {
    const arrived = this.#arrived.shift()
    return arrived === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(arrived)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#all) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** @param options certificate and key at least */
export async function startPeer(options: TlsOptions): Promise<ScriptedPeer> {
  const server = createServer({ ALPNProtocols: ['http/1.1'], noDelay: true, ...options })
  const peer = new ScriptedPeer(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return peer
}
