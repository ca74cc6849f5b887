/**
 * A worker process: the device listener, the pipeline behind it, and the line to the supervisor.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Log } from '../config/log.ts'
import { asks, type WorkerSettings } from '../config/settings.ts'
import { type AuditWriter, openAuditFile } from '../events/audit-writer.ts'
import { Counters, type Finished } from '../events/counters.ts'
import { type DeviceIdentity, identify, judgeIdentity } from '../identity/device-identity.ts'
import type { DeviceConnection } from '../listener/exchange.ts'
import { createNodeListener, type NodeListener, type TlsSettings } from '../listener/node-listener.ts'
import { takeProxyHeader, toBlockList } from '../listener/proxy-protocol.ts'
import type { PipelineDeps } from '../pipeline/deps.ts'
import { handle } from '../front-door/handle.ts'
import { HeldRequests } from '../pipeline/held-requests.ts'
import { SeenDevices } from '../pipeline/seen-devices.ts'
import type { FromWorker, PolicyText, PostureMessage, ToWorker } from '../coordination/messages.ts'
import { Coordinator } from '../coordination/coordinator.ts'
import { buildRuntime, type Runtime } from '../config/runtime.ts'
import { PostureReceiver } from './posture-receiver.ts'
import { ServerWatch } from './server-watch.ts'

/** How often the supervisor hears of servers that requests found dead. Milliseconds. */
const SERVER_REPORT_MS = 1_000
/** How often the supervisor hears whom we saw. Milliseconds. */
const SEEN_REPORT_MS = 250

/** The process around a worker: IPC, exit, clock (ms since 1970), chance (0 to 1), log. */
export interface WorkerPorts {
  send(message: FromWorker): void
  exit(): void
  readonly now: () => number
  readonly random: () => number
  readonly log: Log
}

/** A request that never was, for the counters. */
const NOTHING_READ: Finished = {
  endpoint: 'none',
  decision: 'refuse',
  command: null,
  reason: 'HTTP_MALFORMED',
  durationMs: 0,
  bytesIn: 0,
  bytesOut: 0,
}

interface KnownConnection {
  readonly number: number
  readonly identity: DeviceIdentity | null
  readonly trustGeneration: number
}

/** `trustGeneration`: of the settings that its handshake began with. */
interface OpenedConnection {
  readonly number: number
  readonly trustGeneration: number
}

/** One worker, made from the first message of its supervisor. */
export class SentryWorker {
  readonly #ports: WorkerPorts
  readonly #coordinator: Coordinator
  readonly #held = new HeldRequests()
  readonly #counters = new Counters()
  readonly #known = new WeakMap<DeviceConnection, KnownConnection>()
  /** Address that a balancer told, by the balancer's own address and port. */
  readonly #remotes = new Map<string, string>()
  readonly #byPeer = new Map<string, OpenedConnection>()
  readonly #posture = new PostureReceiver()
  readonly #postureReady = Promise.withResolvers<undefined>()
  readonly #seen: SeenDevices
  readonly #servers: ServerWatch
  readonly #deps: PipelineDeps
  readonly #audit: AuditWriter
  #runtime: Runtime
  #listener: NodeListener
  #front: Server
  #nextConnection = 0
  #busy = 0
  #stopping = false

