/**
 * The device listener on `node:https`: TLS, HTTP limits, one {@link Exchange} for each request.
 * @module
 */
import { createServer as createTlsServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import { chainReason, isRootless, type ShownCertificate } from '../identity/device-identity.ts'
import type { DeviceConnection, Exchange } from './exchange.ts'
import { HeadTap } from './head-tap.ts'
import { NodeExchange } from './node-exchange.ts'
import type { Timeouts } from './timeouts.ts'

/** Node must not refuse what we refuse with a better code; ours is 32 KiB. Bytes. */
const PARSER_HEAD_BYTES = 65_536
const PARSER_CHECK_MS = 1_000
/** How long a refusal of bytes that are no request may take to go out. Milliseconds. */
const REFUSAL_LINGER_MS = 2_000
/** Tickets live at most this long; revocation is judged for every request anyway. Seconds. */
const TICKET_SECONDS = 600

/** PEM texts, and 48 bytes of ticket keys shared by all workers. */
export interface TlsSettings {
  readonly cert: string
  readonly key: string
  readonly ca: readonly string[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly requestCertificate: boolean
  readonly ticketKeys: Buffer
}

/** What a listener tells its owner, who may close a connection that is over a limit. */
export interface ListenerHandlers {
  exchange(exchange: Exchange, socket: TLSSocket): void
  malformed(remote: string, status: number): void
  opened(socket: Socket): void
  secured(socket: TLSSocket, connection: DeviceConnection): void
  now(): number
}

/** A listener that is not yet bound to a port. */
export interface NodeListener {
  readonly server: Server
  /** New TLS settings for new connections; the living ones go on. */
  applyTls(settings: TlsSettings): void
}

/** Remote address by raw connection, when a balancer has told it. */
export type RemoteOf = (socket: Socket) => string

/** Makes the server; the owner binds it, or feeds it connections. */
export function createNodeListener(
  tls: TlsSettings,
  limits: Timeouts,
  remoteOf: RemoteOf,
  handlers: ListenerHandlers,
): NodeListener {
  const asking = { now: tls.requestCertificate }
  const server = createTlsServer({
    ...contextOf(tls),
    requestCert: tls.requestCertificate,
    rejectUnauthorized: false, // judged for every request in identity/, because the OAuth paths may come without
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: limits.handshakeMs,
    maxHeaderSize: PARSER_HEAD_BYTES,
    headersTimeout: limits.requestHeadMs,
    requestTimeout: 0, // bodies have their own rate limit; a message of 25 MB over a weak link takes its time
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(PARSER_CHECK_MS, limits.requestHeadMs),
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    noDelay: true,
    insecureHTTPParser: false,
    requireHostHeader: false, // Node would answer by itself, and nobody would hear of it; headReason refuses
  })
  server.maxHeadersCount = 0 // a count would hide fields from us silently; ours refuses
  const states = new WeakMap<Socket, ConnectionState>()
  listen(server, states, limits, asking, remoteOf, handlers)
  return {
    server,
    applyTls(settings) {
      server.setSecureContext(contextOf(settings))
      askForCertificates(server, settings.requestCertificate)
      asking.now = settings.requestCertificate
    },
  }
}

/** Node asks each new connection by this field of the server, which its types do not name; a handshake test holds it. */
function askForCertificates(server: Server, ask: boolean): void {
  Object.assign(server, { requestCert: ask })
}

interface ConnectionState {
  readonly connection: DeviceConnection
  readonly tap: HeadTap
  /** Whether its handshake asked for a certificate. */
  readonly asked: boolean
  current: NodeExchange | null
  /** Came before `current` was answered, and is served after it. */
  next: NodeExchange | null
}

function contextOf(tls: TlsSettings): SecureContextOptions & { ticketKeys: Buffer; sessionTimeout: number } {
  return {
    cert: tls.cert,
    key: tls.key,
    ca: [...tls.ca],
    minVersion: tls.minVersion,
    honorCipherOrder: true,
    ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20',
    ticketKeys: tls.ticketKeys,
    sessionTimeout: TICKET_SECONDS,
  }
}

function listen(
  server: Server,
  states: WeakMap<Socket, ConnectionState>,
  limits: Timeouts,
  asking: { readonly now: boolean },
  remoteOf: RemoteOf,
  handlers: ListenerHandlers,
): void {
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy())
    handlers.opened(socket)
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    const connection = {
      remote: remoteOf(socket),
      serverName: serverNameOf(socket),
      certificate: shownBy(socket),
    }
    states.set(socket, { connection, tap: new HeadTap(socket), asked: asking.now, current: null, next: null })
    handlers.secured(socket, connection)
  })
  const begin = (expects: Exchange['expects']) => (request: IncomingMessage, response: ServerResponse) => {
    const socket = request.socket as TLSSocket
    const state = states.get(socket)
    if (state === undefined) {
      socket.destroy()
      return
    }
    // It cannot be asked any more; the device's next connection will be.
    if (asking.now && !state.asked) response.shouldKeepAlive = false
    const chunked = request.headers['transfer-encoding'] !== undefined
    const rawTransferEncoding = chunked && state.tap.saysPlainChunked()
    state.tap.clear()
    const exchange = new NodeExchange(request, response, {
      connection: state.connection,
      rawTransferEncoding,
      expects,
      writeStallMs: limits.writeStallMs,
      now: handlers.now(),
    })
    takeTurn(state, exchange, socket, handlers)
  }
  server.on('request', begin('nothing'))
  server.on('checkContinue', begin('continue'))
  server.on('checkExpectation', begin('something-else'))
  refuseFaults(server, states, remoteOf, handlers)
}

