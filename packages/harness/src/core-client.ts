/**
 * Somebody, or a program, who talks to Core over HTTP: calls by the contract's names, and raw requests that no HTTP
 * library would send. It keeps the session's cookie and CSRF token as a browser with the console would.
 * @module
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { EndpointRow, InputOf, ReplyOf } from '@postern/contract/api/endpoint'
import { type EndpointName, ENDPOINTS } from '@postern/contract/api/endpoints'

type Table = typeof ENDPOINTS
type Given<Row extends EndpointRow, Part extends 'params' | 'body'> = InputOf<Row>[Part] extends undefined
  ? object
  : { readonly [P in Part]: InputOf<Row>[Part] }
type Asked<Row extends EndpointRow> = InputOf<Row>['query'] extends undefined
  ? object
  : { readonly query?: InputOf<Row>['query'] }

/** What a call takes: path parameters and body where the contract has them, and the rest when wanted. */
export type CallInput<Name extends EndpointName> = Given<Table[Name], 'params'> &
  Given<Table[Name], 'body'> &
  Asked<Table[Name]> & {
    /** Version that is changed. */
    readonly ifMatch?: number
    readonly idempotencyKey?: string
    readonly headers?: Readonly<Record<string, string>>
    /** Body of an endpoint whose body is not JSON. */
    readonly content?: Buffer | string
  }

/** What a call gives: bytes for a stream. `version` is the ETag's. */
export interface CallResult<Name extends EndpointName> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly version: number | null
  readonly body: Table[Name]['reply'] extends 'stream' ? Buffer : ReplyOf<Table[Name]>
}

/** A request as it goes out. */
export interface RawRequest {
  readonly method: string
  /** Sent as it stands. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** An answer. */
export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A refusal of Core: its problem document. */
export class CoreRefusal extends Error {
  override name = 'CoreRefusal'
  readonly status: number
  readonly code: string
  readonly problems: readonly { readonly path: string; readonly message: string }[]
  readonly headers: IncomingHttpHeaders
  constructor({ status, headers, body }: RawAnswer) {
    const document = problemOf(body)
    super(document.detail)
    this.status = status
    this.code = document.code
    this.problems = document.problems
    this.headers = headers
  }
}

/** How a client reaches Core. `ca`: PEM that https is checked against. */
export interface CoreClientOptions {
  readonly origin: string
  readonly ca?: string
  /** API token; without one the session is used, when there is one. */
  readonly token?: string
}

const TIMEOUT_MS = 60_000

/** One client: one cookie jar. */
export class CoreClient {
  readonly origin: string
  /** Cookies by name; tests may look, steal and replace. */
  readonly cookies = new Map<string, string>()
  csrfToken: string | null = null
  readonly #options: CoreClientOptions

  constructor(options: CoreClientOptions) {
    this.origin = options.origin
    this.#options = options
  }

  /** Another client of the same Core: nobody, or a program with a token. */
  another(token?: string): CoreClient {
    const { origin, ca } = this.#options
    return new CoreClient({ origin, ...(ca === undefined ? {} : { ca }), ...(token === undefined ? {} : { token }) })
  }

  /** Calls an endpoint. @throws CoreRefusal with `code` and `status`. */
  async call<Name extends EndpointName>(name: Name, ...given: Arguments<Name>): Promise<CallResult<Name>> {
    const input: LooseInput = given[0] ?? {}
    const row: EndpointRow = ENDPOINTS[name]
    const answer = await this.request(requestOf(row, input))
    if (answer.status >= 400) throw new CoreRefusal(answer)
    const body = row.reply === 'stream' ? answer.body : row.reply === null ? null : parsed(answer.body)
    this.#learn(body)
    // Core has checked it by the schema that the type comes from.
    const result = { status: answer.status, headers: answer.headers, version: versionOf(answer.headers), body }
    return result as CallResult<Name>
  }

