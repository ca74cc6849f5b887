/**
 * Whom this worker saw since it last told: one entry for each user and DeviceId, however many requests there were.
 * @module
 */
import type { AssociationReport } from '@postern/contract/feed/gateway-report'
import { userKey } from '../snapshot/user-key.ts'

/** Entries that are kept until they are told; beyond it they are told at once. */
const MAX_PENDING = 5_000

/** One decided ActiveSync request. `at`: ms since 1970. */
export interface Sighting extends Omit<AssociationReport, 'firstSeen' | 'lastSeen' | 'requests' | 'reasons'> {
  /** The DeviceId in the form in which ids compare. */
  readonly easKey: string
  readonly reasons: readonly string[]
  readonly at: number
}

/** An entry with the key that joins those of all workers. */
export interface SeenDevice {
  readonly key: string
  readonly report: AssociationReport
}

/** Notes of one worker. */
export class SeenDevices {
  #pending = new Map<string, AssociationReport>()
  readonly #tell: (seen: readonly SeenDevice[]) => void

  constructor(tell: (seen: readonly SeenDevice[]) => void) {
    this.#tell = tell
  }

  note(sighting: Sighting): void {
    const { easKey, at, reasons, ...rest } = sighting
    const key = `${rest.user === null ? '' : userKey(rest.user)}\n${easKey}`
    const known = this.#pending.get(key)
    this.#pending.set(key, {
      ...rest,
      user: cut(rest.user, 320),
      easDeviceId: rest.easDeviceId.slice(0, 64),
      deviceType: cut(rest.deviceType, 64),
      userAgent: cut(rest.userAgent, 256),
      reasons: reasons.slice(0, 64).map((reason) => reason.slice(0, 200)),
      firstSeen: known?.firstSeen ?? at,
      lastSeen: at,
      requests: (known?.requests ?? 0) + 1,
    })
    if (this.#pending.size >= MAX_PENDING) this.tell()
  }

  /** Hands over what was noted since; does nothing when there is nothing. */
  tell(): void {
    if (this.#pending.size === 0) return
    const pending = this.#pending
    this.#pending = new Map()
    this.#tell([...pending].map(([key, report]) => ({ key, report })))
  }
}

/** What a device says of itself has no bound of its own here. */
function cut(text: string | null, most: number): string | null {
  return text === null ? null : text.slice(0, most)
}
