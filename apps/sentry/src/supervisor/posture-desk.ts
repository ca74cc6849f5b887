/**
 * Hands the posture to the workers: whole to one that starts, changes to all, and knows how far every worker has come.
 * @module
 */
import type { FeedMessage } from '@postern/contract/feed/feed-messages'
import type { PostureMessage } from '../coordination/messages.ts'
import type { PostureStore } from './posture-store.ts'

/** The way to the workers. */
export interface PosturePipe {
  broadcast(message: PostureMessage): void
  /** Resolves when the worker's pipe has taken it. */
  deliver(worker: number, message: PostureMessage): Promise<void>
}

interface Progress {
  /** Which whole posture it was sent last. */
  readonly load: number
  /** Sequence number of what it decides from; null until that posture has arrived. */
  version: number | null
}

/** One for each registered Sentry. */
export class PostureDesk {
  readonly #store: PostureStore
  readonly #pipe: PosturePipe
  readonly #workers = new Map<number, Progress>()
  /** When Core was last heard, ms since 1970. */
  #confirmedAt: number
  #loads = 0

  constructor(store: PostureStore, pipe: PosturePipe, confirmedAt: number) {
    this.#store = store
    this.#pipe = pipe
    this.#confirmedAt = confirmedAt
  }

  /** Sequence number that every worker decides from; null while one has none. */
  get applied(): number | null {
    const versions = [...this.#workers.values()].map(({ version }) => version)
    if (versions.length === 0 || versions.includes(null)) return null
    return Math.min(...versions.map((version) => version ?? 0))
  }

  /** Sends the whole posture to one worker; a newer one for the same worker ends it. */
  async send(worker: number): Promise<void> {
    const load = ++this.#loads
    this.#workers.set(worker, { load, version: null })
    if (this.#seq() === null) return
    await this.#pipe.deliver(worker, { op: 'posture-begin', load })
    for (const entries of this.#store.pieces()) {
      if (this.#workers.get(worker)?.load !== load) return
      await this.#pipe.deliver(worker, { op: 'posture-entries', entries })
    }
    // No pause between the last look and the end: a change after it finds the worker with this posture in use.
    const version = this.#seq()
    if (version === null || this.#workers.get(worker)?.load !== load) return
    await this.#pipe.deliver(worker, { op: 'posture-end', version, writtenAt: this.#confirmedAt })
  }

  #seq(): number | null {
    return this.#store.position?.seq ?? null
  }

  /** The whole posture is another one. */
  sendToAll(): void {
    for (const worker of this.#workers.keys()) void this.send(worker)
  }

  delta({ seq, entries }: FeedMessage & { type: 'delta' }, confirmedAt: number): void {
    this.#confirmedAt = confirmedAt
    this.#pipe.broadcast({ op: 'posture-delta', version: seq, writtenAt: confirmedAt, entries })
  }

  confirmed(confirmedAt: number): void {
    this.#confirmedAt = confirmedAt
    this.#pipe.broadcast({ op: 'posture-confirmed', writtenAt: confirmedAt })
  }

  progressed(worker: number, load: number, version: number): void {
    const progress = this.#workers.get(worker)
    if (progress?.load === load) progress.version = version
  }

  gone(worker: number): void {
    this.#workers.delete(worker)
  }
}
