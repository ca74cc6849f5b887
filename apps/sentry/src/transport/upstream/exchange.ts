/**
 * One request and its response on one connection: who waits for what, how long, and what becomes of the connection.
 *
 * Nothing is ever sent twice: until the first byte is written a connection may be replaced by another, afterwards every
 * fault is the caller's to see (A36).
 * @module
 */
import type { Readable } from 'node:stream'
import { createSender } from './request-sender.ts'
import type { RequestSender, SenderOwner } from './request-sender.ts'
import { ResponseBody } from './response-body.ts'
import type { BodyOwner } from './response-body.ts'
import { ResponseError } from './response-head.ts'
import type { ResponseHead } from './response-head.ts'
import { ResponseReader } from './response-reader.ts'
import type { ResponseSink } from './response-reader.ts'
import type { ConnectionUser, UpstreamConnection } from './upstream-connection.ts'
import { UpstreamError } from './upstream-error.ts'
import type { UpstreamFailure } from './upstream-error.ts'
import type { UpstreamRequest, UpstreamResponse } from './upstream-types.ts'

/** Where connections come from, and who counts. */
export interface ExchangeHost {
  /** Calls `begin` or `failed` of the exchange, once; the returned function gives up waiting. */
  connect(exchange: Exchange): () => void
  onExchangeOver(exchange: Exchange): void
}

type Settle = { resolve(response: UpstreamResponse): void; reject(error: UpstreamError): void }

/** Starts with `start`; over when `onExchangeOver` was called. */
export class Exchange implements ConnectionUser, SenderOwner, ResponseSink, BodyOwner {
  readonly request: UpstreamRequest
  readonly #host: ExchangeHost
  readonly #settle: Settle
  readonly #sender: RequestSender
  readonly #reader = new ResponseReader(this)
  #connection: UpstreamConnection | null = null
  #cancelConnect: (() => void) | null = null
  #body: ResponseBody | null = null
  #timer: NodeJS.Timeout | null = null
  #sent = false
  #requestDone = false
  #paused = false
  #over = false

  /** @param head the encoded head of `request` */
  constructor(request: UpstreamRequest, head: Buffer, host: ExchangeHost, settle: Settle) {
    this.request = request
    this.#host = host
    this.#settle = settle
    this.#sender = createSender(head, request.body, this)
  }

  /** Whether a byte of the request may have left. */
  get sent(): boolean {
    return this.#sent
  }

  start(): void {
    this.#sender.start()
  }

  /** Closes what is open; a response that lies complete in its body is taken back too. */
  abort(reason: string): void {
    this.failed(new UpstreamError('UPSTREAM_ABORTED', this.#sent, reason))
  }

  /** The connection to use. */
  begin(connection: UpstreamConnection): void {
    this.#cancelConnect = null
    if (this.#over) return connection.destroy()
    this.#connection = connection
    this.#sent = true
    connection.attach(this)
    this.#sender.begin(connection)
  }

  /** Ends everything with one error. */
  failed(error: UpstreamError): void {
    if (!this.#finish()) {
      this.#body?.fail(error)
      return
    }
    this.#cancelConnect?.()
    this.#connection?.destroy()
    if (this.#body === null) this.#settle.reject(error)
    else this.#body.fail(error)
  }

  onReady(): void {
    if (!this.#over) this.#cancelConnect = this.#host.connect(this)
  }

  onBlocked(blocked: boolean): void {
    if (this.#body !== null) return // the response's own timer runs
    if (blocked) this.#arm(this.request.timeouts.responseIdleMs, 'the server stopped taking the request')
    else this.#disarm()
  }

  onSent(): void {
    this.#requestDone = true
    if (this.#body === null) this.#arm(this.request.timeouts.responseHeadMs, 'no response head in time')
  }

  onBodyFailed(reason: string, cause: Error | null): void {
    const options = cause === null ? {} : { cause }
    this.failed(new UpstreamError('REQUEST_BODY_FAILED', this.#sent, `the request body ${reason}`, options))
  }

  onDrain(): void {
    this.#sender.onDrain()
  }

  onBytes(bytes: Buffer): void {
    try {
      this.#reader.push(bytes)
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error
      return this.#fail('UPSTREAM_MALFORMED', error.message, error)
    }
    if (this.#reader.complete) this.#complete()
    else if (this.#body !== null) this.#timer?.refresh()
  }

  onClosed(cause: Error | null): void {
    this.#connection = null
    if (cause === null && this.#reader.close()) this.#complete()
    else this.#fail('UPSTREAM_RESET', 'the server closed before its response was complete', cause)
  }

  onHead(head: ResponseHead): void {
    const body = new ResponseBody(this)
    this.#body = body
    this.#arm(this.request.timeouts.responseIdleMs, 'the response body stood still')
    const { framing, status, headers } = head
    const bodyLength = framing.kind === 'length' ? framing.length : framing.kind === 'none' ? 0 : null
    this.#settle.resolve({ status, headers, body: body satisfies Readable, bodyLength })
  }

  onBody(bytes: Buffer): void {
    if (this.#body?.push(bytes) !== false || this.#paused) return
    this.#paused = true
    this.#connection?.pause()
  }

  onBodyWanted(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#timer?.refresh()
    this.#connection?.resume()
  }

  onBodyClosed(): void {
    if (!this.#over) this.abort('the response was not wanted to its end')
  }

  #complete(): void {
    const connection = this.#connection
    if (!this.#finish()) return
    if (this.#requestDone && this.#reader.reusable) connection?.release()
    else connection?.destroy()
    this.#body?.push(null)
  }

  /** The first call is the end of this exchange; true for that one only. */
  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#disarm()
    this.#sender.stop()
    this.#host.onExchangeOver(this)
    return true
  }

  #fail(code: UpstreamFailure, message: string, cause: Error | null): void {
    this.failed(new UpstreamError(code, this.#sent, message, cause === null ? {} : { cause }))
  }

  #arm(ms: number, message: string): void {
    this.#disarm()
    this.#timer = setTimeout(onTime, ms, this, message)
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** A pause that our own reader asked for is not the server's silence. */
  onTimeout(message: string): void {
    if (this.#paused) this.#timer?.refresh()
    else this.#fail('UPSTREAM_TIMEOUT', message, null)
  }
}

function onTime(exchange: Exchange, message: string): void {
  exchange.onTimeout(message)
}
