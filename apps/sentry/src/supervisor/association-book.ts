/**
 * Whom all workers saw, until Core has been told (product description 5.3). Bounded: the longest unseen are forgotten.
 * @module
 */
import { type AssociationReport, MAX_ASSOCIATIONS } from '@postern/contract/feed/gateway-report'
import type { SeenDevice } from '../pipeline/seen-devices.ts'

/** Users × mail clients that are kept. */
const MAX_KEYS = 50_000
/** `lastSeen` alone is told this often. Milliseconds. */
const REFRESH_MS = 60_000
/** Associations in one report; the rest of it is small. Bytes. */
const MAX_BATCH_BYTES = 1_500_000

interface Entry {
  report: AssociationReport
  /** Grows with every change, so that what changed while it was on its way is told again. */
  revision: number
  toldAt: number
}

/** What one report takes along. */
export interface AssociationBatch {
  readonly associations: readonly AssociationReport[]
  /** More is waiting than fits. */
  readonly more: boolean
  /** Core has them. @param now ms since 1970 */
  delivered(now: number): void
}

/** One for each registered Sentry. `requests` and `firstSeen` count from the start of this process. */
export class AssociationBook {
  readonly #maxKeys: number
  /** Longest unseen first. */
  readonly #entries = new Map<string, Entry>()
  readonly #changed = new Set<string>()
  readonly #refreshed = new Set<string>()
  #dropped = 0

  constructor(maxKeys = MAX_KEYS) {
    this.#maxKeys = maxKeys
  }

  /** Forgotten before Core had them. */
  get dropped(): number {
    return this.#dropped
  }

  /** True: somebody new was seen, or something else was decided than before, and Core should hear of it soon. */
  note(seen: readonly SeenDevice[]): boolean {
    let soon = false
    for (const { key, report } of seen) {
      const known = this.#entries.get(key)
      const isNews = known === undefined || differs(known.report, report)
      this.#entries.delete(key)
      this.#entries.set(key, {
        report: known === undefined ? report : merged(known.report, report),
        revision: (known?.revision ?? 0) + 1,
        toldAt: known?.toldAt ?? 0,
      })
      if (isNews) this.#changed.add(key)
      else this.#refreshed.add(key)
      soon ||= isNews
    }
    this.#forgetOldest()
    return soon
  }

  /** What Core has not heard yet. Until it is delivered, the next call gives it again. @param now ms since 1970 */
  take(now: number): AssociationBatch {
    for (const key of this.#refreshed) {
      if (now - (this.#entries.get(key)?.toldAt ?? 0) < REFRESH_MS) continue
      this.#refreshed.delete(key)
      this.#changed.add(key)
    }
    const taken = new Map<string, number>()
    const associations: AssociationReport[] = []
    let bytes = 0
    for (const key of this.#changed) {
      const entry = this.#entries.get(key)
      if (entry === undefined) continue
      bytes += Buffer.byteLength(JSON.stringify(entry.report))
      if (associations.length >= MAX_ASSOCIATIONS || (bytes > MAX_BATCH_BYTES && associations.length > 0)) break
      associations.push(entry.report)
      taken.set(key, entry.revision)
    }
    return {
      associations,
      more: taken.size < this.#changed.size,
      delivered: (at) => {
        this.#told(taken, at)
      },
    }
  }

  #told(taken: ReadonlyMap<string, number>, now: number): void {
    for (const [key, revision] of taken) {
      const entry = this.#entries.get(key)
      if (entry === undefined) continue
      entry.toldAt = now
      if (entry.revision === revision) this.#changed.delete(key)
    }
  }

  #forgetOldest(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxKeys) return
      this.#entries.delete(key)
      this.#refreshed.delete(key)
      if (this.#changed.delete(key)) this.#dropped += 1
    }
  }
}

/** Everything but the times and the count. */
function differs(before: AssociationReport, after: AssociationReport): boolean {
  return comparable(before) !== comparable(after)
}

function comparable({ firstSeen, lastSeen, requests, ...rest }: AssociationReport): string {
  return JSON.stringify(rest, Object.keys(rest).concat('phase', 'at').toSorted())
}

function merged(before: AssociationReport, after: AssociationReport): AssociationReport {
  return {
    ...(after.lastSeen >= before.lastSeen ? after : before),
    firstSeen: Math.min(before.firstSeen, after.firstSeen),
    lastSeen: Math.max(before.lastSeen, after.lastSeen),
    requests: before.requests + after.requests,
  }
}
