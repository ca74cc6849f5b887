/**
 * The parent of the workers: reads files, keeps what must be counted once, answers on the local listener.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { ContractError } from '@postern/contract/problems'
import { watchFiles } from '@postern/runtime/watch-file'
import type { Log } from '../config/log.ts'
import { loadSettings, restartProblems, type Settings, type WorkerSettings } from '../config/settings.ts'
import { certificateDoubts, listDoubts } from '../config/settings-doubts.ts'
import { timeouts } from '../listener/timeouts.ts'
import { FactBook } from '../coordination/fact-book.ts'
import { HoldDesk } from './hold-desk.ts'
import { startLocalListener } from './local-listener.ts'
import type { Ask, FromWorker, ServerState } from '../coordination/messages.ts'
import { metricsText, sumCounters } from './metrics-text.ts'
import { type PolicySource, startPolicySource } from './policy-source.ts'
import { QuotaBook } from './quota-book.ts'
import { EXIT_CANNOT_LISTEN } from '../coordination/messages.ts'
import { WorkerPool } from './worker-pool.ts'

/** How a Sentry is started. `configFile` is what a reload reads again; `speed` divides every timeout, for a lab only; `workers` null means one for each core. */
export interface SupervisorOptions {
  readonly configFile: string
  readonly workers: number | null
  readonly speed: number
  readonly now: () => number
  readonly log: Log
}

/** A running Sentry. Disposing it drains and stops. */
export interface Supervisor extends AsyncDisposable {
  reload(): Promise<void>
}

/** Workers get this long to answer a scrape. Milliseconds. */
const COLLECT_MS = 1_000
/** How soon a policy that became stale is told of. Milliseconds. */
const AGE_CHECK_MS = 1_000
/** Workers that die before any has ever listened: after this many the start has failed. */
const MAX_EARLY_DEATHS = 3
/** New ticket keys this often, so that no ticket opens more than two periods of traffic. Milliseconds. */
const TICKET_ROTATION_MS = 3_600_000

/** Starts everything and prints the `listening` line. @throws Error naming the field when a port cannot be used. */
export async function startSupervisor(settings: Settings, options: SupervisorOptions): Promise<Supervisor> {
  const supervisor = new RunningSupervisor(settings, options)
  await supervisor.start()
  return supervisor
}

class RunningSupervisor implements Supervisor {
  #settings: Settings
  readonly #options: SupervisorOptions
  readonly #log: Log
  readonly #pool: WorkerPool
  readonly #quotas: QuotaBook
  readonly #holds: HoldDesk
  readonly #facts = new FactBook()
  readonly #servers = new Map<number, readonly ServerState[]>()
  readonly #serversTold = new Map<string, boolean>()
  readonly #ports = new Map<number, number>()
  readonly #collected = new Map<number, { expected: number; arrays: (readonly number[])[]; done: () => void }>()
  readonly #cleanup = new AsyncDisposableStack()
  readonly #listening: PromiseWithResolvers<undefined>
  #policy: PolicySource | null = null
  #ticketKeys = randomBytes(48)
  #trustGeneration = 0
  #staleTold = false
  #everListened = false
  #earlyDeaths = 0
  #reloading = Promise.resolve()
  #nextCollect = 0
  #stopped: Promise<void> | null = null

