/**
 * One verified TLS connection to a server: name resolution, TCP, handshake, certificate. There is no way to skip the
 * verification, and nothing of ours is written before it is done (A22).
 * @module
 */
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { connect } from 'node:tls'
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls'
import { UpstreamError } from './upstream-error.ts'
import type { UpstreamTarget } from './upstream-types.ts'

/** Milliseconds for one address when a name has several; the system's default of 250 loses servers far away. */
const ADDRESS_ATTEMPT_MS = 1_000
/** Milliseconds of silence before TCP asks whether the peer is still there; a held Ping is silent for an hour. */
const KEEP_ALIVE_MS = 60_000
/** Errors of the connection itself, as opposed to those of TLS, when they come after TCP is up. */
const SOCKET_ERRORS = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'])

/** What every connection of a client shares. One context for all: else each connection parses the trust store again. */
export interface DialOptions {
  readonly context: SecureContext
  readonly lookup: LookupFunction | null
  /** Where a target's port is really found; a laboratory's table may say otherwise than the target. */
  readonly portOf: (target: UpstreamTarget) => number
}

/** Exactly one of the two is called, once, and never from inside `dial`. */
export interface DialOutcome {
  onConnected(socket: TLSSocket): void
  onDialFailed(error: UpstreamError): void
}

/** Gives the attempt up; neither callback comes afterwards. */
export type CancelDial = () => void

/**
 * @param session a TLS session of this very target, or null for a full handshake
 * @param timeoutMs for everything together
 */
export function dial(
  target: UpstreamTarget,
  options: DialOptions,
  session: Buffer | null,
  timeoutMs: number,
  outcome: DialOutcome,
): CancelDial {
  const socket = connect(connectionOptions(target, options, session))
  let tcpUp = false
  const finish = (): void => {
    clearTimeout(timer)
    socket.off('connect', onTcp).off('secureConnect', onSecure).off('error', onError).off('close', onClose)
  }
  const fail = (error: UpstreamError): void => {
    finish()
    socket.on('error', ignore) // the socket may still report what we already know
    socket.destroy()
    outcome.onDialFailed(error)
  }
  const onTcp = (): void => {
    tcpUp = true
  }
  const onSecure = (): void => {
    const problem = problemOf(socket)
    if (problem !== null) return fail(new UpstreamError('UPSTREAM_TLS', false, problem))
    finish()
    outcome.onConnected(socket)
  }
  const onError = (cause: NodeJS.ErrnoException): void => fail(dialError(cause, tcpUp))
  const onClose = (): void => fail(new UpstreamError('UPSTREAM_UNREACHABLE', false, 'closed before TLS was up'))
  const onTimeout = (): void => fail(new UpstreamError('UPSTREAM_TIMEOUT', false, `no connection in ${timeoutMs} ms`))
  const timer = setTimeout(onTimeout, timeoutMs)
  socket.on('connect', onTcp).on('secureConnect', onSecure).on('error', onError).on('close', onClose)
  return () => {
    finish()
    socket.on('error', ignore)
    socket.destroy()
  }
}

function connectionOptions(target: UpstreamTarget, options: DialOptions, session: Buffer | null): ConnectionOptions {
  return {
    host: target.host,
    port: options.portOf(target),
    servername: isIP(target.host) === 0 ? target.host : '', // an address cannot be an SNI; it is still compared
    secureContext: options.context,
    rejectUnauthorized: true, // said here, so that no environment variable can say otherwise
    ALPNProtocols: ['http/1.1'],
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
    ...(session === null ? {} : { session }),
    ...(options.lookup === null ? {} : { lookup: options.lookup }),
  } as ConnectionOptions
}

/** Checked again although the socket would not have got here: this is the line that everything else stands on. */
function problemOf(socket: TLSSocket): string | null {
  if (!socket.authorized) return 'the certificate was not verified'
  const protocol = socket.alpnProtocol
  if (protocol !== false && protocol !== null && protocol !== 'http/1.1') return 'the server chose another protocol'
  return null
}

function dialError(cause: NodeJS.ErrnoException, tcpUp: boolean): UpstreamError {
  const plain = !tcpUp || SOCKET_ERRORS.has(cause.code ?? '')
  const code = plain ? 'UPSTREAM_UNREACHABLE' : 'UPSTREAM_TLS'
  return new UpstreamError(code, false, `cannot connect: ${cause.code ?? 'unknown'}`, { cause })
}

function ignore(): void {
  // A socket that we gave up; its errors have no reader.
}
