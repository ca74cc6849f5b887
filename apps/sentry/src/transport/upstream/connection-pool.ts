/**
 * Idle connections by server and affinity, the last used first: those at the other end age out, so a burst leaves no
 * more open than are needed.
 * @module
 */
import { performance } from 'node:perf_hooks'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Idle connections of all pools together; pools with an affinity are as many as there are users. */
const MAX_IDLE_TOTAL = 1_024

/** Both above 0. `idleMs` must be less than what the servers keep an idle connection for. */
export interface PoolLimits {
  readonly maxIdlePerPool: number
  readonly idleMs: number
}

/** Owns what is idle in it, and nothing else. */
export class ConnectionPool {
  readonly #limits: PoolLimits
  readonly #idle = new Map<string, UpstreamConnection[]>()
  readonly #sweep: NodeJS.Timeout
  #size = 0

  constructor(limits: PoolLimits) {
    this.#limits = limits
    this.#sweep = setInterval(() => this.#closeOld(), Math.max(1, Math.ceil(limits.idleMs / 4)))
    this.#sweep.unref()
  }

  get size(): number {
    return this.#size
  }

  /** The most recently used one that can still take a request, or null. */
  take(key: string): UpstreamConnection | null {
    const list = this.#idle.get(key)
    if (list === undefined) return null
    for (let connection = list.pop(); connection !== undefined; connection = list.pop()) {
      this.#size--
      if (list.length === 0) this.#idle.delete(key)
      if (connection.usable && performance.now() - connection.idleSince < this.#limits.idleMs) return connection
      connection.destroy()
    }
    return null
  }

  /** Closes the connection when there are enough. */
  put(connection: UpstreamConnection): void {
    const list = this.#idle.get(connection.poolKey)
    if (this.#size >= MAX_IDLE_TOTAL || (list?.length ?? 0) >= this.#limits.maxIdlePerPool) return connection.destroy()
    connection.idleSince = performance.now()
    this.#size++
    if (list === undefined) this.#idle.set(connection.poolKey, [connection])
    else list.push(connection)
  }

  /** A connection is gone; harmless when it was not idle. */
  remove(connection: UpstreamConnection): void {
    const list = this.#idle.get(connection.poolKey)
    const at = list?.indexOf(connection) ?? -1
    if (list === undefined || at === -1) return
    list.splice(at, 1)
    this.#size--
    if (list.length === 0) this.#idle.delete(connection.poolKey)
  }

  /** For good; what is put afterwards stays open and is the caller's. */
  close(): void {
    clearInterval(this.#sweep)
    this.#closeBefore(Number.POSITIVE_INFINITY)
  }

  #closeOld(): void {
    this.#closeBefore(performance.now() - this.#limits.idleMs)
  }

  #closeBefore(moment: number): void {
    for (const [key, list] of this.#idle) {
      const fresh = list.findIndex((connection) => connection.idleSince > moment)
      const old = fresh === -1 ? list.splice(0) : list.splice(0, fresh)
      this.#size -= old.length
      if (list.length === 0) this.#idle.delete(key)
      for (const connection of old) connection.destroy()
    }
  }
}