  constructor(settings: Settings, options: SupervisorOptions) {
    this.#settings = settings
    this.#options = options
    this.#log = options.log
    this.#quotas = new QuotaBook(settings.config.limits)
    this.#listening = Promise.withResolvers<undefined>()
    const count = options.workers ?? availableParallelism()
    this.#pool = new WorkerPool(
      count,
      {
        welcome: () => ({
          op: 'start',
          settings: this.#workerSettings(),
          policy: this.#policy?.current ?? null,
          facts: this.#facts.all(options.now()),
        }),
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

  async start(): Promise<void> {
    const { config } = this.#settings
    if (config.lab)
      this.#log('problem', 'LAB-MODE', {
        warning: 'name resolution comes from "hosts"; never run like this in production',
        hosts: config.hosts,
      })
    if (config.policy.unknownDevices === 'allow')
      this.#log('problem', 'unknown-devices-allowed', { warning: 'any device that signs in gets mail' })
    this.#reportDoubts()
    await this.#startPolicy()
    const local = await startLocalListener(config.local.host, config.local.port, {
      metrics: () => this.#metrics(),
      readiness: () => this.#readiness(),
    })
    this.#cleanup.use(local)
    this.#watchConfiguration()
    const age = setInterval(() => {
      this.#reportAge()
    }, AGE_CHECK_MS)
    const rotation = setInterval(() => {
      this.#rotateTickets()
    }, TICKET_ROTATION_MS)
    this.#cleanup.defer(() => {
      clearInterval(rotation)
      clearInterval(age)
    })
    this.#pool.start()
    await this.#listening.promise
    this.#log('info', 'listening', {
      host: config.listen.host,
      port: [...this.#ports.values()][0] ?? config.listen.port,
      local: { host: config.local.host, port: local.port },
      workers: this.#pool.size,
    })
  }

  #reportDoubts(): void {
    const now = this.#options.now()
    for (const { path, message } of [...certificateDoubts(this.#settings, now), ...listDoubts(this.#settings, now)]) {
      this.#log('problem', 'certificate-warning', { path, message })
    }
  }

  // Told once each time, not with every request that is refused for it.
  #reportAge(): void {
    const stale = this.#isStale()
    if (stale && !this.#staleTold) {
      const { staleAfterSeconds } = this.#settings.config.policy
      const remedy = 'write or touch the policy file; every device is refused until then'
      this.#log('problem', 'policy-stale', { version: this.#policy?.version ?? null, staleAfterSeconds, remedy })
    }
    this.#staleTold = stale
  }

  #isStale(): boolean {
    const writtenAt = this.#policy?.current?.writtenAt
    return (
      writtenAt !== undefined &&
      this.#options.now() - writtenAt > this.#settings.config.policy.staleAfterSeconds * 1_000
    )
  }

  async #startPolicy(): Promise<void> {
    this.#policy?.[Symbol.dispose]()
    this.#policy = await startPolicySource(this.#settings.policyFile, this.#log, (policy, wiped) => {
      this.#facts.keepWipes(wiped)
      this.#pool.broadcast({ op: 'policy', policy })
    })
  }

  #watchConfiguration(): void {
    let watched = this.#settings.watched
    let watch = watchFiles(watched, () => void changed())
    const changed = async (): Promise<void> => {
      await this.reload()
      // A new watcher knows nothing of what changed while we read: only other files are worth one.
      if (watched.join('|') === this.#settings.watched.join('|')) return
      watched = this.#settings.watched
      watch[Symbol.dispose]()
      watch = watchFiles(watched, () => void changed())
    }
    this.#cleanup.defer(() => {
      watch[Symbol.dispose]()
    })
  }

  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload()) // one after the other: the last file wins
    return this.#reloading
  }

  async #reload(): Promise<void> {
    try {
      const next = await loadSettings(this.#options.configFile)
      const fixed = restartProblems(this.#settings.config, next.config)
      if (fixed.length > 0) throw new ContractError('configuration', fixed)
      const before = this.#settings
      this.#settings = next
      this.#quotas.quotas = next.config.limits
      if (lostCa(before, next)) this.#distrust()
      if (before.policyFile !== next.policyFile) await this.#startPolicy()
      else await this.#policy?.reload()
      this.#pool.broadcast({ op: 'settings', settings: this.#workerSettings() })
      this.#reportDoubts()
      this.#log('info', 'settings-applied', {})
    } catch (error) {
      const problem = error instanceof Error ? error.message : 'unreadable'
      this.#log('problem', 'settings-rejected', { problem, keeping: 'the settings as they were' })
    }
  }

  // Old tickets would bring back sessions that a CA vouched for which is no longer trusted.
  #distrust(): void {
    this.#trustGeneration += 1
    this.#ticketKeys = randomBytes(48)
  }

  #rotateTickets(): void {
    this.#ticketKeys = randomBytes(48)
    this.#pool.broadcast({ op: 'settings', settings: this.#workerSettings() })
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
        this.#facts.learn(message.fact)
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
      if (live) this.#log('info', 'server-usable', { server })
      else this.#log('problem', 'server-not-usable', { server, reason: reason ?? 'failed requests' })
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
  }

  async #metrics(): Promise<string> {
    const id = ++this.#nextCollect
    const arrays: (readonly number[])[] = []
    await new Promise<void>((resolve) => {
      this.#collected.set(id, { expected: this.#pool.size, arrays, done: resolve })
      setTimeout(resolve, COLLECT_MS).unref()
      this.#pool.broadcast({ op: 'collect', id })
    })
    this.#collected.delete(id)
    return metricsText(sumCounters(arrays), {
      workers: this.#pool.size,
      ready: this.#readiness().length === 0 ? 1 : 0,
      policy_rejected: this.#policy?.problem === null ? 0 : 1,
    })
  }

  #collect(id: number, values: readonly number[]): void {
    const scrape = this.#collected.get(id)
    if (scrape === undefined) return
    scrape.arrays.push(values)
    if (scrape.arrays.length >= scrape.expected) scrape.done()
  }

  #readiness(): string[] {
    const reasons: string[] = []
    if (this.#ports.size === 0) reasons.push('no worker is listening')
    const policy = this.#policy
    if (policy?.current == null) reasons.push(`no valid policy was read: ${policy?.problem ?? 'not started'}`)
    else if (this.#isStale()) {
      reasons.push('the policy is older than staleAfterSeconds')
    }
    const servers = [...this.#servers.values()].flat()
    if (servers.length > 0 && servers.every((server) => !server.live)) {
      reasons.push(...new Set(servers.map((s) => `server ${s.server} is not usable: ${s.reason ?? 'dead'}`)))
    }
    return reasons
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const { drainMs, holdSpreadMs } = timeouts(this.#options.speed)
    await this.#pool.stop(Math.max(drainMs, holdSpreadMs) + 1_000)
    this.#policy?.[Symbol.dispose]()
    await this.#cleanup.disposeAsync()
    this.#log('info', 'stopped', {})
  }
}

function lostCa(before: Settings, after: Settings): boolean {
  const kept = new Set(after.deviceCas.map((file) => file.pem))
  return before.deviceCas.some((file) => !kept.has(file.pem))
}
