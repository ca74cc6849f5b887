/**
 * Which of several servers gets a request, and which is left out for a while.
 *
 * What counts (the caller reports it; `outcomeOf` decides): no connection, no TLS, a timeout, a reset, an answer that is
 * no HTTP, and the answers of a balancer that has nothing behind it (502, 504, and 503 without Retry-After). Every
 * other answer is the server's own and is a success, a 503 with Retry-After too: that one throttles one device.
 * A success forgets the failures before it. One broken mailbox among many good ones therefore never takes a server out,
 * while a server that is really gone produces nothing but failures.
 *
 * Pure but for the clock that it is given; one group for each process, told by each request.
 * @module
 */
import type { UpstreamFailure } from '../transport/upstream/upstream-error.ts'
import type { UpstreamTarget } from '../transport/upstream/upstream-types.ts'

/** `priority`: the first that lives. `roundRobin`: each in turn. */
export type Scheduling = 'priority' | 'roundRobin'

/** When a server counts as dead and when no more. */
export interface ServerRules {
  /** Failures within the window, without a success between them. 1 or more; default 3. */
  readonly deadThreshold: number
  /** Milliseconds; default 30 000. Failed probes count without a window: they come once in 30 s. */
  readonly failureWindowMs: number
  /** Milliseconds that a dead server is left out; default 60 000. Afterwards one failure is enough to be dead again. */
  readonly deadMs: number
  /** Good probes in a row that end the dead time early. 1 or more; default 2. */
  readonly liveThreshold: number
}

/** A server as it stands. `since` is a value of the group's clock; `failures` those that count at present. */
export interface ServerState {
  readonly target: UpstreamTarget
  readonly state: 'live' | 'dead'
  readonly since: number
  readonly failures: number
}

/** Fixed servers with changing states. Targets that are not of the group are ignored: redirects lead to others. */
export interface ServerGroup {
  /** All of them in the order in which to try: living ones by the scheduling, then dead ones, so that one is tried. */
  order(): UpstreamTarget[]
  succeeded(target: UpstreamTarget): void
  failed(target: UpstreamTarget): void
  /** The result of an active check. */
  probed(target: UpstreamTarget, ok: boolean): void
  states(): ServerState[]
}

/** What a request says about the server that it was sent to. */
export type ServerOutcome = 'succeeded' | 'failed' | 'neither'

/** See the head of this file. `neither` is what our own side did. */
export function outcomeOf(
  result: { readonly status: number; readonly hasRetryAfter: boolean } | { readonly failure: UpstreamFailure },
): ServerOutcome {
  if ('failure' in result) return FAILURE_OUTCOMES[result.failure]
  const { status, hasRetryAfter } = result
  return status === 502 || status === 504 || (status === 503 && !hasRetryAfter) ? 'failed' : 'succeeded'
}

const FAILURE_OUTCOMES = {
  UPSTREAM_UNREACHABLE: 'failed',
  UPSTREAM_TLS: 'failed',
  UPSTREAM_TIMEOUT: 'failed',
  UPSTREAM_RESET: 'failed',
  UPSTREAM_MALFORMED: 'failed',
  UPSTREAM_ABORTED: 'neither',
  REQUEST_BODY_FAILED: 'neither',
} as const satisfies Record<UpstreamFailure, ServerOutcome>

/**
 * @param options.now milliseconds, never going back
 * @throws TypeError without a server
 */
export function createServerGroup(options: {
  readonly servers: readonly UpstreamTarget[]
  readonly scheduling: Scheduling
  readonly rules: ServerRules
  readonly now: () => number
}): ServerGroup {
  if (options.servers.length === 0) throw new TypeError('a server group has at least one server')
  const members = options.servers.map((target) => new Member(target, options.rules, options.now()))
  const { now, scheduling } = options
  const memberOf = (target: UpstreamTarget): Member | undefined =>
    members.find((member) => member.target.host === target.host && member.target.port === target.port)
  let turn = 0
  return {
    order: () => {
      const moment = now()
      const live = members.filter((member) => member.isLive(moment))
      const dead = members.filter((member) => !live.includes(member))
      const first = scheduling === 'roundRobin' && live.length > 0 ? turn++ % live.length : 0
      return [...live.slice(first), ...live.slice(0, first), ...dead].map((member) => member.target)
    },
    succeeded: (target) => memberOf(target)?.succeeded(now()),
    failed: (target) => memberOf(target)?.failed(now()),
    probed: (target, ok) => memberOf(target)?.probed(ok, now()),
    states: () => members.map((member) => member.state(now())),
  }
}

class Member {
  readonly target: UpstreamTarget
  readonly #rules: ServerRules
  #since: number
  /** Null: live. Else the end of the dead time; from then on it is tried again. */
  #deadUntil: number | null = null
  #failures: number[] = []
  #goodProbes = 0
  #badProbes = 0

  constructor(target: UpstreamTarget, rules: ServerRules, now: number) {
    this.target = target
    this.#rules = rules
    this.#since = now
  }

  isLive(now: number): boolean {
    return this.#deadUntil === null || now >= this.#deadUntil
  }

  state(now: number): ServerState {
    const state = this.isLive(now) ? 'live' : 'dead'
    const since = state === 'live' && this.#deadUntil !== null ? this.#deadUntil : this.#since
    return { target: this.target, state, since, failures: this.#recent(now).length }
  }

  succeeded(now: number): void {
    this.#failures = []
    this.#badProbes = 0
    if (this.#deadUntil !== null) this.#revive(now)
  }

  failed(now: number): void {
    this.#failures = [...this.#recent(now), now].slice(-this.#rules.deadThreshold)
    this.#goodProbes = 0
    if (this.#deadUntil === null) {
      if (this.#failures.length >= this.#rules.deadThreshold) this.#die(now)
    } else if (now >= this.#deadUntil) this.#die(now)
  }

  probed(ok: boolean, now: number): void {
    if (ok) return this.#goodProbe(now)
    this.#goodProbes = 0
    this.#badProbes++
    if (this.#deadUntil !== null) this.#deadUntil = now + this.#rules.deadMs
    else if (this.#badProbes >= this.#rules.deadThreshold) this.#die(now)
  }

  /** It shows that the server can be reached, not that it serves: failures of requests stay counted while it lives. */
  #goodProbe(now: number): void {
    this.#badProbes = 0
    this.#goodProbes++
    if (this.#deadUntil !== null && this.#goodProbes >= this.#rules.liveThreshold) this.#revive(now)
  }

  #die(now: number): void {
    if (this.isLive(now)) this.#since = now
    this.#deadUntil = now + this.#rules.deadMs
    this.#goodProbes = 0
  }

  #revive(now: number): void {
    this.#since = now
    this.#deadUntil = null
    this.#failures = []
    this.#goodProbes = 0
  }

  #recent(now: number): number[] {
    return this.#failures.filter((moment) => now - moment < this.#rules.failureWindowMs)
  }
}
