/**
 * The port between transport and pipeline: one request of a device and the one reply to it. Whoever parses HTTP
 * implements it; no rule looks below it.
 * @module
 */
import type { Readable } from 'node:stream'
import type { ShownCertificate } from '../identity/device-identity.ts'
import type { HeaderFields } from './header-fields.ts'

/**
 * A device's connection. `remote`: the address, of the device or as its trusted balancer says. `serverName`: null when
 * TLS was sent none, undefined when it cannot be known any more.
 */
export interface DeviceConnection {
  readonly remote: string
  readonly serverName: string | null | undefined
  readonly certificate: ShownCertificate | null
}

/** Status and fields of a reply; framing and Date are the transport's. Names as they should be written. */
export interface ReplyHead {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
}

/** How the sending of a streamed reply ended. */
export type StreamEnd = 'done' | 'device-gone' | 'device-stalled' | 'source-failed'

/** One request and its reply. Exactly one of `reply`, `stream` and `reset` ends it. */
export interface Exchange {
  /** Correlation id, also told to the device. */
  readonly id: string
  readonly startedAt: number
  readonly method: string
  readonly target: string
  readonly httpVersion: string
  readonly rawTransferEncoding: boolean
  readonly fields: HeaderFields
  readonly connection: DeviceConnection
  /** Declared body length in bytes; null when chunked, 0 when there is none. */
  readonly bodyLength: number | null
  readonly body: Readable
  readonly expects: 'nothing' | 'continue' | 'something-else'
  /** True once the device has closed or the reply was sent in full. */
  readonly ended: boolean
  /** Body bytes read so far; counted by whoever reads. */
  bytesIn: number
  readonly bytesOut: number
  /** Status of the reply that was begun, 0 before. */
  readonly status: number
  /** Lets the device send its body, if it waits for that. */
  acceptBody(): void
  /** Sends a reply that is held whole. An unread request body is drained if it is small, else the connection ends. */
  reply(head: ReplyHead, body?: Uint8Array): void
  /** Streams a reply with back-pressure; `length` null means chunked. Never rejects. */
  stream(head: ReplyHead, source: Readable, length: number | null): Promise<StreamEnd>
  /** Ends the connection without a reply. */
  reset(): void
  /** Called once when the device closes before the reply was sent in full; at once if it has. */
  onGone(listener: () => void): void
}
