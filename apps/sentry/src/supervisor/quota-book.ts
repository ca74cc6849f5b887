/**
 * Limits that hold across all workers: connections, request rates, held requests. Pure bookkeeping; no clock of its own.
 * @module
 */

/** Who holds what: worker number and the worker's own number for the thing. */
type Owner = `${number}:${number}`

/** The limits of the configuration. */
export interface Quotas {
  readonly connectionsPerCertificate: number
  readonly unauthenticatedConnectionsPerAddress: number
  readonly oauthRequestsPerSecondPerAddress: number
  readonly heldPerDevice: number
  readonly heldPerUser: number
}

interface Hold {
  readonly worker: number
  readonly hold: number
  readonly device: string
  readonly user: string | null
}

/** Addresses and certificates remembered for their rate at most; beyond it the oldest is forgotten. */
const MAX_RATE_KEYS = 100_000

/** Counts by address, certificate, device and user. The limits may change at any time. */
export class QuotaBook {
  quotas: Quotas
  readonly #connections = new Map<Owner, string>()
  readonly #counts = new Map<string, number>()
  readonly #rates = new Map<string, { tokens: number; at: number }>()
  readonly #holds = new Map<Owner, Hold>()
  readonly #holdsByKey = new Map<string, Map<Owner, Hold>>()

  constructor(quotas: Quotas) {
    this.quotas = quotas
  }

  /** A connection that has shown nothing yet counts for its address. False: over the limit, not counted. */
  openConnection(worker: number, connection: number, address: string): boolean {
    return this.#count(
      `${worker}:${connection}`,
      `address ${address}`,
      this.quotas.unauthenticatedConnectionsPerAddress,
    )
  }

  /** A good certificate takes the connection off its address (thousands share one behind a NAT). */
  certifyConnection(worker: number, connection: number, fingerprint: string): boolean {
    this.closeConnection(worker, connection)
    return this.#count(`${worker}:${connection}`, `certificate ${fingerprint}`, this.quotas.connectionsPerCertificate)
  }

  closeConnection(worker: number, connection: number): void {
    const owner: Owner = `${worker}:${connection}`
    const key = this.#connections.get(owner)
    if (key === undefined) return
    this.#connections.delete(owner)
    const left = (this.#counts.get(key) ?? 1) - 1
    if (left === 0) this.#counts.delete(key)
    else this.#counts.set(key, left)
  }

  #count(owner: Owner, key: string, limit: number): boolean {
    const count = this.#counts.get(key) ?? 0
    if (count >= limit) return false
    this.#counts.set(key, count + 1)
    this.#connections.set(owner, key)
    return true
  }

  /** A token bucket of one second's worth for an address or certificate. `now` in milliseconds. */
  takeRate(key: string, now: number): boolean {
    const limit = this.quotas.oauthRequestsPerSecondPerAddress
    const bucket = this.#rates.get(key) ?? { tokens: limit, at: now }
    const passedMs = Math.max(0, now - bucket.at) // a clock that is set back must not lock anybody out
    const tokens = Math.min(limit, bucket.tokens + (passedMs / 1_000) * limit)
    this.#rates.delete(key) // and set again: the map stays in order of use
    this.#rates.set(key, { tokens: tokens < 1 ? tokens : tokens - 1, at: now })
    if (this.#rates.size > MAX_RATE_KEYS) {
      const [oldest] = this.#rates.keys()
      if (oldest !== undefined) this.#rates.delete(oldest)
    }
    return tokens >= 1
  }

  /** Books a held request; the older ones that must end for it are returned, oldest first, and are booked no more. */
  hold(worker: number, hold: number, device: string, user: string | null): readonly { worker: number; hold: number }[] {
    const evicted: Hold[] = []
    this.#evict(`device ${device}`, this.quotas.heldPerDevice - 1, evicted)
    if (user !== null) this.#evict(`user ${user}`, this.quotas.heldPerUser - 1, evicted)
    const booked = { worker, hold, device, user }
    this.#holds.set(`${worker}:${hold}`, booked)
    for (const key of keysOf(booked)) {
      const held = this.#holdsByKey.get(key) ?? new Map<Owner, Hold>()
      held.set(`${worker}:${hold}`, booked)
      this.#holdsByKey.set(key, held)
    }
    return evicted
  }

  #evict(key: string, keep: number, into: Hold[]): void {
    const held = [...(this.#holdsByKey.get(key)?.values() ?? [])] // in order of booking: oldest first
    for (const old of held.slice(0, Math.max(0, held.length - keep))) {
      this.release(old.worker, old.hold)
      into.push(old)
    }
  }

  release(worker: number, hold: number): void {
    const owner: Owner = `${worker}:${hold}`
    const booked = this.#holds.get(owner)
    if (booked === undefined) return
    this.#holds.delete(owner)
    for (const key of keysOf(booked)) {
      const held = this.#holdsByKey.get(key)
      held?.delete(owner)
      if (held?.size === 0) this.#holdsByKey.delete(key)
    }
  }

  /** A worker that died holds nothing any more. */
  forgetWorker(worker: number): void {
    const prefix = `${worker}:`
    for (const owner of [...this.#connections.keys()]) {
      if (owner.startsWith(prefix)) this.closeConnection(worker, Number(owner.slice(prefix.length)))
    }
    for (const { hold, worker: of } of [...this.#holds.values()]) if (of === worker) this.release(worker, hold)
  }
}

function keysOf(hold: Hold): string[] {
  return hold.user === null ? [`device ${hold.device}`] : [`device ${hold.device}`, `user ${hold.user}`]
}
