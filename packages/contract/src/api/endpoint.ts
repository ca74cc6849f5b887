/**
 * What an endpoint is. The table of endpoints is the API: Core's router, the CLI, the console's hooks, the OpenAPI document
 * and the tests that walk every route are derived from it.
 * @module
 */
import type { Static, TSchema } from 'typebox'
import type { FailureCode } from './failures.ts'
import type { Permission } from './permissions.ts'

/**
 * Who may call. A permission: whoever holds it. `signed-in`: every administrator, for what is one's own. `anonymous`:
 * everybody, because it is how one signs in; each such row is named in a test and in the threat model.
 */
export type Access = Permission | 'signed-in' | 'anonymous'

/** A row of the table. */
export interface EndpointRow {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Parameters as `:name`. */
  readonly path: `/api/v1/${string}`
  /** What it does, for the API document and the CLI: an imperative, without a full stop. */
  readonly summary: string
  readonly access: Access
  /** More than the permission itself asks for: fresh proof of identity. */
  readonly stepUp?: true
  readonly params?: TSchema
  readonly query?: TSchema
  readonly body?: TSchema
  /** Null: 204 without a body. `stream`: bytes of `media`. */
  readonly reply: TSchema | null | 'stream'
  /** Media type of a stream, or of a body that is not JSON (`bodyMedia`, read as text or bytes, at most `bodyBytes`). */
  readonly media?: string
  readonly bodyMedia?: string
  readonly bodyBytes?: number
  /** Default 200 (201 for a POST that creates, 204 without a body). */
  readonly status?: 200 | 201 | 202 | 204 | 302
  /** `required`: an edit says with If-Match which version it changes. The reply to GET and edits carries an ETag. */
  readonly ifMatch?: 'required'
  /** A create that may be repeated safely with an Idempotency-Key. Never where the reply holds a secret. */
  readonly idempotent?: true
  /** How the CLI names it: `postern <noun> <verb>`; absent: no verb of its own. `columns` of a list, as dotted paths. */
  readonly cli?: { readonly noun: string; readonly verb: string; readonly columns?: readonly string[] }
  /** Beside INVALID, NOT_SIGNED_IN, FORBIDDEN, TOO_MANY and INTERNAL, which any endpoint may give. */
  readonly failures: readonly FailureCode[]
}

/** Endpoints by name (`listSentries`). */
export type EndpointTable = Readonly<Record<string, EndpointRow>>

type Part<Row, K extends string> =
  Row extends Record<K, infer S> ? (S extends TSchema ? Static<S> : undefined) : undefined

/** What a call of an endpoint takes. */
export interface InputOf<Row extends EndpointRow> {
  readonly params: Part<Row, 'params'>
  readonly query: Part<Row, 'query'>
  readonly body: Part<Row, 'body'>
}

/** What a call of an endpoint gives; null without a body, undefined for a stream. */
export type ReplyOf<Row extends EndpointRow> = Row['reply'] extends TSchema
  ? Static<Row['reply']>
  : Row['reply'] extends null
    ? null
    : undefined
