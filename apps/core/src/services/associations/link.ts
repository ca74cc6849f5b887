/**
 * To which device an association belongs. Pure.
 *
 * Order: what a person said; the device that a decision by hand was made about; the certificate; the ActiveSync id, exact but for case, and only when its user is the
 * device's owner. An id that names two devices names none.
 * @module
 */
import type { LinkedBy } from '../../database/tables/associations.ts'

/** The device of an association and how it was found. */
export interface Link {
  readonly deviceId: string
  readonly by: LinkedBy
}

/** A device that has the ActiveSync id. `owners`: keys of the names that its owner may sign in with. */
export interface EasCandidate {
  readonly deviceId: string
  readonly owners: readonly string[]
  /** Neither retired nor wiped. */
  readonly inUse: boolean
}

/** What speaks for a link. */
export interface LinkFacts {
  /** Null: seen for the first time, or linked to nothing. */
  readonly current: Link | null
  /** Somebody decided by hand about the association as it is linked now. */
  readonly decided: boolean
  /** Key of the user; empty: nobody was named. */
  readonly user: string
  /** Device of the certificate that was shown; null: none was, or it is nobody's. */
  readonly certificateDevice: string | null
  readonly candidates: readonly EasCandidate[]
}

/** Null: unlinked. */
export function chooseLink({ current, decided, user, certificateDevice, candidates }: LinkFacts): Link | null {
  // The id is chosen by the phone: a second phone that sends it would take a block off the first, or an allowance over.
  if (current !== null && (decided || current.by === 'hand')) return current
  if (certificateDevice !== null) return { deviceId: certificateDevice, by: 'certificate' }
  if (current?.by === 'certificate') return current // a request without certificate says nothing against it
  const fitting = user === '' ? [] : candidates.filter(({ owners }) => owners.includes(user))
  const inUse = fitting.filter((candidate) => candidate.inUse)
  const [only, ...others] = inUse.length > 0 ? inUse : fitting
  return only === undefined || others.length > 0 ? null : { deviceId: only.deviceId, by: 'easDeviceId' }
}

/** Two links are the same. */
export function sameLink(a: Link | null, b: Link | null): boolean {
  return a?.deviceId === b?.deviceId && a?.by === b?.by
}
