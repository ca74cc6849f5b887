/**
 * What a phone did, in order. Never a token, code, password, cookie or body.
 * @module
 */

/** One thing a phone did. `part` is the process of the phone: web view, settings (token), mail daemon, or the account itself. */
export interface PhoneEvent {
  /** Milliseconds since the phone was made. */
  atMs: number
  part: 'discovery' | 'web' | 'token' | 'eas' | 'account'
  what: string
  /** HTTP status, where there was one. */
  status: number | null
  /** How long the answer took. */
  ms: number | null
}

/** A phone's diary. */
export class PhoneLog {
  readonly events: PhoneEvent[] = []
  readonly #since = performance.now()

  /** Notes one thing. */
  note(part: PhoneEvent['part'], what: string, status: number | null = null, ms: number | null = null): void {
    this.events.push({ atMs: performance.now() - this.#since, part, what, status, ms })
  }

  /** The diary as lines for a person. */
  toString(): string {
    return this.events.map(({ atMs, part, what, status }) => lineOf(atMs, part, what, status)).join('\n')
  }
}

function lineOf(atMs: number, part: string, what: string, status: number | null): string {
  return `${atMs.toFixed(0).padStart(6)} ms  ${part.padEnd(9)} ${what}${status === null ? '' : ` -> ${String(status)}`}`
}
