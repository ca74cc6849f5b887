/**
 * Writes one request: head and first bytes of the body together in one write, the rest as the server takes it.
 * @module
 */
import type { Readable } from 'node:stream'
import type { UpstreamBody } from './upstream-types.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Bodies up to this go into one buffer with the head; copying more costs more than a second write. */
const JOIN_BYTES = 65_536
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** Told how the sending goes. */
export interface SenderOwner {
  /** There is something to write: time to have a connection. At most once. */
  onReady(): void
  /** The server does not take bytes at the moment (true), or does again. */
  onBlocked(blocked: boolean): void
  /** Everything was handed to the connection. At most once. */
  onSent(): void
  /** The body failed; nothing more will be written. At most once. */
  onBodyFailed(reason: string, cause: Error | null): void
}

/** One way to write a body. */
export interface RequestSender {
  start(): void
  /** The connection is there and takes the head now. */
  begin(connection: UpstreamConnection): void
  onDrain(): void
  /** Nothing more is to be written. The source of a stream is left paused to its owner. */
  stop(): void
}

/** @param head as encoded for this very body */
export function createSender(head: Buffer, body: UpstreamBody, owner: SenderOwner): RequestSender {
  switch (body.kind) {
    case 'none':
      return new WholeSender(head, null, owner)
    case 'bytes':
      return new WholeSender(head, body.bytes, owner)
    case 'stream':
      return new StreamSender(head, body.source, body.length, owner)
    default:
      return body satisfies never
  }
}

class WholeSender implements RequestSender {
  readonly #head: Buffer
  readonly #bytes: Uint8Array | null
  readonly #owner: SenderOwner

  constructor(head: Buffer, bytes: Uint8Array | null, owner: SenderOwner) {
    this.#head = head
    this.#bytes = bytes
    this.#owner = owner
  }

  start(): void {
    this.#owner.onReady()
  }

  begin(connection: UpstreamConnection): void {
    writeTogether(connection, this.#head, this.#bytes === null ? [] : [this.#bytes])
    this.#owner.onSent()
  }

  onDrain(): void {
    // It is all in the connection's hands already.
  }

  stop(): void {
    // Nothing is left to write.
  }
}

class StreamSender implements RequestSender {
  readonly #head: Buffer
  readonly #source: Readable
  readonly #length: number | null
  readonly #owner: SenderOwner
  #connection: UpstreamConnection | null = null
  #first: Buffer | null = null
  #received = 0
  #ready = false
  #ended = false
  #over = false

  constructor(head: Buffer, source: Readable, length: number | null, owner: SenderOwner) {
    this.#head = head
    this.#source = source
    this.#length = length
    this.#owner = owner
  }

  /** Waits for the first bytes before a connection is asked for: a phone that sends none occupies none. */
  start(): void {
    const source = this.#source
    if (source.destroyed) return this.#fail('is closed already', source.errored)
    if (source.readableEnded) return this.#onEnd()
    source.on('error', this.#onError).on('close', this.#onClose).on('end', this.#onEnd).on('data', this.#onData)
  }

  begin(connection: UpstreamConnection): void {
    if (this.#over) return
    this.#connection = connection
    const pieces = this.#first === null ? [] : this.#framed(this.#first)
    if (this.#ended && this.#length === null) pieces.push(LAST_CHUNK)
    this.#first = null
    const free = writeTogether(connection, this.#head, pieces)
    if (this.#ended) this.#finish()
    else if (free) this.#source.resume()
    else this.#owner.onBlocked(true)
  }

  onDrain(): void {
    if (this.#over) return
    this.#owner.onBlocked(false)
    this.#source.resume()
  }

  stop(): void {
    if (this.#over) return
    this.#over = true
    this.#source.off('data', this.#onData)
    this.#source.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#over) return
    this.#received += chunk.length
    if (this.#length !== null && this.#received > this.#length) return this.#fail('is longer than its length', null)
    if (this.#connection !== null) return this.#write(this.#connection, chunk)
    this.#source.pause()
    this.#first = this.#first === null ? chunk : Buffer.concat([this.#first, chunk])
    this.#announce()
  }

  readonly #onEnd = (): void => {
    if (this.#over || this.#ended) return
    if (this.#length !== null && this.#received < this.#length) return this.#fail('is shorter than its length', null)
    this.#ended = true
    if (this.#connection === null) return this.#announce()
    if (this.#length === null) this.#connection.write(LAST_CHUNK)
    this.#finish()
  }

  readonly #onError = (cause: Error): void => this.#fail('failed', cause)

  readonly #onClose = (): void => {
    if (!this.#ended) this.#fail('was closed before its end', null)
  }

  #announce(): void {
    if (this.#ready) return
    this.#ready = true
    this.#owner.onReady()
  }

  #write(connection: UpstreamConnection, chunk: Buffer): void {
    const free = this.#length === null ? writePieces(connection, this.#framed(chunk)) : connection.write(chunk)
    if (free) return
    this.#source.pause()
    this.#owner.onBlocked(true)
  }

  #framed(chunk: Buffer): Uint8Array[] {
    if (chunk.length === 0) return [] // an empty chunk would be the last one
    return this.#length === null ? [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, CRLF] : [chunk]
  }

  #finish(): void {
    this.stop()
    this.#owner.onSent()
  }

  #fail(reason: string, cause: Error | null): void {
    if (this.#over) return
    this.stop()
    this.#owner.onBodyFailed(reason, cause)
  }
}

/** One buffer, one TLS record, one system call where the size allows it. */
function writeTogether(connection: UpstreamConnection, head: Buffer, pieces: readonly Uint8Array[]): boolean {
  if (pieces.length === 0) return connection.write(head)
  let size = head.length
  for (const piece of pieces) size += piece.length
  if (size <= JOIN_BYTES) return connection.write(Buffer.concat([head, ...pieces], size))
  return writePieces(connection, [head, ...pieces])
}

function writePieces(connection: UpstreamConnection, pieces: readonly Uint8Array[]): boolean {
  let free = true
  connection.cork()
  for (const piece of pieces) free = connection.write(piece)
  connection.uncork()
  return free
}
