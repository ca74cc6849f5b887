/**
 * Calls of endpoints: address, sign-in, versions, repeats. Every command goes through here.
 * @module
 */
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { CliError } from '../exits.ts'
import { isJson, textOf } from '../json.ts'
import { chunksOf, exchange, type Incoming, isLost, type Peer, readWhole } from './exchange.ts'
import { type Refusal, refusalFrom } from './refusal.ts'

/** What one call sends. */
export interface Call {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: ReadonlyMap<string, string>
  /** Bytes are sent as the row's `bodyMedia`, everything else as JSON. */
  readonly body?: unknown
  /** Version to change; quoted or not. */
  readonly ifMatch?: string | null
  /** The same for each attempt at one create. */
  readonly idempotencyKey?: string
}

/** What came back. */
export interface Reply {
  /** Null without a body. */
  readonly body: unknown
  /** Version for If-Match, quoted; null where there is none. */
  readonly etag: string | null
}

/** How a person or a program is known to Core. */
export interface SignIn {
  /** Headers of the present sign-in; all but GET carry the CSRF token of a session. */
  headers(method: string): Readonly<Record<string, string>>
  /** Told of cookies that Core sets, since a session's may change. */
  cookies(lines: readonly string[]): Promise<void>
  /** A code of the authenticator; null when there is none to be had. */
  code(): Promise<string | null>
  /** What to do when Core does not know us. */
  readonly remedy: string
}

/** Core as the commands see it. */
export interface Client {
  /** @throws CliError */
  call(row: EndpointRow, call?: Call): Promise<Reply>
  /** Bytes as they come; breaks off with CliError unreachable when they are not all. @throws CliError */
  stream(row: EndpointRow, call?: Call): Promise<AsyncGenerator<Uint8Array>>
}

/** Waits between the attempts at what may be repeated. Milliseconds. */
const RETRY_MS = [200, 1_000] as const

/** Path of the proof of identity. */
const STEP_UP = '/api/v1/session/step-up'

/** A client of one Core. `userAgent` for its log. */
export function createClient(peer: Peer, signIn: SignIn, userAgent: string): Client {
  const send = async (row: EndpointRow, call: Call): Promise<Incoming> => {
    const repeatable = row.method === 'GET' || call.idempotencyKey !== undefined
    for (const waitMs of [...RETRY_MS, null]) {
      try {
        const incoming = await exchange(peer, outgoing(row, call, signIn, userAgent))
        await signIn.cookies(incoming.headers['set-cookie'] ?? [])
        return incoming
      } catch (error) {
        if (waitMs === null || !repeatable || !isLost(error)) throw error
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }
    throw new Error('unreachable: the last attempt returns or throws')
  }
  const accepted = async (row: EndpointRow, call: Call): Promise<Incoming> => {
    const first = await send(row, call)
    if (first.status < 300) return first
    const refusal = refusalFrom(first.status, await readWhole(peer, first.stream))
    if (refusal.code !== 'STEP_UP_REQUIRED') throw refused(refusal, signIn)
    await prove(peer, signIn, userAgent)
    const second = await send(row, call)
    if (second.status < 300) return second
    throw refused(refusalFrom(second.status, await readWhole(peer, second.stream)), signIn)
  }
  return {
    call: async (row, call = {}) => {
      const { headers, stream } = await accepted(row, call)
      const bytes = await readWhole(peer, stream)
      const body: unknown = bytes.byteLength === 0 ? null : jsonFrom(peer, bytes)
      return { body, etag: headers.etag ?? etagOf(body) }
    },
    stream: async (row, call = {}) => chunksOf(peer, (await accepted(row, call)).stream),
  }
}

/** Sends a code, after which Core takes dangerous actions for five minutes. @throws CliError */
async function prove(peer: Peer, signIn: SignIn, userAgent: string): Promise<void> {
  const code = await signIn.code()
  if (code === null) {
    throw new CliError(
      'notSignedIn',
      'this asks for fresh proof of identity; give a code of your authenticator: --code 123456',
    )
  }
  const headers = { ...signIn.headers('POST'), ...JSON_HEADERS, 'user-agent': userAgent }
  const body = JSON.stringify({ code })
  const reply = await exchange(peer, { method: 'POST', path: STEP_UP, headers, body })
  await signIn.cookies(reply.headers['set-cookie'] ?? [])
  const bytes = await readWhole(peer, reply.stream)
  if (reply.status >= 300) throw refused(refusalFrom(reply.status, bytes), signIn)
}

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' } as const

function outgoing(row: EndpointRow, call: Call, signIn: SignIn, userAgent: string) {
  const { body } = call
  const isBytes = body instanceof Uint8Array
  const hasBody = body !== undefined
  const ifMatch = call.ifMatch ?? null
  return {
    method: row.method,
    path: pathOf(row.path, call),
    headers: {
      ...signIn.headers(row.method),
      'user-agent': userAgent,
      accept: row.reply === 'stream' ? '*/*' : 'application/json',
      ...(hasBody
        ? { 'content-type': isBytes ? (row.bodyMedia ?? 'application/octet-stream') : 'application/json' }
        : {}),
      ...(ifMatch === null ? {} : { 'if-match': ifMatch.startsWith('"') ? ifMatch : `"${ifMatch}"` }),
      ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
    },
    body: hasBody ? (isBytes ? body : JSON.stringify(body)) : null,
  }
}

function pathOf(pattern: string, { params = {}, query = new Map() }: Call): string {
  const path = pattern.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const text = new URLSearchParams([...query]).toString()
  return text === '' ? path : `${path}?${text}`
}

function jsonFrom(peer: Peer, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new CliError('unreachable', `${peer.origin.origin} does not answer as Core does; check the address`, {
      cause: error,
    })
  }
}

function etagOf(body: unknown): string | null {
  const version = isJson(body) ? body['version'] : undefined
  return typeof version === 'number' ? `"${version}"` : null
}

/** Core said no. */
export class RefusedError extends CliError {
  override name = 'RefusedError'
  readonly refusal: Refusal
  constructor(refusal: Refusal, fault: 'refused' | 'notSignedIn', message: string) {
    super(fault, message)
    this.refusal = refusal
  }
}

function refused(refusal: Refusal, signIn: SignIn): RefusedError {
  const lines = refusal.problems.map((one) => `${textOf(one, 'path') || '(request)'}: ${textOf(one, 'message')}`)
  if (lines.length === 0) lines.push(`${refusal.title}: ${refusal.detail}`)
  if (refusal.code === 'CHANGED') lines.push('nothing was changed; look at it again and repeat the command')
  if (refusal.code === 'NOT_SIGNED_IN') lines.push(signIn.remedy)
  const unknown = ['NOT_SIGNED_IN', 'SIGN_IN_FAILED', 'STEP_UP_REQUIRED'].includes(refusal.code)
  return new RefusedError(refusal, unknown ? 'notSignedIn' : 'refused', lines.join('\n'))
}
