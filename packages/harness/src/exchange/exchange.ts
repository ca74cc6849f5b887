/**
 * An Exchange stand-in: ActiveSync 16.1 and 14.1 over TLS, for Bearer tokens, with mail kept per user in memory.
 *
 * Documents: MS-ASHTTP, MS-ASCMD, MS-ASPROV; Exchange Online's own behaviour as protocol notes 2.1 to 2.8 recorded it.
 * It shares no code with the product: what it reads and writes is its own.
 * @module
 */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Socket } from 'node:net'
import { claimsForNow } from './bearer.ts'
import { INBOX } from './mailbox.ts'
import type { Mail, Mailbox, NewMail } from './mailbox.ts'
import type { ReceivedRequest } from './received.ts'
import type { Rule } from './script.ts'
import { serve } from './serve.ts'
import { toState } from './state.ts'
import type { ExchangeOptions, State } from './state.ts'

export type { Mail, Mailbox, NewMail } from './mailbox.ts'
export type { ReceivedRequest } from './received.ts'
export type { Action, Rule } from './script.ts'
export type { ExchangeOptions } from './state.ts'

/** A running stand-in. It must be closed: `close()` or `await using`. */
export interface ExchangeStandIn extends AsyncDisposable {
  readonly port: number
  /** `https://<host>:<port>/Microsoft-Server-ActiveSync`; the certificate may be for other names. */
  readonly url: string
  /** All requests since the start or `clearReceived`, oldest first. */
  readonly received: readonly ReceivedRequest[]
  readonly receivedCount: number
  clearReceived(): void
  /** The first received request that fits, waiting for it; `timeoutMs` default 3,000. */
  waitForRequest(fits: (request: ReceivedRequest) => boolean, timeoutMs?: number): Promise<ReceivedRequest>
  /** TLS connections accepted since the start, and those open now. */
  readonly connections: number
  readonly openConnections: number
  /** Puts mail into the user's inbox and wakes Pings and hanging Syncs. */
  deliver(user: string, mail: NewMail): Mail
  /** The user's mailbox; made when there is none. */
  mailbox(user: string): Mailbox
  /** Adds a rule; the returned function takes it out again. */
  script(rule: Rule): () => void
  clearScript(): void
  /** Values of Set-Cookie on every answer of the stand-in's own from now on; none at first. */
  cookies: string[]
  /**
   * Refuses the tokens that the user has, from the next request on, until a new one is shown.
   * Returns `claims` as the challenge carries them: base64 of JSON.
   */
  demandClaims(user: string, claims?: string): string
  /** Ends everything at once; calling it again is harmless. */
  close(): Promise<void>
}

/** What Exchange Online sets: routing cookies with a path, one of them with a domain. */
export const BACKEND_COOKIES = [
  'X-BackEndCookie=u56Lnp2ejJqByZqcmcrJz5rSzpmbydLLm8zO; expires=Wed, 01 Jan 2098 00:00:00 GMT; domain=outlook.office365.com; path=/Microsoft-Server-ActiveSync; secure; HttpOnly',
  'ClientId=4B1B0D7A1C2E4F5A9F0E; expires=Wed, 01 Jan 2098 00:00:00 GMT; path=/; secure; HttpOnly',
]

const MAX_HEADER_BYTES = 64 * 1024

/** Starts one. */
export async function startExchange(options: ExchangeOptions): Promise<ExchangeStandIn> {
  const state = toState(options)
  const { cert } = options
  const server = createServer(
    { cert: cert.certPem + (cert.chainPem ?? ''), key: cert.keyPem, maxHeaderSize: MAX_HEADER_BYTES },
    (req, res) => {
      serve(req, res, state).catch((cause: unknown) => {
        // A mistake of the stand-in itself is told aloud, and must not look like an answer of Exchange.
        process.emitWarning(cause instanceof Error ? cause : String(cause))
        res.destroy()
      })
    },
  )
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.keepAliveTimeout = 120_000
  server.on('secureConnection', (socket: Socket) => state.connections.add(socket))
  // A client that refuses the certificate, or speaks no HTTP: it is the client's test.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    state.closing.abort()
    server.closeAllConnections()
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    await closed
  }
  return standIn(state, `https://${options.host ?? '127.0.0.1'}:${String(port)}`, port, close)
}

function standIn(state: State, origin: string, port: number, close: () => Promise<void>): ExchangeStandIn {
  const { received, script, duty, connections } = state
  return {
    port,
    url: `${origin}/Microsoft-Server-ActiveSync`,
    received: received.list,
    get receivedCount() {
      return received.list.length
    },
    clearReceived: () => received.clear(),
    waitForRequest: (fits, timeoutMs = 3_000) => received.waitFor(fits, timeoutMs),
    get connections() {
      return connections.total
    },
    get openConnections() {
      return connections.open
    },
    deliver: (user, mail) => duty.mailboxOf(user).add(INBOX, mail),
    mailbox: (user) => duty.mailboxOf(user),
    script: (rule) => script.add(rule),
    clearScript: () => script.clear(),
    get cookies() {
      return state.cookies
    },
    set cookies(values: string[]) {
      state.cookies = values
    },
    demandClaims: (user, claims = claimsForNow()) => {
      duty.demands.demand(user.toLowerCase(), claims)
      return claims
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
