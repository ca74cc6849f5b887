/**
 * Ping and Sync requests that wait for mail: looked at again whenever the policy or the settings change.
 * @module
 */

/** One waiting request. */
export interface HeldRequest {
  /** Decides anew; ends the request when it may no longer wait. */
  review(): void
  /** Ends it because the Sentry stops. */
  stop(): void
}

/** All requests of this worker that wait. */
export class HeldRequests {
  readonly #waiting = new Set<HeldRequest>()

  add(request: HeldRequest): void {
    this.#waiting.add(request)
  }

  delete(request: HeldRequest): void {
    this.#waiting.delete(request)
  }

  get size(): number {
    return this.#waiting.size
  }

  /** All that wait are decided again, now. */
  review(): void {
    for (const request of [...this.#waiting]) request.review()
  }

  /** Ends all, spread evenly at random over `spreadMs`, so that not every phone comes back in the same instant. */
  stop(spreadMs: number, random: () => number): void {
    for (const request of this.#waiting) {
      setTimeout(() => {
        request.stop()
      }, random() * spreadMs)
    }
  }
}
