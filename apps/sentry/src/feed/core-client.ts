/**
 * Requests to Core, each verified by the service CA that this Sentry was given, and by nothing else.
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { FEED_SERVER_NAME } from '@postern/contract/feed/enrolment'

/** Whom we believe, and who we are; without a key only enrolment is served. PEM texts. */
export interface CoreAccess {
  /** `https://host:port`. */
  readonly core: string
  readonly authoritiesPem: readonly string[]
  readonly identity: { readonly certificatePem: string; readonly keyPem: string } | null
  /** Milliseconds for connecting, and for the answer of a request that is no stream. */
  readonly timeoutMs: number
}

/**
 * Why Core could not be spoken to. `refused`: Core itself, proven by its certificate, does not know us any more.
 * `untrusted`: whoever answers is not the Core that we were given. `status`: of its answer, where there was one.
 */
export class CoreError extends Error {
  override name = 'CoreError'
  readonly kind: 'unreachable' | 'untrusted' | 'refused' | 'failed'
  readonly status: number | null
  constructor(kind: CoreError['kind'], message: string, status: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.status = status
  }
}

/** A body that Core sends back; nothing that it answers comes near. Bytes. */
const MAX_REPLY_BYTES = 262_144

/** Alerts by which a TLS server says that it knows the certificate and does not want it. */
const REFUSAL_ALERT = /ALERT_(CERTIFICATE_REVOKED|ACCESS_DENIED)$/
const UNTRUSTED = /^(ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|CERT_|INVALID_CA|HOSTNAME_MISMATCH)/

/** Keeps one connection for requests; streams have their own. */
export class CoreClient implements Disposable {
  readonly #access: CoreAccess
  readonly #agent: Agent

  constructor(access: CoreAccess) {
    this.#access = access
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 })
  }

  /** Posts JSON; resolves with the parsed answer, undefined when it is empty. @throws CoreError */
  async post(path: string, body: object): Promise<unknown> {
    const text = JSON.stringify(body)
    const response = await this.#send('POST', path, text, AbortSignal.timeout(this.#access.timeoutMs), this.#agent)
    return parse(await wholeBody(response))
  }

  /** Opens a stream. The caller reads it and aborts it. @throws CoreError */
  stream(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#send('GET', path, null, signal, false)
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  #send(
    method: 'GET' | 'POST',
    path: string,
    body: string | null,
    signal: AbortSignal,
    agent: Agent | false,
  ): Promise<IncomingMessage> {
    const { core, authoritiesPem, identity, timeoutMs } = this.#access
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    let secured = false
    const request = httpsRequest(new URL(path, core), {
      method,
      agent,
      signal,
      servername: FEED_SERVER_NAME,
      ca: [...authoritiesPem],
      minVersion: 'TLSv1.3',
      ...(identity === null ? {} : { cert: identity.certificatePem, key: identity.keyPem }),
      headers: body === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
    })
    const late = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    request.on('socket', (socket) => {
      // What comes before Core has proven itself is anybody's word.
      if (socket.connecting) socket.once('secureConnect', () => (secured = true))
      else secured = (socket as TLSSocket).authorized
    })
    request.on('error', (error) => {
      clearTimeout(late)
      reject(toCoreError(error, core, secured))
    })
    request.on('response', (response) => {
      clearTimeout(late)
      response.on('error', () => undefined) // readers see it; one that has gone must not end the process
      if (response.statusCode === 200 || response.statusCode === 201 || response.statusCode === 204) resolve(response)
      else void refusal(response).then(reject)
    })
    request.end(body ?? undefined)
    return promise
  }
}

function toCoreError(error: Error, core: string, secured: boolean): CoreError {
  const code = 'code' in error ? String(error.code) : ''
  if (secured && REFUSAL_ALERT.test(code)) return new CoreError('refused', `Core refuses our certificate (${code})`)
  if (UNTRUSTED.test(code)) {
    const message = `${core} shows a certificate that the service CA of Core did not issue (${code}); somebody may stand in between`
    return new CoreError('untrusted', message, null, { cause: error })
  }
  const why = code === '' ? error.message : code
  return new CoreError('unreachable', `${core} cannot be reached (${why})`, null, { cause: error })
}

/** Problem details (RFC 9457) where Core sends them; its words are shown, never acted on. */
async function refusal(response: IncomingMessage): Promise<CoreError> {
  const status = response.statusCode ?? 0
  const body = await wholeBody(response).catch(() => '')
  const words = wordsOf(parse(body))
  const kind = status === 401 || status === 403 ? 'refused' : 'failed'
  return new CoreError(kind, `Core answers ${status}${words === '' ? '' : `: ${words}`}`, status)
}

function wordsOf(problem: unknown): string {
  if (typeof problem !== 'object' || problem === null) return ''
  const words = ['detail' in problem ? problem.detail : null, 'title' in problem ? problem.title : null]
  const text = words.find((word) => typeof word === 'string') ?? ''
  return text.slice(0, 500).replaceAll(/[\u0000-\u001f\u007f]/g, ' ')
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined // no JSON: whoever expects some says so
  }
}

async function wholeBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length
      if (size > MAX_REPLY_BYTES) throw new CoreError('failed', `Core answers with more than ${MAX_REPLY_BYTES} bytes`)
      parts.push(part)
    }
  } catch (error) {
    if (error instanceof CoreError) throw error
    throw new CoreError('unreachable', 'the answer of Core broke off', null, { cause: error })
  }
  return Buffer.concat(parts).toString('utf8')
}
