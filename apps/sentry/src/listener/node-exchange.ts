/**
 * An {@link Exchange} on Node's HTTP server.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { DeviceConnection, Exchange, ReplyHead, StreamEnd } from './exchange.ts'
import { HeaderFields } from './header-fields.ts'

/** An unread body up to this size is read and thrown away, so that the connection lives on. Bytes. */
const DRAIN_BYTES = 262_144
/** And for this long. Milliseconds. */
const DRAIN_MS = 10_000
/** A device that goes on sending after a refusal is cut off after this. Milliseconds. */
const LINGER_MS = 2_000

/** What Node does not say of a request. `writeStallMs`: milliseconds a device may leave its answer unread; `now`: ms since 1970. */
export interface NodeExchangeOptions {
  readonly connection: DeviceConnection
  readonly rawTransferEncoding: boolean
  readonly expects: Exchange['expects']
  readonly writeStallMs: number
  readonly now: number
}

/** See {@link Exchange}. */
export class NodeExchange implements Exchange {
  readonly id = randomUUID()
  readonly startedAt: number
  readonly method: string
  readonly target: string
  readonly httpVersion: string
  readonly rawTransferEncoding: boolean
  readonly fields: HeaderFields
  readonly connection: DeviceConnection
  readonly bodyLength: number | null
  readonly body: Readable
  readonly expects: Exchange['expects']
  ended = false
  bytesIn = 0
  bytesOut = 0
  status = 0
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #writeStallMs: number
  readonly #goneListeners: (() => void)[] = []
  #gone = false
  #closing = false

  constructor(request: IncomingMessage, response: ServerResponse, options: NodeExchangeOptions) {
    this.#request = request
    this.#response = response
    this.#writeStallMs = options.writeStallMs
    this.startedAt = options.now
    this.method = request.method ?? ''
    this.target = request.url ?? ''
    this.httpVersion = request.httpVersion
    this.rawTransferEncoding = options.rawTransferEncoding
    this.fields = HeaderFields.ofRaw(request.rawHeaders)
    this.connection = options.connection
    this.expects = options.expects
    const declared = this.fields.value('content-length')
    this.bodyLength = this.fields.has('transfer-encoding') ? null : Number(declared ?? 0)
    this.body = request
    // 'close' of the response, not of the request: the latter comes as soon as the request has been read.
    response.once('close', () => {
      this.ended = true
      if (!response.writableFinished) this.#left()
    })
  }

  /** Called when the reply was sent in full or the connection is gone; not for one that has left. */
  onEnded(listener: () => void): void {
    this.#response.once('close', listener)
  }

  /** Whether the reply told the device that the connection ends. Nothing that comes after it is a request (A1). */
  get closing(): boolean {
    return this.#closing
  }

  /** The connection ended before the reply's turn came; Node then says nothing of it. */
  leave(): void {
    this.ended = true
    this.#left()
  }

  /** The framing of the body broke. False: nobody reads it. */
  breakBody(): boolean {
    if (this.#request.complete || this.#request.listenerCount('error') === 0) return false
    return this.#request.emit('error', new Error('the framing of the body broke'))
  }

  acceptBody(): void {
    if (this.expects === 'continue' && !this.#response.headersSent) this.#response.writeContinue()
  }

  reply(head: ReplyHead, body: Uint8Array = new Uint8Array(0)): void {
    if (this.ended || this.#response.headersSent) return
    const unread = this.#unread()
    const keep = unread <= DRAIN_BYTES && this.expects === 'nothing'
    this.#writeHead(head, [['Content-Length', String(body.length)]], keep)
    this.bytesOut = body.length
    this.#response.end(body)
    this.#watchFlush()
    if (unread > 0) this.#discard(keep)
  }

  async stream(head: ReplyHead, source: Readable, length: number | null): Promise<StreamEnd> {
    if (this.ended || this.#response.headersSent) {
      source.destroy()
      return 'device-gone'
    }
    this.#writeHead(head, framingOf(head.status, length), this.#request.complete)
    const response = this.#response
    // Head and first bytes go out as one record where both are there; else the head does not wait for them.
    setImmediate(() => {
      if (!response.headersSent || this.bytesOut === 0) response.flushHeaders()
    })
    const end = await this.#pump(source)
    if (end === 'done') {
      this.#response.end()
      this.#watchFlush()
    } else this.#request.socket.destroy()
    return end
  }

  reset(): void {
    this.#request.socket.destroy()
  }

  onGone(listener: () => void): void {
    if (this.#gone) listener()
    else this.#goneListeners.push(listener)
  }

  // The last bytes of an answer that nobody reads would keep the connection for ever.
  #watchFlush(): void {
    const response = this.#response
    if (response.writableFinished || response.destroyed) return
    const { socket } = this.#request
    const stall = setTimeout(() => socket.destroy(), this.#writeStallMs)
    response.once('close', () => clearTimeout(stall))
  }

  #left(): void {
    this.#gone = true
    for (const listener of this.#goneListeners.splice(0)) listener()
  }

  /** Bytes of the request body that nobody has read; Infinity when their number is not known. */
  #unread(): number {
    if (this.#request.complete && this.#request.readableLength === 0) return 0
    return this.bodyLength === null ? Infinity : this.bodyLength - this.bytesIn
  }

  #discard(keep: boolean): void {
    const { socket } = this.#request
    const linger = setTimeout(() => socket.destroy(), keep ? DRAIN_MS : LINGER_MS)
    this.#request.resume()
    if (keep) this.#request.once('end', () => clearTimeout(linger))
    socket.once('close', () => clearTimeout(linger))
  }

  #writeHead(head: ReplyHead, framing: readonly (readonly [string, string])[], keep: boolean): void {
    this.status = head.status
    const flat: string[] = []
    for (const [name, value] of head.fields) flat.push(name, value)
    for (const [name, value] of framing) flat.push(name, value)
    flat.push('X-Request-Id', this.id, 'Strict-Transport-Security', 'max-age=31536000')
    const saysSo = head.fields.some(([name]) => name.toLowerCase() === 'connection') // it only ever says close
    if (!keep && !saysSo) flat.push('Connection', 'close')
    this.#closing = !keep || saysSo
    this.#response.writeHead(head.status, flat)
  }

  #pump(source: Readable): Promise<StreamEnd> {
    const response = this.#response
    return new Promise((resolve) => {
      let stall: NodeJS.Timeout | null = null
      const finish = (end: StreamEnd): void => {
        if (stall !== null) clearTimeout(stall)
        stall = null
        resolve(end)
        if (end !== 'done') source.destroy()
      }
      source.on('data', (chunk: Uint8Array) => {
        this.bytesOut += chunk.length
        if (response.write(chunk)) return
        source.pause()
        stall ??= setTimeout(() => {
          finish('device-stalled')
        }, this.#writeStallMs)
      })
      response.on('drain', () => {
        if (stall !== null) clearTimeout(stall)
        stall = null
        source.resume()
      })
      source.once('end', () => {
        finish('done')
      })
      source.once('error', () => {
        finish('source-failed')
      })
      source.once('close', () => {
        finish('source-failed') // without 'end' before: no second resolve counts
      })
      this.onGone(() => {
        finish('device-gone')
      })
    })
  }
}

/** RFC 9110, 8.6: an answer that cannot have a body does not say how long it is. */
function framingOf(status: number, length: number | null): [string, string][] {
  if (status === 204) return []
  return length === null ? [['Transfer-Encoding', 'chunked']] : [['Content-Length', String(length)]]
}
