/**
 * What a handler of an endpoint is: input of the contract in, answer out. Handlers call services and hold no rules.
 * @module
 */
import type { Readable } from 'node:stream'
import type { EndpointRow, EndpointTable, InputOf, ReplyOf } from '@postern/contract/api/endpoint'
import type { Change } from '../database/store.ts'
import type { Principal } from './principal.ts'

/** One request. */
export interface RequestContext {
  readonly requestId: string
  /** The client's address; behind a trusted proxy the one that it told. */
  readonly remote: string
  /** Null only on endpoints whose access is `anonymous`. */
  readonly principal: Principal | null
  /** Version from If-Match; null when the endpoint does not ask for it. */
  readonly ifMatch: number | null
  readonly sessionCookie: string | null
  /** Cookie of a browser that was sent to the identity provider. */
  readonly oidcCookie: string | null
  /** What the client asked, such as `https://core.example:8440`: `admin.publicUrl`, or else its Host header, checked. */
  readonly origin: string
  /** No proxy has said that it passes the request on. */
  readonly direct: boolean
  /** Whether the client's own connection is encrypted. */
  readonly secure: boolean
  /** The unit of work, done by the principal; repeatable when the endpoint is and the client sent a key. */
  change<T>(work: (change: Change) => Promise<T>): Promise<T>
}

/** A cookie to set; `value` null clears it. `maxAgeSeconds` absent: until the browser ends. */
export interface CookieChange {
  readonly name: string
  readonly value: string | null
  readonly maxAgeSeconds?: number
  /** Sent also when another site leads the browser here; only for what must survive the way back of a redirect. */
  readonly lax?: true
}

/** What goes out. `version` becomes the ETag. */
export interface Answer<Reply> {
  readonly body: Reply
  readonly version?: number
  readonly cookies?: readonly CookieChange[]
  readonly headers?: Readonly<Record<string, string>>
  /** Only where the contract says `stream`. */
  readonly stream?: Readable
}

/** The handler of one row. */
export type Handler<Row extends EndpointRow> = (
  input: InputOf<Row>,
  context: RequestContext,
) => Promise<Answer<ReplyOf<Row>>>

/** A handler for each row of a table: a missing one does not compile. */
export type Handlers<Table extends EndpointTable> = { readonly [Name in keyof Table]: Handler<Table[Name]> }
