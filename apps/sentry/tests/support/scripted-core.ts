/**
 * A Core that says what a test wants: enrolment by token, mutual TLS on the feed, and every report kept.
 *
 * Enrolment comes without a certificate and everything else with one. Like a Sentry's own listener this one learns at
 * run time to ask: first it enrols, and after `beginFeed` it serves nobody without a certificate of its CA.
 * @module
 */
import { randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { FEED_PATHS, FEED_SERVER_NAME, formatEnrolmentToken } from '@postern/contract/feed/enrolment'
import type { FeedMessage, PostureEntry } from '@postern/contract/feed/feed-messages'
import { type GatewayReport, parseGatewayReport } from '@postern/contract/feed/gateway-report'
import { createCa, type Issued, type TestCa } from '@postern/harness/ca'

/** What a Sentry says that it has. */
export interface AskedFeed {
  readonly etag: string
  readonly epoch: string
  readonly seq: string
  /** Serial number of its certificate, lower-case hex. */
  readonly serial: string
}

/** A scripted Core. */
export interface ScriptedCore extends AsyncDisposable {
  readonly url: string
  readonly ca: TestCa
  /** What it will send: a document under an etag, posture under an epoch. Change them as you like. */
  state: {
    document: { etag: string; document: unknown } | null
    epoch: string
    seq: number
    posture: PostureEntry[]
    pingSeconds: number
    /** Says nothing of its own accord, though its feeds stay open. */
    mute: boolean
    /** How long identities last from their issue, and after which time they should be renewed. Milliseconds. */
    lifeMs: number
    renewAfterMs: number
    /** Refuses everything with this status, and these words. */
    refuse: { status: number; detail: string } | null
  }
  /** A token that is good once. */
  token(): string
  /** From now on only Sentries with a certificate are served. */
  beginFeed(): void
  /** Every feed that was opened, oldest first. */
  readonly asked: readonly AskedFeed[]
  readonly reports: readonly GatewayReport[]
  readonly renewals: number
  /** Sends to every open feed. */
  say(message: FeedMessage): void
  /** A change of posture, kept and sent. */
  change(...entries: PostureEntry[]): number
  /** Another document, kept and sent. */
  configure(etag: string, document: unknown): void
  /** Ends every feed without a word. */
  drop(): void
  /** Nobody can connect any more. */
  goAway(): Promise<void>
  /** At the same address as before. */
  comeBack(): Promise<void>
  /** The first report that fits, those of before included; rejects after `timeoutMs` (default 5,000). */
  report(fits: (report: GatewayReport) => boolean, timeoutMs?: number): Promise<GatewayReport>
}

const DAY_MS = 86_400_000
/** Of a SubjectPublicKeyInfo for P-256, up to the point. */
const P256_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const P256_LENGTH = 91

/** Starts one with a CA of its own. */
export async function startScriptedCore(): Promise<ScriptedCore> {
  const ca = await createCa({ commonName: 'Core Service CA' })
  const core = new Scripted(ca, await ca.issueServer({ names: [FEED_SERVER_NAME] }))
  await core.comeBack()
  return core
}

class Scripted implements ScriptedCore {
  readonly ca: TestCa
  readonly asked: AskedFeed[] = []
  readonly reports: GatewayReport[] = []
  renewals = 0
  state: ScriptedCore['state'] = {
    document: null,
    epoch: 'epoch-1',
    seq: 1,
    posture: [],
    pingSeconds: 5,
    mute: false,
    lifeMs: 30 * DAY_MS,
    renewAfterMs: 20 * DAY_MS,
    refuse: null,
  }
  readonly #server: ReturnType<typeof createServer>
  readonly #secrets = new Set<string>()
  readonly #feeds = new Set<ServerResponse>()
  readonly #heard = new Set<() => void>()
  #port = 0

  constructor(ca: TestCa, identity: Issued) {
    this.ca = ca
    this.#server = createServer(
      { cert: identity.certPem, key: identity.keyPem, ca: ca.certPem, minVersion: 'TLSv1.3', requestCert: false },
      (request, response) => {
        this.#answer(request, response).catch((error: unknown) => {
          response.writeHead(500).end(String(error))
        })
      },
    )
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`
  }

  token(): string {
    const secret = randomBytes(32).toString('base64url')
    this.#secrets.add(secret)
    const authority = new X509Certificate(this.ca.certPem).raw.toString('base64url')
    return formatEnrolmentToken({ secret, authority })
  }

  beginFeed(): void {
    Object.assign(this.#server, { requestCert: true })
  }

  say(message: FeedMessage): void {
    for (const feed of this.#feeds) feed.write(`${JSON.stringify(message)}\n`)
  }

  change(...entries: PostureEntry[]): number {
    const { state } = this
    const from = state.seq
    state.seq += 1
    state.posture.push(...entries) // entries replace what was known under the same key
    this.say({ type: 'delta', from, seq: state.seq, entries })
    return state.seq
  }

  configure(etag: string, document: unknown): void {
    this.state.document = { etag, document }
    this.say({ type: 'config', etag, document })
  }

  drop(): void {
    for (const feed of this.#feeds) feed.destroy()
  }

  async goAway(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async comeBack(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async report(fits: (report: GatewayReport) => boolean, timeoutMs = 5_000): Promise<GatewayReport> {
    const late = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const found = this.reports.find(fits)
      if (found !== undefined) return found
      if (late.aborted) {
        throw new Error(`no such report within ${timeoutMs} ms; last: ${JSON.stringify(this.reports.at(-1))}`)
      }
      await new Promise<void>((resolve) => {
        const next = (): void => {
          this.#heard.delete(next)
          resolve()
        }
        this.#heard.add(next)
        setTimeout(next, 100)
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.goAway()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://core')
    const { refuse } = this.state
    if (refuse !== null) {
      response.writeHead(refuse.status, { 'Content-Type': 'application/problem+json' })
      response.end(JSON.stringify({ title: 'refused', detail: refuse.detail }))
      return
    }
    if (url.pathname === FEED_PATHS.enrol) return this.#enrol(request, response)
    const serial = (request.socket as TLSSocket).getPeerX509Certificate()?.serialNumber.toLowerCase()
    if (serial === undefined) {
      response.writeHead(401).end()
      return
    }
    switch (url.pathname) {
      case FEED_PATHS.feed:
        this.#feed(url.searchParams, serial, response)
        return
      case FEED_PATHS.report:
        this.reports.push(parseGatewayReport(await bodyOf(request)))
        response.writeHead(204).end()
        for (const heard of this.#heard) heard()
        return
      case FEED_PATHS.renew:
        this.renewals += 1
        return this.#certify(await bodyOf(request), response)
      default:
        response.writeHead(404).end()
    }
  }

  async #enrol(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await bodyOf(request)) as { token: string }
    if (!this.#secrets.delete(body.token.split('.')[1] ?? '')) {
      response.writeHead(403, { 'Content-Type': 'application/problem+json' })
      response.end(JSON.stringify({ title: 'Forbidden', detail: 'this token was used already' }))
      return
    }
    return this.#certify(body, response)
  }

  async #certify(body: unknown, response: ServerResponse): Promise<void> {
    const { csr } = body as { csr: string }
    const der = Buffer.from(csr.split('\n').slice(1, -2).join(''), 'base64')
    const at = der.indexOf(P256_PREFIX)
    const publicKey = new Uint8Array(der.subarray(at, at + P256_LENGTH))
    const { lifeMs, renewAfterMs } = this.state
    const notAfter = Date.now() + lifeMs
    const issued = await this.ca.issueDevice({ commonName: 'sentry-1', publicKey, notAfter: new Date(notAfter) })
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(
      JSON.stringify({
        sentryId: 'sentry-1',
        name: 'North gate',
        certificatePem: issued.certPem,
        authoritiesPem: [this.ca.certPem],
        notAfter,
        renewAfter: Date.now() + renewAfterMs,
      }),
    )
  }

  #feed(query: URLSearchParams, serial: string, response: ServerResponse): void {
    const [etag, epoch, seq] = ['etag', 'epoch', 'seq'].map((name) => query.get(name) ?? '')
    const asked = { etag: etag ?? '', epoch: epoch ?? '', seq: seq ?? '', serial }
    this.asked.push(asked)
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    const { state } = this
    const send = (message: FeedMessage): void => {
      response.write(`${JSON.stringify(message)}\n`)
    }
    send({ type: 'hello', schema: 2, coreVersion: 'scripted', epoch: state.epoch, pingSeconds: state.pingSeconds })
    if (state.document !== null && state.document.etag !== asked.etag) send({ type: 'config', ...state.document })
    if (asked.epoch !== state.epoch || asked.seq !== String(state.seq)) this.#sendSnapshot(send)
    this.#feeds.add(response)
    const ping = setInterval(() => {
      if (!state.mute) send({ type: 'ping', seq: state.seq })
    }, state.pingSeconds * 1_000)
    response.on('close', () => {
      clearInterval(ping)
      this.#feeds.delete(response)
    })
  }

  #sendSnapshot(send: (message: FeedMessage) => void): void {
    const { epoch, seq, posture } = this.state
    send({ type: 'snapshot', epoch, seq, entries: posture.length })
    for (let at = 0; at < posture.length; at += 500) {
      send({ type: 'entries', entries: posture.slice(at, at + 500) })
    }
    send({ type: 'snapshot-end', seq })
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}