  constructor(start: ToWorker & { op: 'start' }, ports: WorkerPorts) {
    this.#ports = ports
    this.#coordinator = new Coordinator((message) => {
      ports.send(message)
    })
    for (const fact of start.facts) this.#coordinator.facts.learn(fact)
    this.#runtime = buildRuntime(start.settings, null, ports.now)
    this.#audit = openAuditFile(start.settings.settings.auditFile, (lines) => {
      this.#counters.add('audit_lines_lost', lines)
    })
    if (start.policy !== null) this.#applyPolicy(start.policy)
    if (!start.postureFollows) this.#postureReady.resolve(undefined)
    this.#seen = new SeenDevices((seen) => {
      ports.send({ op: 'seen', seen })
    })
    this.#deps = this.#pipelineDeps()
    this.#listener = this.#createListener(start.settings)
    this.#front = this.#createFront()
    this.#servers = new ServerWatch(this.#runtime, (states) => {
      ports.send({ op: 'servers', states })
    })
    setInterval(() => {
      this.#servers.report()
    }, SERVER_REPORT_MS).unref()
    setInterval(() => {
      this.#seen.tell()
    }, SEEN_REPORT_MS).unref()
  }

  /** Resolves when devices can connect; that is not before there is a posture to decide from, where one is on its way. */
  async listen(): Promise<void> {
    await this.#postureReady.promise
    const { host, port } = this.#runtime.config.listen
    this.#front.listen({ host, port, backlog: 1_024 })
    await once(this.#front, 'listening')
    this.#ports.send({ op: 'listening', port: (this.#front.address() as AddressInfo).port })
  }

  receive(message: ToWorker): void {
    switch (message.op) {
      case 'start':
        return
      case 'settings':
        this.#applySettings(message.settings)
        return
      case 'policy':
        this.#applyPolicy(message.policy)
        return
      case 'posture-begin':
      case 'posture-entries':
      case 'posture-end':
      case 'posture-delta':
      case 'posture-confirmed':
      case 'posture-dropped':
        this.#takePosture(message)
        return
      case 'answer':
        this.#coordinator.answered(message.id, message.value)
        return
      case 'evict':
        this.#coordinator.evict(message.hold)
        return
      case 'fact':
        this.#coordinator.facts.learn(message.fact)
        return
      case 'collect':
        this.#ports.send({ op: 'metrics', id: message.id, values: this.#values() })
        return
      case 'stop':
        void this.#stop()
        return
      default:
        message satisfies never
    }
  }

  #applyPolicy(policy: PolicyText): void {
    const snapshot = this.#posture.file(policy)
    this.#coordinator.facts.keepWipes((device) => snapshot.isToBeWiped(device))
    this.#held.review(null)
    this.#ports.send({ op: 'applied', version: snapshot.version, load: 0 })
  }

  #takePosture(message: PostureMessage): void {
    const applied = this.#posture.take(message)
    if (applied === null) return
    const snapshot = this.#posture.current
    if (snapshot === null) {
      this.#held.review(applied.changed)
      return
    }
    this.#postureReady.resolve(undefined)
    if (message.op === 'posture-confirmed') return
    this.#coordinator.facts.keepWipes((device) => snapshot.isToBeWiped(device))
    this.#held.review(applied.changed)
    this.#ports.send({ op: 'applied', version: snapshot.version, load: this.#posture.load })
  }

  #applySettings(settings: WorkerSettings): void {
    const before = this.#runtime
    this.#runtime = buildRuntime(settings, before, this.#ports.now)
    this.#listener.applyTls(tlsOf(settings))
    this.#reopenAudit(settings.settings.auditFile)
    if (this.#runtime.servers !== before.servers) {
      this.#servers.follow(this.#runtime)
      this.#retire(before)
    }
    this.#held.review(null)
  }

  #reopenAudit(file: string): void {
    try {
      this.#audit.reopen(file)
    } catch {
      this.#ports.log('problem', 'audit-file', { file, problem: 'cannot be opened; the one in use stays' })
    }
  }

  // Requests under way finish on the clients they began with; none lasts longer than a held Ping.
  #retire(before: Runtime): void {
    const timer = setTimeout(() => {
      for (const client of [before.serverClient, before.redirectClient, before.identityProviderClient]) client.close()
    }, before.timeouts.holdMs)
    timer.unref()
  }

  #pipelineDeps(): PipelineDeps {
    return {
      runtime: () => this.#runtime,
      snapshot: () => this.#posture.current,
      identityOf: (connection) => this.#identityOf(connection),
      coordinator: this.#coordinator,
      held: this.#held,
      seen: this.#seen,
      audit: this.#audit,
      counters: this.#counters,
      now: this.#ports.now,
      fault: (id, error) => {
        const { name, stack } = error instanceof Error ? error : new Error('not an error')
        // The message may quote a request; the place in the code cannot.
        const at = (stack ?? '')
          .split('\n')
          .filter((line) => line.startsWith('    at '))
          .slice(0, 8)
        this.#ports.log('problem', 'fault', { id, name, at })
      },
    }
  }

  /** A connection whose certificate was vouched for by a CA that is gone since has no good certificate any more. */
  #identityOf(connection: DeviceConnection): DeviceIdentity | null {
    const known = this.#known.get(connection)
    if (known?.identity == null) return null
    if (known.trustGeneration === this.#runtime.trustGeneration) return known.identity
    return { ...known.identity, chain: 'CERTIFICATE_UNTRUSTED' }
  }

  #createListener(settings: WorkerSettings): NodeListener {
    return createNodeListener(tlsOf(settings), this.#runtime.timeouts, (socket) => this.#remoteOf(socket), {
      now: this.#ports.now,
      exchange: (exchange, socket) => {
        this.#busy += 1
        void handle(exchange, this.#deps).finally(() => {
          this.#busy -= 1
          if (this.#stopping) socket.end()
        })
      },
      malformed: (remote, status) => {
        this.#auditMalformed(remote, status)
      },
      opened: (socket) => {
        this.#opened(socket)
      },
      secured: (socket, connection) => {
        this.#secured(socket, connection)
      },
    })
  }

  /** What accepts connections: the TLS server itself, or a plain one that first takes the balancer's header off. */
  #createFront(): Server {
    const { proxyProtocolFrom } = this.#runtime.config.listen
    if (proxyProtocolFrom.length === 0) return this.#listener.server
    const trusted = toBlockList(proxyProtocolFrom)
    return createServer({ keepAlive: true, keepAliveInitialDelay: 60_000, noDelay: true }, (socket) => {
      takeProxyHeader(socket, trusted, this.#runtime.timeouts.proxyHeaderMs, (remote) => {
        const key = peerKey(socket)
        this.#remotes.set(key, remote)
        socket.once('close', () => this.#remotes.delete(key))
        // Not resumed: what came behind the header is TLS's to read, and would be lost to nobody's `data`.
        this.#listener.server.emit('connection', socket)
      })
    })
  }

  #remoteOf(socket: Socket): string {
    return this.#remotes.get(peerKey(socket)) ?? socket.remoteAddress ?? 'unknown'
  }

  // What the parser refused never became a request, but somebody sent it.
  #auditMalformed(remote: string, status: number): void {
    this.#audit.write({
      time: new Date(this.#ports.now()).toISOString(),
      id: randomUUID(),
      event: 'request',
      device: null,
      user: null,
      easDeviceId: null,
      certificate: null,
      command: null,
      version: null,
      decision: 'refuse',
      reasons: ['HTTP_MALFORMED'],
      snapshot: this.#posture.current?.version ?? 0,
      status,
      upstreamStatus: null,
      durationMs: 0,
      bytesIn: 0,
      bytesOut: 0,
      remote,
    })
    this.#counters.finished(NOTHING_READ)
  }

  #opened(socket: Socket): void {
    const number = ++this.#nextConnection
    const key = peerKey(socket)
    const opened = { number, trustGeneration: this.#runtime.trustGeneration }
    this.#byPeer.set(key, opened)
    this.#counters.add('connections', 1)
    socket.once('close', () => {
      if (this.#byPeer.get(key) === opened) this.#byPeer.delete(key)
      this.#counters.add('connections', -1)
      this.#coordinator.closed(number)
    })
    void this.#coordinator.connection(number, this.#remoteOf(socket)).then((allowed) => {
      if (!allowed) socket.destroy()
    })
  }

  #secured(socket: TLSSocket, connection: DeviceConnection): void {
    const opened = this.#byPeer.get(peerKey(socket))
    if (opened === undefined) {
      socket.destroy() // it is gone already
      return
    }
    const { number, trustGeneration } = opened
    const { trust } = this.#runtime
    const identity = connection.certificate === null ? null : identify(connection.certificate, trust, this.#ports.now())
    this.#known.set(connection, { number, identity, trustGeneration })
    if (identity === null) return
    if (this.#runtime.balancers.has(identity.fingerprint)) {
      this.#coordinator.closed(number) // it speaks for thousands, and its key was shown
      return
    }
    if (judgeIdentity(identity, trust, this.#ports.now()).state !== 'good') return
    if (this.#runtime.config.deviceCertificate.kind === 'group') return // all share it: counted for its address
    void this.#coordinator.certificate(number, identity.fingerprint).then((allowed) => {
      if (!allowed) socket.destroy()
    })
  }

  #values(): number[] {
    const now = this.#ports.now()
    this.#counters.set('held', this.#held.size)
    const snapshot = this.#posture.current
    this.#counters.set('snapshot_version', snapshot?.version ?? 0)
    this.#counters.set('snapshot_age_seconds', snapshot === null ? 0 : Math.max(0, (now - snapshot.writtenAt) / 1_000))
    return [...this.#counters.values]
  }

  async #stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    const { holdSpreadMs, drainMs } = this.#runtime.timeouts
    this.#front.close()
    this.#listener.server.closeIdleConnections()
    this.#held.stop(holdSpreadMs, this.#ports.random)
    const deadline = this.#ports.now() + drainMs
    while (this.#busy > 0 && this.#ports.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    this.#listener.server.closeAllConnections()
    this.#servers[Symbol.dispose]()
    this.#seen.tell()
    await this.#audit[Symbol.asyncDispose]()
    this.#ports.send({ op: 'stopped' })
    this.#ports.exit()
  }
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}|${socket.remotePort ?? 0}`
}

function tlsOf({ settings, ticketKeysHex }: WorkerSettings): TlsSettings {
  return {
    cert: settings.certPem,
    key: settings.keyPem,
    ca: settings.deviceCas.map((file) => file.pem),
    minVersion: settings.config.tls.minVersion,
    requestCertificate: asks(settings.config),
    ticketKeys: Buffer.from(ticketKeysHex, 'hex'),
  }
}