/** What never becomes a request: tunnels, bytes that are no HTTP, connections that break. */
function refuseFaults(
  server: Server,
  states: WeakMap<Socket, ConnectionState>,
  remoteOf: RemoteOf,
  handlers: ListenerHandlers,
): void {
  const faulty = new WeakSet<object>()
  const malformed = (socket: Socket, status: number): void => {
    handlers.malformed(states.get(socket)?.connection.remote ?? remoteOf(socket), status)
  }
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy()) // Node has let go of this socket
    malformed(socket as Socket, 501)
    refuseRaw(socket as Socket, 501)
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const code = error.code ?? ''
    const current = states.get(socket as Socket)?.current ?? null
    if (!isParserFault(code)) {
      socket.destroy() // the connection broke; whatever was under way on it has its own line
      return
    }
    if (faulty.has(socket)) return // more of the same bytes; the refusal is on its way
    faulty.add(socket)
    const status = statusOf(code)
    if (current?.breakBody() === true) return // its request is answered and written down by whoever reads the body
    malformed(socket as Socket, status)
    if (current !== null && !current.ended && current.status !== 0) socket.destroy()
    else refuseRaw(socket as Socket, status)
  })
}

/**
 * One request of a connection at a time: else a device could have any number under way on a single one. Phones do not
 * send a request before the answer to the last; one that waits is allowed, because the end of an answer may be seen
 * there before it is seen here. A second one ends the connection.
 */
function takeTurn(state: ConnectionState, exchange: NodeExchange, socket: TLSSocket, handlers: ListenerHandlers): void {
  const { current } = state
  if (current?.closing === true || socket.destroyed) return
  if (current === null || current.ended) serve(state, exchange, socket, handlers)
  else if (state.next === null) state.next = exchange
  else {
    handlers.malformed(state.connection.remote, 0)
    socket.destroy()
  }
}

function serve(state: ConnectionState, exchange: NodeExchange, socket: TLSSocket, handlers: ListenerHandlers): void {
  state.current = exchange
  exchange.onEnded(() => {
    const { next } = state
    state.next = null
    if (next === null) return
    if (socket.destroyed || exchange.closing) next.leave()
    serve(state, next, socket, handlers)
  })
  handlers.exchange(exchange, socket)
}

/** Parser faults by Node's codes; all else is 400. A version 2 preface and unknown methods are "not here". */
const STATUS_BY_CODE = new Map<string, number>([
  ['HPE_INVALID_METHOD', 501],
  ['HPE_PAUSED_H2_UPGRADE', 501],
  ['HPE_HEADER_OVERFLOW', 431],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
])

/** All other errors are the connection's end, and no request. */
function isParserFault(code: string): boolean {
  return code.startsWith('HPE_') || STATUS_BY_CODE.has(code)
}

function statusOf(code: string): number {
  return STATUS_BY_CODE.get(code) ?? 400
}

function refuseRaw(socket: Socket, status: number): void {
  if (!socket.writable || socket.destroyed) {
    socket.destroy()
    return
  }
  const allow = status === 501 ? 'Allow: OPTIONS, POST\r\n' : ''
  // A peer that has gone takes nothing and tells nothing: the end of the write may never come.
  const linger = setTimeout(() => socket.destroy(), REFUSAL_LINGER_MS)
  socket.once('close', () => {
    clearTimeout(linger)
  })
  socket.end(`HTTP/1.1 ${status} Refused\r\n${allow}Content-Length: 0\r\nConnection: close\r\n\r\n`, () =>
    socket.destroy(),
  )
}

// A resumed TLS 1.2 session does not tell its name: the ticket has none, and what the client repeats is not handed on.
function serverNameOf(socket: TLSSocket): string | null | undefined {
  if (typeof socket.servername === 'string' && socket.servername !== '') return socket.servername
  return socket.isSessionReused() && socket.getProtocol() === 'TLSv1.2' ? undefined : null
}

function shownBy(socket: TLSSocket): ShownCertificate | null {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  const error = socket.authorizationError as unknown
  const code = typeof error === 'string' ? error : error instanceof Error && 'code' in error ? String(error.code) : null
  const { authorized } = socket
  return { der: certificate.raw, chain: chainReason(authorized, code), rootless: isRootless(authorized, code) }
}
