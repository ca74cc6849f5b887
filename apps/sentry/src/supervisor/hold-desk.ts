/**
 * Grants held requests. The newest wins; it is granted only when those it displaces have left the server (A17).
 * @module
 */
import type { QuotaBook } from './quota-book.ts'

/** A worker that does not confirm an eviction does not hold the newcomer up for longer. Milliseconds. */
const EVICTION_MS = 1_000

/** Waits for evicted requests before it grants a new one. */
export class HoldDesk {
  readonly #book: QuotaBook
  readonly #evict: (worker: number, hold: number) => void
  readonly #leaving = new Map<string, () => void>()

  constructor(book: QuotaBook, evict: (worker: number, hold: number) => void) {
    this.#book = book
    this.#evict = evict
  }

  async acquire(worker: number, hold: number, device: string, user: string | null): Promise<void> {
    const evicted = this.#book.hold(worker, hold, device, user)
    await Promise.all(evicted.map((old) => this.#leave(old.worker, old.hold)))
  }

  released(worker: number, hold: number): void {
    this.#book.release(worker, hold)
    this.#leaving.get(`${worker}:${hold}`)?.()
  }

  forgetWorker(worker: number): void {
    this.#book.forgetWorker(worker)
    for (const [key, left] of this.#leaving) if (key.startsWith(`${worker}:`)) left()
  }

  #leave(worker: number, hold: number): Promise<void> {
    const key = `${worker}:${hold}`
    return new Promise((resolve) => {
      const left = (): void => {
        clearTimeout(late)
        this.#leaving.delete(key)
        resolve()
      }
      const late = setTimeout(left, EVICTION_MS)
      this.#leaving.set(key, left)
      this.#evict(worker, hold)
    })
  }
}
