/**
 * Requests to the servers: pooled HTTP/1.1 over verified TLS. No redirects, no retries, no proxies, no cookies, and no
 * option to verify less.
 *
 * Documents: RFC 9110, RFC 9112. Why an own client: its cost is a fifth of the platform's agent
 * (docs/decisions has the measurement); why so strict: the two ends of a shared connection must never disagree about
 * where a message ends.
 * @module
 */
import type { LookupFunction } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { ConnectionPool } from './connection-pool.ts'
import { dial } from './dial.ts'
import type { CancelDial, DialOptions, DialOutcome } from './dial.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeHost } from './exchange.ts'
import { encodeRequestHead } from './request-head.ts'
import { UpstreamConnection } from './upstream-connection.ts'
import type { ConnectionKeeper } from './upstream-connection.ts'
import { UpstreamError } from './upstream-error.ts'
import type {
  UpstreamCall,
  UpstreamRequest,
  UpstreamResponse,
  UpstreamStats,
  UpstreamTarget,
} from './upstream-types.ts'

export type { UpstreamFailure } from './upstream-error.ts'
export type * from './upstream-types.ts'

/** TLS sessions kept for resumption; more targets than this do without. */
const MAX_SESSIONS = 256

/** The runtime's timers fire at once beyond this. */
const MAX_TIMEOUT_MS = 0x7fff_ffff

/** Made from the configuration. */
export interface UpstreamClientOptions {
  /** Authorities that may have signed the servers' certificates, PEM; null for those that the runtime trusts. */
  readonly caPem: readonly string[] | null
  /** Name resolution; null for the system's. See servers/pinned-lookup.ts. */
  readonly lookup: LookupFunction | null
  /** Where a target's port is really found, in a laboratory; absent: where the target says. */
  readonly portOf?: (target: UpstreamTarget) => number
  readonly maxIdlePerPool: number
  /** Milliseconds; less than the servers' own limit (120 000 for IIS by default). */
  readonly idleMs: number
}

/** Owns its connections until `close`. */
export interface UpstreamClient extends AsyncDisposable {
  /**
   * Starts the request at once.
   * @throws TypeError when the request cannot be written as it is; that is a bug of the caller
   */
  request(request: UpstreamRequest): UpstreamCall
  /**
   * A full handshake with verification, without a byte of HTTP, closed afterwards.
   * @throws UpstreamError UPSTREAM_UNREACHABLE, UPSTREAM_TLS, UPSTREAM_TIMEOUT, UPSTREAM_ABORTED
   */
  probe(target: UpstreamTarget, timeoutMs: number): Promise<void>
  stats(): UpstreamStats
  /** Closes every connection; requests under way fail with UPSTREAM_ABORTED, later ones too. */
  close(): void
}

/** @throws Error from the TLS library when `caPem` holds no certificate that it can read */
export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient {
  return new PooledClient(options)
}

class PooledClient implements UpstreamClient, ExchangeHost, ConnectionKeeper {
  readonly #dialing: DialOptions
  readonly #pool: ConnectionPool
  readonly #sessions = new Map<string, Buffer>()
  readonly #exchanges = new Set<Exchange>()
  readonly #connections = new Set<UpstreamConnection>()
  readonly #probes = new Set<() => void>()
  readonly #counts = { opened: 0, reused: 0, resumed: 0 }
  #connecting = 0
  #closed = false

  constructor(options: UpstreamClientOptions) {
    const ca = options.caPem === null ? {} : { ca: [...options.caPem] }
    const { lookup, portOf = ({ port }) => port } = options
    this.#dialing = { context: createSecureContext({ ...ca, minVersion: 'TLSv1.2' }), lookup, portOf }
    this.#pool = new ConnectionPool(options)
  }