  /** Sends exactly this, with cookie, CSRF token or API token unless `headers` say otherwise. */
  async request({ method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
    const url = new URL(this.origin)
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>()
    const outgoing = send(
      {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        method,
        path,
        headers: { ...this.#credentials(method), ...lengthOf(body), ...headers },
        timeout: TIMEOUT_MS,
        ...(this.#options.ca === undefined ? {} : { ca: this.#options.ca }),
      },
      (incoming) => {
        const parts: Buffer[] = []
        incoming.on('data', (part: Buffer) => parts.push(part))
        incoming.on('error', reject)
        incoming.on('end', () => {
          this.#keepCookies(incoming.headers['set-cookie'] ?? [])
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts) })
        })
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    outgoing.on('error', reject)
    outgoing.end(body)
    return promise
  }

  #credentials(method: string): Record<string, string> {
    if (this.#options.token !== undefined) return { authorization: `Bearer ${this.#options.token}` }
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return {
      ...(cookie === '' ? {} : { cookie }),
      ...(this.csrfToken === null || method === 'GET' ? {} : { 'x-csrf-token': this.csrfToken }),
    }
  }

  #keepCookies(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
      const gone = value === '' || /;\s*max-age=0\b/i.test(line)
      if (gone) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }

  #learn(body: unknown): void {
    if (typeof body === 'object' && body !== null && 'csrfToken' in body && typeof body.csrfToken === 'string') {
      this.csrfToken = body.csrfToken
    }
  }
}

/** The input may be left out where nothing of it is needed. */
type Arguments<Name extends EndpointName> =
  object extends CallInput<Name> ? [input?: CallInput<Name>] : [input: CallInput<Name>]

interface LooseInput {
  readonly params?: unknown
  readonly query?: unknown
  readonly body?: unknown
  readonly ifMatch?: number
  readonly idempotencyKey?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly content?: Buffer | string
}

function requestOf(row: EndpointRow, input: LooseInput): RawRequest {
  const { body, content, ifMatch, idempotencyKey, headers } = input
  const path = pathOf(row.path, membersOf(input.params))
  const query = new URLSearchParams(
    membersOf(input.query).flatMap(([name, value]): [string, string][] =>
      (Array.isArray(value) ? (value as unknown[]) : [value]).map((one) => [name, String(one)]),
    ),
  ).toString()
  const payload = content ?? (body === undefined ? undefined : JSON.stringify(body))
  return {
    method: row.method,
    path: query === '' ? path : `${path}?${query}`,
    headers: {
      ...(payload === undefined ? {} : { 'content-type': row.bodyMedia ?? 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...headers,
    },
    ...(payload === undefined ? {} : { body: payload }),
  }
}

/** Node gives a DELETE neither length nor chunks, so its body would be read as the next request. */
function lengthOf(body: Buffer | string | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
}

function pathOf(template: string, params: readonly (readonly [string, unknown])[]): string {
  const byName = new Map(params)
  return template.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(byName.get(name))))
}

function membersOf(value: unknown): [string, unknown][] {
  return Object.entries(value ?? {}).filter(([, member]) => member !== undefined)
}

function versionOf(headers: IncomingHttpHeaders): number | null {
  const version = /^"(\d+)"$/.exec(headers.etag ?? '')?.[1]
  return version === undefined ? null : Number(version)
}

function parsed(body: Buffer): unknown {
  return JSON.parse(body.toString()) as unknown
}

interface Told {
  readonly code: string
  readonly detail: string
  readonly problems: readonly { readonly path: string; readonly message: string }[]
}

function problemOf(body: Buffer): Told {
  try {
    const { code, detail, problems } = parsed(body) as Partial<Told> // shown in messages of tests only
    return { code: code ?? '', detail: detail ?? '', problems: problems ?? [] }
  } catch {
    return { code: '', detail: 'no problem document', problems: [] } // a proxy, or no Core at all
  }
}
