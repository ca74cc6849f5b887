/**
 * A Sentry that works by a configuration file and a policy file: both are watched and read again when they change.
 * @module
 */
import { ContractError } from '@postern/contract/problems'
import { watchFiles } from '@postern/runtime/watch-file'
import type { Log } from '../config/log.ts'
import { loadSettings, restartProblems, type Settings } from '../config/settings.ts'
import { startLocalListener } from './local-listener.ts'
import { metricsText } from './metrics-text.ts'
import { type PolicySource, startPolicySource } from './policy-source.ts'
import { tellOfSettings } from './settings-notes.ts'
import { WorkerHost, type WorkerHostOptions } from './worker-host.ts'

/** How a Sentry is started. `configFile` is what a reload reads again. */
export interface SupervisorOptions extends WorkerHostOptions {
  readonly configFile: string
}

/** A running Sentry. Disposing it drains and stops. */
export interface Supervisor extends AsyncDisposable {
  reload(): Promise<void>
}

/** Workers get this long to answer a scrape. Milliseconds. */
const COLLECT_MS = 1_000
/** How soon a policy that became stale is told of. Milliseconds. */
const AGE_CHECK_MS = 1_000
/** New ticket keys this often, so that no ticket opens more than two periods of traffic. Milliseconds. */
const TICKET_ROTATION_MS = 3_600_000

/** Starts everything and prints the `listening` line. @throws Error naming the field when a port cannot be used. */
export async function startSupervisor(settings: Settings, options: SupervisorOptions): Promise<Supervisor> {
  const supervisor = new RunningSupervisor(settings, options)
  await supervisor.start()
  return supervisor
}

class RunningSupervisor implements Supervisor {
  readonly #options: SupervisorOptions
  readonly #log: Log
  readonly #host: WorkerHost
  readonly #cleanup = new AsyncDisposableStack()
  #policy: PolicySource | null = null
  #staleTold = false
  #reloading = Promise.resolve()
  #stopped: Promise<void> | null = null

  constructor(settings: Settings, options: SupervisorOptions) {
    this.#options = options
    this.#log = options.log
    this.#host = new WorkerHost(settings, options, {
      policy: () => this.#policy?.current ?? null,
      postureFollows: false,
      welcomed: () => undefined,
      applied: () => undefined,
      gone: () => undefined,
      seen: () => undefined, // there is nobody to tell
    })
  }

  async start(): Promise<void> {
    const { config } = this.#host.settings
    tellOfSettings(this.#host.settings, this.#options.now(), this.#log, null)
    await this.#startPolicy()
    const local = await startLocalListener(config.local.host, config.local.port, {
      metrics: () => this.#metrics(),
      readiness: () => this.#readiness(),
      notes: () => [],
    })
    this.#cleanup.use(local)
    this.#watchConfiguration()
    const age = setInterval(() => {
      this.#reportAge()
    }, AGE_CHECK_MS)
    const rotation = setInterval(() => {
      this.#host.rotateTickets()
    }, TICKET_ROTATION_MS)
    this.#cleanup.defer(() => {
      clearInterval(rotation)
      clearInterval(age)
    })
    await this.#host.listen(local.port)
  }

  // Told once each time, not with every request that is refused for it.
  #reportAge(): void {
    const stale = this.#isStale()
    if (stale && !this.#staleTold) {
      const { staleAfterSeconds } = this.#host.settings.config.policy
      const remedy = 'write or touch the policy file; every device is refused until then'
      this.#log('problem', 'policy-stale', { version: this.#policy?.version ?? null, staleAfterSeconds, remedy })
    }
    this.#staleTold = stale
  }

  #isStale(): boolean {
    const writtenAt = this.#policy?.current?.writtenAt
    const { staleAfterSeconds } = this.#host.settings.config.policy
    return writtenAt !== undefined && this.#options.now() - writtenAt > staleAfterSeconds * 1_000
  }

  async #startPolicy(): Promise<void> {
    this.#policy?.[Symbol.dispose]()
    this.#policy = await startPolicySource(this.#host.settings.policyFile, this.#log, (policy, wiped) => {
      this.#host.facts.keepWipes((device) => wiped.has(device))
      this.#host.broadcast({ op: 'policy', policy })
    })
  }

  #watchConfiguration(): void {
    let { watched } = this.#host.settings
    let watch = watchFiles(watched, () => void changed())
    const changed = async (): Promise<void> => {
      await this.reload()
      // A new watcher knows nothing of what changed while we read: only other files are worth one.
      const next = this.#host.settings.watched
      if (watched.join('|') === next.join('|')) return
      watched = next
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
      const before = this.#host.settings
      const next = await loadSettings(this.#options.configFile)
      const fixed = restartProblems(before.config, next.config)
      if (fixed.length > 0) throw new ContractError('configuration', fixed)
      this.#host.apply(next)
      if (before.policyFile !== next.policyFile) await this.#startPolicy()
      else await this.#policy?.reload()
      tellOfSettings(next, this.#options.now(), this.#log, before)
      this.#log('info', 'settings-applied', {})
    } catch (error) {
      const problem = error instanceof Error ? error.message : 'unreadable'
      this.#log('problem', 'settings-rejected', { problem, keeping: 'the settings as they were' })
    }
  }

  async #metrics(): Promise<string> {
    return metricsText(await this.#host.counters(COLLECT_MS), {
      workers: this.#host.size,
      ready: this.#readiness().length === 0 ? 1 : 0,
      policy_rejected: this.#policy?.problem === null ? 0 : 1,
    })
  }

  #readiness(): string[] {
    const policy = this.#policy
    if (policy?.current == null) {
      return [...this.#host.notReady(), `no valid policy was read: ${policy?.problem ?? 'not started'}`]
    }
    return this.#isStale()
      ? [...this.#host.notReady(), 'the policy is older than staleAfterSeconds']
      : this.#host.notReady()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    await this.#host.stop()
    this.#policy?.[Symbol.dispose]()
    await this.#cleanup.disposeAsync()
    this.#log('info', 'stopped', {})
  }
}