  request(request: UpstreamRequest): UpstreamCall {
    const head = encodeRequestHead(request)
    requireTimeouts(request)
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>()
    promise.catch(ignore) // a caller that aborts need not look at the promise any more
    const exchange = new Exchange(request, head, this, { resolve, reject })
    this.#exchanges.add(exchange)
    if (this.#closed) exchange.abort('the client is closed')
    else exchange.start()
    return { response: promise, abort: () => exchange.abort('aborted'), sent: () => exchange.sent }
  }

  probe(target: UpstreamTarget, timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    if (this.#closed) reject(new UpstreamError('UPSTREAM_ABORTED', false, 'the client is closed'))
    else this.#probe(target, timeoutMs, resolve, reject)
    return promise
  }

  stats(): UpstreamStats {
    const idle = this.#pool.size
    return { active: this.#connections.size - idle, connecting: this.#connecting, idle, ...this.#counts }
  }

  close(): void {
    this.#closed = true
    for (const exchange of this.#exchanges) exchange.abort('the client is closed')
    for (const giveUp of this.#probes) giveUp()
    this.#pool.close()
    for (const connection of this.#connections) connection.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  connect(exchange: Exchange): () => void {
    const { target, affinity, timeouts } = exchange.request
    const server = keyOf(target)
    const poolKey = affinity === null ? server : `${server}\n${affinity}`
    const pooled = this.#pool.take(poolKey)
    if (pooled !== null) {
      this.#counts.reused++
      exchange.begin(pooled)
      return ignore
    }
    return this.#dial(target, timeouts.connectMs, this.#sessions.get(server) ?? null, {
      onConnected: (socket) => {
        this.#keepSessions(server, socket)
        const connection = new UpstreamConnection(socket, poolKey, this)
        this.#connections.add(connection)
        exchange.begin(connection)
      },
      onDialFailed: (error) => {
        this.#sessions.delete(server) // it may be what the server could not bear
        exchange.failed(error)
      },
    })
  }

  onExchangeOver(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
  }

  onIdle(connection: UpstreamConnection): void {
    if (this.#closed) connection.destroy()
    else this.#pool.put(connection)
  }

  onGone(connection: UpstreamConnection): void {
    this.#connections.delete(connection)
    this.#pool.remove(connection)
  }

  #probe(
    target: UpstreamTarget,
    timeoutMs: number,
    resolve: (value: undefined) => void,
    reject: (error: Error) => void,
  ): void {
    const cancel = this.#dial(target, timeoutMs, null, {
      onConnected: (socket) => {
        this.#probes.delete(giveUp)
        socket.on('error', ignore).destroySoon()
        resolve(undefined)
      },
      onDialFailed: (error) => {
        this.#probes.delete(giveUp)
        reject(error)
      },
    })
    const giveUp = (): void => {
      this.#probes.delete(giveUp)
      cancel()
      reject(new UpstreamError('UPSTREAM_ABORTED', false, 'the client is closed'))
    }
    this.#probes.add(giveUp)
  }

  /** As `dial`, counted. */
  #dial(target: UpstreamTarget, timeoutMs: number, session: Buffer | null, outcome: DialOutcome): CancelDial {
    let open = true
    const settle = (): void => {
      if (open) this.#connecting--
      open = false
    }
    this.#connecting++
    const cancel = dial(target, this.#dialing, session, timeoutMs, {
      onConnected: (socket) => {
        settle()
        this.#counts.opened++
        if (socket.isSessionReused()) this.#counts.resumed++
        outcome.onConnected(socket)
      },
      onDialFailed: (error) => {
        settle()
        outcome.onDialFailed(error)
      },
    })
    return () => {
      settle()
      cancel()
    }
  }

  /** Only of a verified connection, and only for its own target: a resumed session is not compared with a name again. */
  #keepSessions(server: string, socket: TLSSocket): void {
    const keep = (session: Buffer | undefined): void => {
      if (session === undefined || (this.#sessions.size >= MAX_SESSIONS && !this.#sessions.has(server))) return
      this.#sessions.set(server, session)
    }
    if (socket.getProtocol() !== 'TLSv1.3') keep(socket.getSession())
    socket.on('session', keep)
  }
}

function keyOf(target: UpstreamTarget): string {
  return `${target.host}:${String(target.port)}`
}

function requireTimeouts({ timeouts }: UpstreamRequest): void {
  for (const ms of [timeouts.connectMs, timeouts.responseHeadMs, timeouts.responseIdleMs])
    if (!(ms > 0 && ms <= MAX_TIMEOUT_MS)) throw new TypeError('a timeout is not between 1 ms and 24 days')
}

function ignore(): void {
  // Nobody waits for this.
}
