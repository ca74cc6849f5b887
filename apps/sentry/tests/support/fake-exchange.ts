/**
 * An exchange without a socket, for unit tests of what stands behind the port: it keeps what was replied.
 * @module
 */
import { PassThrough, type Readable } from 'node:stream'
import type { Exchange, ReplyHead, StreamEnd } from '../../src/listener/exchange.ts'
import { HeaderFields } from '../../src/listener/header-fields.ts'

/** What a test chooses; all else is a POST without fields and body. */
export interface FakeRequest {
  readonly method?: string
  readonly target?: string
  /** Names and values in turn. */
  readonly raw?: readonly string[]
  readonly bodyLength?: number | null
  readonly remote?: string
  readonly startedAt?: number
  readonly status?: number
  readonly bytesOut?: number
}

/** One request and the reply to it. */
export class FakeExchange implements Exchange {
  readonly id = '00000000-0000-4000-8000-000000000001'
  readonly startedAt: number
  readonly method: string
  readonly target: string
  readonly httpVersion = '1.1'
  readonly rawTransferEncoding = true
  readonly fields: HeaderFields
  readonly connection
  readonly bodyLength: number | null
  readonly body = new PassThrough()
  readonly expects = 'nothing'
  ended = false
  bytesIn = 0
  bytesOut: number
  status: number
  accepted = 0
  replied: { head: ReplyHead; body: string } | null = null
  readonly #gone: (() => void)[] = []

  constructor(request: FakeRequest = {}) {
    this.startedAt = request.startedAt ?? 0
    this.method = request.method ?? 'POST'
    this.target = request.target ?? '/Microsoft-Server-ActiveSync'
    this.fields = HeaderFields.ofRaw(request.raw ?? [])
    this.connection = { remote: request.remote ?? '192.0.2.7', serverName: null, certificate: null }
    this.bodyLength = request.bodyLength === undefined ? null : request.bodyLength
    this.status = request.status ?? 0
    this.bytesOut = request.bytesOut ?? 0
  }

  acceptBody(): void {
    this.accepted += 1
  }

  reply(head: ReplyHead, body: Uint8Array = Buffer.alloc(0)): void {
    this.status = head.status
    this.ended = true
    this.replied = { head, body: Buffer.from(body).toString() }
  }

  async stream(head: ReplyHead, _source: Readable, _length: number | null): Promise<StreamEnd> {
    this.status = head.status
    return 'done'
  }

  reset(): void {
    this.leave()
  }

  onGone(listener: () => void): void {
    if (this.ended) listener()
    else this.#gone.push(listener)
  }

  /** The device closes its connection. */
  leave(): void {
    this.ended = true
    for (const listener of this.#gone.splice(0)) listener()
  }
}

/** A JWS in compact form that nobody signed. */
export function unsignedToken(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2ln`
}
