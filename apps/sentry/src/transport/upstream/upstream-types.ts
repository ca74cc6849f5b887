/**
 * What the pipeline asks of a server and what it gets back. No behaviour here.
 * @module
 */
import type { Readable } from 'node:stream'

/** A server, always over TLS. `host` is also the SNI and the name that its certificate must carry. */
export interface UpstreamTarget {
  readonly host: string
  readonly port: number
}

/** A request body. `length` null is sent chunked; else exactly that many bytes must come from `source`. */
export type UpstreamBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'stream'; readonly source: Readable; readonly length: number | null }

/** The methods that Sentry speaks to a server. HEAD is not among them: every framing rule here relies on it. */
export type UpstreamMethod = 'GET' | 'POST' | 'OPTIONS'

/** Milliseconds, each above 0. */
export interface UpstreamTimeouts {
  /** Name resolution, TCP and TLS together. */
  readonly connectMs: number
  /** From the last byte of the request to the end of the response's head; interim responses do not extend it. */
  readonly responseHeadMs: number
  /** Silence of the server inside a response body, and a server that stops taking our request body. */
  readonly responseIdleMs: number
}

/** One request. Nothing in it is repeated or followed by this client: no retries, no redirects. */
export interface UpstreamRequest {
  readonly target: UpstreamTarget
  readonly method: UpstreamMethod
  /** Path with query, already canonical; visible ASCII. */
  readonly path: string
  /** In order, as they are to be written; framing headers and Host are the client's own and refused here. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly hostHeader: string
  readonly body: UpstreamBody
  /** Connections are shared among requests with an equal value only; unbuffered bodies carry their user here. */
  readonly affinity: string | null
  readonly timeouts: UpstreamTimeouts
}

/** The final response. `headers` keep the server's order and spelling of names; values are latin1 text. */
export interface UpstreamResponse {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Errors with an UpstreamError. Destroying it before its end closes the connection to the server. */
  readonly body: Readable
  /** Null when chunked or ended by close. */
  readonly bodyLength: number | null
}

/** A request under way. */
export interface UpstreamCall {
  /** @throws UpstreamError */
  readonly response: Promise<UpstreamResponse>
  /** Closes the connection at once; whatever has not arrived fails with UPSTREAM_ABORTED. Harmless afterwards. */
  abort(): void
  /** Whether a byte of the request may have left. Once true, the request must not be sent again. */
  readonly sent: () => boolean
}

/** Counts since the client was made, and of now. */
export interface UpstreamStats {
  readonly active: number
  readonly connecting: number
  readonly idle: number
  readonly opened: number
  readonly reused: number
  readonly resumed: number
}
