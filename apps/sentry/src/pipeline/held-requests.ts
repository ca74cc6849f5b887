/**
 * Requests under way, and those among them that wait for mail. They are looked at again whenever the policy or the
 * settings change: a message that comes at the slowest allowed rate is as long on its way as a Ping waits. A change of
 * one device looks at the requests that name it, not at 20,000 Pings.
 * @module
 */
import type { ChangedSubjects } from '../snapshot/snapshot.ts'

/** One request that was let through and has not ended. */
export interface HeldRequest {
  /** Everything that its decision looked up, by the names of `subjects`; it does not change. */
  readonly subjects: readonly string[]
  /** Decides anew; ends the request when it may no longer go on. */
  review(): void
  /** Ends it because the Sentry stops. */
  stop(): void
}

/** All requests of this worker that were let through. */
export class HeldRequests {
  readonly #underWay = new Set<HeldRequest>()
  readonly #waiting = new Set<HeldRequest>()
  readonly #bySubject = new Map<string, Set<HeldRequest>>()

  begin(request: HeldRequest): void {
    this.#underWay.add(request)
    for (const subject of request.subjects) {
      const others = this.#bySubject.get(subject)
      if (others === undefined) this.#bySubject.set(subject, new Set([request]))
      else others.add(request)
    }
  }

  end(request: HeldRequest): void {
    this.#underWay.delete(request)
    this.#waiting.delete(request)
    for (const subject of request.subjects) {
      const others = this.#bySubject.get(subject)
      others?.delete(request)
      if (others?.size === 0) this.#bySubject.delete(subject)
    }
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

  /** Those that a change is about are decided again, now; null: all. */
  review(changed: ChangedSubjects): void {
    const concerned = changed === null ? this.#underWay : [...changed].flatMap((name) => this.#about(name))
    for (const request of new Set(concerned)) request.review()
  }

  #about(subject: string): HeldRequest[] {
    return [...(this.#bySubject.get(subject) ?? [])]
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
