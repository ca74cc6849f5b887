/**
 * Requests under way, and those among them that wait for mail. All are looked at again whenever the policy or the
 * settings change: a message that comes at the slowest allowed rate is as long on its way as a Ping waits.
 * @module
 */

/** One request that was let through and has not ended. */
export interface HeldRequest {
  /** Decides anew; ends the request when it may no longer go on. */
  review(): void
  /** Ends it because the Sentry stops. */
  stop(): void
}

/** All requests of this worker that were let through. */
export class HeldRequests {
  readonly #underWay = new Set<HeldRequest>()
  readonly #waiting = new Set<HeldRequest>()

  begin(request: HeldRequest): void {
    this.#underWay.add(request)
  }

  end(request: HeldRequest): void {
    this.#underWay.delete(request)
    this.#waiting.delete(request)
  }

  /** It waits for mail from now on. */
  add(request: HeldRequest): void {
    this.#waiting.add(request)
  }

  /** It waits no longer, but goes on. */
  delete(request: HeldRequest): void {
    this.#waiting.delete(request)
  }

  has(request: HeldRequest): boolean {
    return this.#waiting.has(request)
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** All are decided again, now. */
  review(): void {
    for (const request of [...this.#underWay]) request.review()
  }

  /** Ends all that wait, spread evenly at random over `spreadMs`, so that not every phone comes back in the same instant. */
  stop(spreadMs: number, random: () => number): void {
    for (const request of this.#waiting) {
      setTimeout(() => {
        request.stop()
      }, random() * spreadMs)
    }
  }
}
