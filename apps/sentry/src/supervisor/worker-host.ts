/**
 * The workers and what must be counted or known once for all of them, wherever settings and posture come from.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Log } from '../config/log.ts'
import type { Settings, WorkerSettings } from '../config/settings.ts'
import { asks } from '../config/settings.ts'
import { FactBook } from '../coordination/fact-book.ts'
import {
  type Ask,
  EXIT_CANNOT_LISTEN,
  type FromWorker,
  type PolicyText,
  type ServerState,
  type ToWorker,
} from '../coordination/messages.ts'
import { timeouts } from '../listener/timeouts.ts'
import type { SeenDevice } from '../pipeline/seen-devices.ts'
import { HoldDesk } from './hold-desk.ts'
import { sumCounters } from './metrics-text.ts'
import { QuotaBook } from './quota-book.ts'
import { WorkerPool } from './worker-pool.ts'

/** Workers that die before any has ever listened: after this many the start has failed. */
const MAX_EARLY_DEATHS = 3

/** How workers are run. `workers` null: one for each core. `speed` divides every timeout, for a lab only. */
export interface WorkerHostOptions {
  readonly workers: number | null
  readonly speed: number
  readonly now: () => number
  readonly log: Log
}

/** Where posture comes from, and who hears of what workers did with it. */
export interface PostureFeeder {
  /** Policy for a worker that starts; null: none was read, or it follows by pieces. */
  policy(): PolicyText | null
  readonly postureFollows: boolean
  /** A worker was started; it has its settings. */
  welcomed(worker: number): void
  /** `load`: see the message. */
  applied(worker: number, load: number, version: number): void
  gone(worker: number): void
  seen(seen: readonly SeenDevice[]): void
}

/** One for each Sentry. */
export class WorkerHost {
  readonly facts = new FactBook()
  readonly #options: WorkerHostOptions
  readonly #feeder: PostureFeeder
  readonly #pool: WorkerPool
  readonly #quotas: QuotaBook
  readonly #holds: HoldDesk
  readonly #servers = new Map<number, readonly ServerState[]>()
  readonly #serversTold = new Map<string, boolean>()
  readonly #ports = new Map<number, number>()
  readonly #collected = new Map<number, { expected: number; arrays: (readonly number[])[]; done: () => void }>()
  readonly #listening = Promise.withResolvers<undefined>()
  #settings: Settings
  #ticketKeys = randomBytes(48)
  #trustGeneration = 0
  #everListened = false
  #earlyDeaths = 0
  #nextCollect = 0

