/**
 * A connected socket and who uses it now. While nobody does, a byte or an end from the server closes it: whatever an
 * idle server says would otherwise be read as the answer to somebody's next request.
 * @module
 */
import type { TLSSocket } from 'node:tls'

/** The exchange that a connection carries. */
export interface ConnectionUser {
  onBytes(bytes: Buffer): void
  /** The connection has ended, orderly or not; it is unusable and no other call follows. */
  onClosed(cause: Error | null): void
  onDrain(): void
}

/** Told about connections without a user. */
export interface ConnectionKeeper {
  /** The response is read, the request is written, both sides can go on. */
  onIdle(connection: UpstreamConnection): void
  /** Once for each connection, whoever used it. */
  onGone(connection: UpstreamConnection): void
}

/** One socket. Handlers are made once for each socket, not for each request. */
export class UpstreamConnection {
  /** Of the pool that it belongs to. */
  readonly poolKey: string
  /** Milliseconds of the monotonic clock at which it became idle; kept by the pool. */
  idleSince = 0
  readonly #socket: TLSSocket
  readonly #keeper: ConnectionKeeper
  #user: ConnectionUser | null = null
  #unwritten = 0

  constructor(socket: TLSSocket, poolKey: string, keeper: ConnectionKeeper) {
    this.poolKey = poolKey
    this.#socket = socket
    this.#keeper = keeper
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
    socket.on('drain', this.#onDrain)
  }

  /** Whether a request may be written: open in both directions and nothing unread. */
  get usable(): boolean {
    const socket = this.#socket
    return !socket.destroyed && socket.writable && !socket.readableEnded && socket.readableLength === 0
  }

  /** Whether all that was given to `write` has gone to the system. */
  get flushed(): boolean {
    return this.#unwritten === 0
  }

  attach(user: ConnectionUser): void {
    this.#user = user
  }

  /** False asks to wait for `onDrain`. */
  write(bytes: Uint8Array): boolean {
    this.#unwritten++
    return this.#socket.write(bytes, this.#onWritten)
  }

  /** Several writes until `uncork` go out together. */
  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Back to the keeper. A request whose last write has not been reported yet gets one turn for it. */
  release(): void {
    this.#user = null
    this.#socket.resume()
    if (this.flushed) this.#offer()
    else setImmediate(this.#offer)
  }

  /** Closes at once; the user hears nothing more. */
  destroy(): void {
    this.#user = null
    this.#socket.destroy()
  }

  readonly #offer = (): void => {
    if (this.flushed && this.usable) this.#keeper.onIdle(this)
    else this.destroy()
  }

  readonly #onWritten = (): void => {
    this.#unwritten--
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#user === null) this.destroy()
    else this.#user.onBytes(bytes)
  }

  readonly #onDrain = (): void => {
    this.#user?.onDrain()
  }

  readonly #onEnd = (): void => this.#closed(null)

  readonly #onError = (cause: Error): void => this.#closed(cause)

  readonly #onClose = (): void => {
    this.#closed(null)
    this.#keeper.onGone(this)
  }

  #closed(cause: Error | null): void {
    const user = this.#user
    this.destroy()
    user?.onClosed(cause)
  }
}
