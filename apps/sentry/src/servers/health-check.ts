/**
 * Active checks of the servers: a TLS handshake with verification and nothing more, because a request without
 * Authorization must never reach them (2.2). The first round runs at once and is the self-test of start-up (T59).
 * @module
 */
import type { UpstreamTarget } from '../transport/upstream/upstream-types.ts'
import type { ServerGroup } from './server-group.ts'

/** One server in one round; `error` is null when the check was good. */
export interface HealthResult {
  readonly target: UpstreamTarget
  readonly error: Error | null
}

/** What a health check needs. */
export interface HealthCheckOptions {
  readonly group: Pick<ServerGroup, 'states' | 'probed'>
  /** Rejects when the server is not good; the client's `probe`. */
  readonly probe: (target: UpstreamTarget, timeoutMs: number) => Promise<void>
  /** Milliseconds between the beginnings of two rounds; default of the product 30 000. A round is never overtaken. */
  readonly intervalMs: number
  /** Milliseconds for one handshake; default of the product 10 000. */
  readonly timeoutMs: number
  /** For events; called after the group was told. */
  readonly onResult?: (result: HealthResult) => void
}

/** Disposing stops it; a probe under way ends by its own timeout and is not reported any more. */
export interface HealthCheck extends Disposable {
  /** Never rejects. */
  readonly firstRound: Promise<readonly HealthResult[]>
}

/** Its timer keeps no process alive. */
export function startHealthCheck(options: HealthCheckOptions): HealthCheck {
  let stopped = false
  let running = false
  const check = async (target: UpstreamTarget): Promise<HealthResult> => {
    const error = await options.probe(target, options.timeoutMs).then(
      () => null,
      (cause: unknown) => (cause instanceof Error ? cause : new Error('the probe failed', { cause })),
    )
    const result = { target, error }
    if (stopped) return result
    options.group.probed(target, error === null)
    options.onResult?.(result)
    return result
  }
  const round = async (): Promise<readonly HealthResult[]> => {
    running = true
    try {
      return await Promise.all(options.group.states().map(({ target }) => check(target)))
    } finally {
      running = false
    }
  }
  const timer = setInterval(() => {
    if (!running) void round()
  }, options.intervalMs)
  timer.unref()
  return {
    firstRound: round(),
    [Symbol.dispose]: () => {
      stopped = true
      clearInterval(timer)
    },
  }
}
