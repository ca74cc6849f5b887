/**
 * Whether Core is there, when it was last heard, and what that means for devices: in words for log and readiness.
 * @module
 */
import type { Log } from '../config/log.ts'

/** One for each registered Sentry. Times in ms since 1970. */
export class CoreContact {
  readonly #log: Log
  readonly #core: string
  #heardAt: number
  #connected = false
  #awayTold = false
  #staleTold = false

  /** `heardAt`: from the disk; 0 when never. */
  constructor(core: string, heardAt: number, log: Log) {
    this.#core = core
    this.#heardAt = heardAt
    this.#log = log
  }

  get heardAt(): number {
    return this.#heardAt
  }

  get connected(): boolean {
    return this.#connected
  }

  heard(at: number): void {
    this.#heardAt = at
  }

  opened(coreVersion: string): void {
    this.#connected = true
    this.#awayTold = false
    this.#log('info', 'core-connected', { core: this.#core, coreVersion })
  }

  lost(why: string, staleAfterSeconds: number | null): void {
    this.#connected = false
    if (this.#awayTold) return
    this.#awayTold = true
    this.#log('problem', 'core-away', { core: this.#core, why, knownDevicesUntil: this.#until(staleAfterSeconds) })
  }

  isStale(now: number, staleAfterSeconds: number): boolean {
    return now - this.#heardAt > staleAfterSeconds * 1_000
  }

  /** Tells once each time that known devices are not served any more. */
  checkAge(now: number, staleAfterSeconds: number): void {
    const stale = this.isStale(now, staleAfterSeconds)
    if (stale && !this.#staleTold) {
      const remedy = 'bring Core back, or the way to it; every device is refused until then'
      this.#log('problem', 'posture-stale', { lastHeard: isoOrNull(this.#heardAt), staleAfterSeconds, remedy })
    }
    this.#staleTold = stale
  }

  /** One line for people. */
  words(staleAfterSeconds: number | null): string {
    if (this.#connected) return 'Core is connected'
    const until = this.#until(staleAfterSeconds)
    const last = isoOrNull(this.#heardAt)
    if (last === null || until === null) return 'Core is away, and was never heard'
    return `Core is away, last heard ${last}; devices that are known are served until ${until}`
  }

  #until(staleAfterSeconds: number | null): string | null {
    if (this.#heardAt === 0 || staleAfterSeconds === null) return null
    return isoOrNull(this.#heardAt + staleAfterSeconds * 1_000)
  }
}

function isoOrNull(time: number): string | null {
  return time === 0 ? null : new Date(time).toISOString()
}
