/**
 * When to report: soon after something changed, never more than five times a second, and at least every ten seconds.
 * @module
 */
import { REPORT_SECONDS } from '@postern/contract/feed/gateway-report'

/** Between two reports. Milliseconds. */
const GAP_MS = 200
/** Changes that come together are told together. Milliseconds. */
const TOGETHER_MS = 10
/** After a report that did not get through. Milliseconds. */
const AGAIN_MS = 1_000

/** What became of a report. `more`: there is more to tell at once. */
export type ReportOutcome = 'done' | 'more' | 'failed'

/** Calls `send`, one at a time, until disposed. */
export class ReportTimer implements AsyncDisposable {
  readonly #send: () => Promise<ReportOutcome>
  #timer: NodeJS.Timeout | null = null
  #dueAt = Number.POSITIVE_INFINITY
  #lastAt = 0
  #sending: Promise<void> | null = null
  #asked = false
  #stopped = false

  constructor(send: () => Promise<ReportOutcome>) {
    this.#send = send
    this.#in(REPORT_SECONDS * 1_000)
  }

  /** Something changed. */
  soon(): void {
    if (this.#sending !== null) this.#asked = true
    else this.#in(Math.max(TOGETHER_MS, this.#lastAt + GAP_MS - performance.now()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#sending
  }

  /** While the last report was on its way. */
  #wasAsked(): boolean {
    return this.#asked
  }

  #in(ms: number): void {
    const dueAt = performance.now() + ms
    if (this.#stopped || dueAt >= this.#dueAt) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY
      this.#sending = this.#now()
    }, ms)
  }

  async #now(): Promise<void> {
    this.#asked = false
    this.#lastAt = performance.now()
    const outcome = await this.#send()
    this.#sending = null
    if (outcome === 'more' || (this.#wasAsked() && outcome === 'done')) this.soon()
    this.#in(outcome === 'failed' ? AGAIN_MS : REPORT_SECONDS * 1_000)
  }
}
