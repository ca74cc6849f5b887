/**
 * The worker's line to its supervisor: questions with an answer, and what all workers must know.
 * @module
 */
import { FactBook } from './fact-book.ts'
import type { Ask, Fact, FromWorker } from './messages.ts'

/** A request that holds a place among the held ones. `release` is idempotent. */
export interface Hold {
  release(): void
}

/** One for each worker. */
export class Coordinator {
  readonly facts = new FactBook()
  readonly #send: (message: FromWorker) => void
  readonly #waiting = new Map<number, (value: boolean) => void>()
  readonly #holds = new Map<number, () => void>()
  #nextId = 0

  constructor(send: (message: FromWorker) => void) {
    this.#send = send
  }

  /** Counts a connection for its address. False: it is over the limit. */
  connection(connection: number, address: string): Promise<boolean> {
    return this.#ask({ op: 'connection', connection, address })
  }

  /** Counts a connection for its certificate instead. False: it is over the limit. */
  certificate(connection: number, fingerprint: string): Promise<boolean> {
    return this.#ask({ op: 'certificate', connection, fingerprint })
  }

  closed(connection: number): void {
    this.#send({ op: 'closed', connection })
  }

  /** One OAuth request of an address or certificate. False: too many this second. */
  rate(key: string): Promise<boolean> {
    return this.#ask({ op: 'rate', key })
  }

  /** Books a held request; resolves when it may go on. `evicted` is called when a newer one takes its place. */
  async hold(device: string, user: string | null, evicted: () => void): Promise<Hold> {
    const hold = ++this.#nextId
    this.#holds.set(hold, evicted)
    await this.#ask({ op: 'hold', hold, device, user })
    return {
      release: () => {
        if (this.#holds.delete(hold)) this.#send({ op: 'released', hold })
      },
    }
  }

  /** Tells all workers, this one included. */
  learn(fact: Fact): void {
    this.facts.learn(fact)
    this.#send({ op: 'fact', fact })
  }

  answered(id: number, value: boolean): void {
    this.#waiting.get(id)?.(value)
    this.#waiting.delete(id)
  }

  evict(hold: number): void {
    const evicted = this.#holds.get(hold)
    this.#holds.delete(hold)
    evicted?.()
    this.#send({ op: 'released', hold })
  }

  #ask(ask: Ask): Promise<boolean> {
    const id = ++this.#nextId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#send({ op: 'ask', id, ask })
    })
  }
}
