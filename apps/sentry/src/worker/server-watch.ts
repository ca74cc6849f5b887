/**
 * What a worker knows of its mail servers: probes, failed requests, and what of it the supervisor was told.
 * @module
 */
import type { Runtime } from '../config/runtime.ts'
import type { ServerState } from '../coordination/messages.ts'
import { startHealthCheck } from '../servers/health-check.ts'
import { UpstreamError } from '../transport/upstream/upstream-error.ts'

/** One for each worker; it follows the runtime that it is given. */
export class ServerWatch implements Disposable {
  readonly #tell: (states: readonly ServerState[]) => void
  /** What the last probe of each server said; null when it was good. */
  readonly #probes = new Map<string, string | null>()
  #runtime: Runtime
  #health: Disposable | null
  #told = ''

  constructor(runtime: Runtime, tell: (states: readonly ServerState[]) => void) {
    this.#runtime = runtime
    this.#tell = tell
    this.#health = this.#start()
  }

  /** Probes the servers of another runtime from now on; those of before are forgotten. */
  follow(runtime: Runtime): void {
    this.#health?.[Symbol.dispose]()
    this.#probes.clear()
    this.#runtime = runtime
    this.#health = this.#start()
  }

  /** Tells when something changed since. */
  report(): void {
    const states = this.#runtime.servers.states().map(({ target, state }) => {
      const server = `${target.host}:${target.port}`
      const problem = this.#probes.get(server) ?? null
      return { server, live: state === 'live' && problem === null, reason: problem }
    })
    const report = JSON.stringify(states)
    if (report === this.#told) return
    this.#told = report
    this.#tell(states)
  }

  [Symbol.dispose](): void {
    this.#health?.[Symbol.dispose]()
  }

  #start(): Disposable | null {
    const { serverClient, servers, timeouts, config } = this.#runtime
    const { enabled, intervalSeconds } = config.activeSync.health.healthCheck
    if (!enabled) return null
    return startHealthCheck({
      group: servers,
      probe: (target, timeoutMs) => serverClient.probe(target, timeoutMs),
      intervalMs: intervalSeconds * 1_000,
      timeoutMs: timeouts.connectMs,
      onResult: ({ target, error }) => {
        const code = error === null ? null : error instanceof UpstreamError ? error.code : error.name
        this.#probes.set(`${target.host}:${target.port}`, code)
        this.report()
      },
    })
  }
}