  constructor(settings: Settings, options: WorkerHostOptions, feeder: PostureFeeder) {
    this.#settings = settings
    this.#options = options
    this.#feeder = feeder
    this.#quotas = new QuotaBook(settings.config.limits)
    this.#pool = new WorkerPool(
      options.workers ?? availableParallelism(),
      {
        welcome: () => ({
          op: 'start',
          settings: this.#workerSettings(),
          policy: feeder.policy(),
          postureFollows: feeder.postureFollows,
          facts: this.facts.all(options.now()),
        }),
        welcomed: (worker) => {
          feeder.welcomed(worker)
        },
        message: (worker, message) => {
          this.#onMessage(worker, message)
        },
        died: (worker, code) => {
          this.#onDeath(worker, code)
        },
      },
      options.log,
      options.now,
    )
    this.#holds = new HoldDesk(this.#quotas, (worker, hold) => {
      this.#pool.send(worker, { op: 'evict', hold })
    })
  }

  get settings(): Settings {
    return this.#settings
  }

  get size(): number {
    return this.#pool.size
  }

  /** How many workers listen now. */
  get listening(): number {
    return this.#ports.size
  }

  /** Starts the workers and says so once all listen. @throws Error naming the fields when the port cannot be used. */
  async listen(localPort: number): Promise<void> {
    this.#pool.start()
    await this.#listening.promise
    const { listen, local } = this.#settings.config
    this.#options.log('info', 'listening', {
      host: listen.host,
      port: [...this.#ports.values()][0] ?? listen.port,
      local: { host: local.host, port: localPort },
      workers: this.#pool.size,
    })
  }

  /** Puts other settings in force, for new connections and requests. */
  apply(next: Settings): void {
    const before = this.#settings
    this.#settings = next
    this.#quotas.quotas = next.config.limits
    // Old tickets would bring back sessions that a CA vouched for which is no longer trusted.
    if (lostCa(before, next)) this.#trustGeneration += 1
    // A resumed session is not asked for a certificate: it must not outlive the time when nobody was.
    if (lostCa(before, next) || asks(before.config) !== asks(next.config)) this.#ticketKeys = randomBytes(48)
    this.#pool.broadcast({ op: 'settings', settings: this.#workerSettings() })
  }

  rotateTickets(): void {
    this.#ticketKeys = randomBytes(48)
    this.#pool.broadcast({ op: 'settings', settings: this.#workerSettings() })
  }

  broadcast(message: ToWorker): void {
    this.#pool.broadcast(message)
  }

  /** Resolves when the worker's pipe has taken it, or the worker is gone. */
  deliver(worker: number, message: ToWorker): Promise<void> {
    return this.#pool.deliver(worker, message)
  }

  /** Every server as the workers see it. */
  servers(): ServerState[] {
    return [...this.#servers.values()].flat()
  }

  /** Why no traffic should come, as far as workers and servers are concerned. */
  notReady(): string[] {
    const servers = this.servers()
    const noWorker = this.#ports.size === 0 ? ['no worker is listening'] : []
    if (servers.length === 0 || servers.some((server) => server.live)) return noWorker
    return [...noWorker, ...new Set(servers.map((s) => `server ${s.server} is not usable: ${s.reason ?? 'dead'}`))]
  }

  /** Counters of all workers, summed; those that do not answer within `limitMs` are left out. */
  async counters(limitMs: number): Promise<number[]> {
    const id = ++this.#nextCollect
    const arrays: (readonly number[])[] = []
    if (this.#pool.size > 0) {
      await new Promise<void>((resolve) => {
        this.#collected.set(id, { expected: this.#pool.size, arrays, done: resolve })
        setTimeout(resolve, limitMs).unref()
        this.#pool.broadcast({ op: 'collect', id })
      })
    }
    this.#collected.delete(id)
    return sumCounters(arrays)
  }

  /** Drains and ends all workers. */
  async stop(): Promise<void> {
    const { drainMs, holdSpreadMs } = timeouts(this.#options.speed)
    await this.#pool.stop(Math.max(drainMs, holdSpreadMs) + 1_000)
  }

  #workerSettings(): WorkerSettings {
    return {
      settings: this.#settings,
      ticketKeysHex: this.#ticketKeys.toString('hex'),
      trustGeneration: this.#trustGeneration,
      speed: this.#options.speed,
    }
  }

  #onMessage(worker: number, message: FromWorker): void {
    switch (message.op) {
      case 'ask':
        void this.#answer(worker, message.ask).then((value) => {
          this.#pool.send(worker, { op: 'answer', id: message.id, value })
        })
        return
      case 'closed':
        this.#quotas.closeConnection(worker, message.connection)
        return
      case 'released':
        this.#holds.released(worker, message.hold)
        return
      case 'fact':
        this.facts.learn(message.fact)
        this.#pool.broadcast({ op: 'fact', fact: message.fact })
        return
      case 'listening':
        this.#ports.set(worker, message.port)
        this.#everListened = true
        if (this.#ports.size >= this.#pool.size) this.#listening.resolve(undefined)
        return
      case 'metrics':
        this.#collect(message.id, message.values)
        return
      case 'servers':
        this.#servers.set(worker, message.states)
        this.#reportServers(message.states)
        return
      case 'applied':
        this.#feeder.applied(worker, message.load, message.version)
        return
      case 'seen':
        this.#feeder.seen(message.seen)
        return
      case 'stopped':
        return
      default:
        message satisfies never
    }
  }

  async #answer(worker: number, ask: Ask): Promise<boolean> {
    switch (ask.op) {
      case 'connection':
        return this.#quotas.openConnection(worker, ask.connection, ask.address)
      case 'certificate':
        return this.#quotas.certifyConnection(worker, ask.connection, ask.fingerprint)
      case 'rate':
        return this.#quotas.takeRate(ask.key, this.#options.now())
      case 'hold':
        await this.#holds.acquire(worker, ask.hold, ask.device, ask.user)
        return true
      default:
        return ask satisfies never
    }
  }

  // Every worker probes for itself; a change is told once.
  #reportServers(states: readonly ServerState[]): void {
    for (const { server, live, reason } of states) {
      if ((this.#serversTold.get(server) ?? true) === live) continue
      this.#serversTold.set(server, live)
      if (live) this.#options.log('info', 'server-usable', { server })
      else this.#options.log('problem', 'server-not-usable', { server, reason: reason ?? 'failed requests' })
    }
  }

  #onDeath(worker: number, code: number | null): void {
    this.#earlyDeaths += 1
    if (!this.#everListened && (code === EXIT_CANNOT_LISTEN || this.#earlyDeaths >= MAX_EARLY_DEATHS)) {
      const why = code === EXIT_CANNOT_LISTEN ? 'listen.host and listen.port cannot be used' : 'no worker could start'
      this.#listening.reject(new Error(`${why}; see the messages above`))
    }
    this.#ports.delete(worker)
    this.#servers.delete(worker)
    this.#holds.forgetWorker(worker)
    this.#feeder.gone(worker)
  }

  #collect(id: number, values: readonly number[]): void {
    const scrape = this.#collected.get(id)
    if (scrape === undefined) return
    scrape.arrays.push(values)
    if (scrape.arrays.length >= scrape.expected) scrape.done()
  }
}

function lostCa(before: Settings, after: Settings): boolean {
  const kept = new Set(after.deviceCas.map((file) => file.pem))
  return before.deviceCas.some((file) => !kept.has(file.pem))
}
