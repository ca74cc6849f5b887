/**
 * What workers have learned and a new worker must know: redirects, the servers' versions, wipe conversations.
 * @module
 */
import type { Fact } from './messages.ts'

/** Redirects kept at most; beyond it the oldest is forgotten, and learned again at the price of one 451. */
const MAX_REDIRECTS = 200_000

/** The latest fact of each kind and key. Supervisor and workers hold equal books. */
export class FactBook {
  readonly #redirects = new Map<string, Fact & { kind: 'redirect' }>()
  readonly #wipes = new Map<string, Fact & { kind: 'wipe' }>()
  #versions: (Fact & { kind: 'versions' }) | null = null

  learn(fact: Fact): void {
    switch (fact.kind) {
      case 'redirect':
        this.#redirects.delete(fact.user)
        this.#redirects.set(fact.user, fact)
        if (this.#redirects.size > MAX_REDIRECTS) {
          const [oldest] = this.#redirects.keys()
          if (oldest !== undefined) this.#redirects.delete(oldest)
        }
        return
      case 'versions':
        this.#versions = fact
        return
      case 'wipe':
        this.#wipes.set(fact.device, fact)
        return
      default:
        fact satisfies never
    }
  }

  /** Where a user's mailbox was last sent to, unless that is too long ago. */
  redirectOf(user: string, now: number): { host: string; port: number } | null {
    const fact = this.#redirects.get(user)
    return fact === undefined || fact.until < now ? null : { host: fact.host, port: fact.port }
  }

  get versions(): { versions: string; commands: string } | null {
    return this.#versions
  }

  wipeOf(device: string): (Fact & { kind: 'wipe' })['state'] {
    return this.#wipes.get(device)?.state ?? { phase: 'pending' }
  }

  /** Forgets conversations of devices that are no longer to be wiped: a later wipe starts anew. */
  keepWipes(isToBeWiped: (device: string) => boolean): void {
    for (const device of [...this.#wipes.keys()]) if (!isToBeWiped(device)) this.#wipes.delete(device)
  }

  /** Everything still true. */
  all(now: number): Fact[] {
    const redirects = [...this.#redirects.values()].filter((fact) => fact.until > now)
    return [...redirects, ...this.#wipes.values(), ...(this.#versions === null ? [] : [this.#versions])]
  }
}
