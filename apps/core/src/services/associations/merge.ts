/**
 * What Core knows of an association after one more report of it. Pure.
 * @module
 */
import type { AssociationReport } from '@postern/contract/feed/gateway-report'
import { associationUserKey, easKeyOf, storable } from './keys.ts'
import type { Link } from './link.ts'

/** A report in the form in which it is stored; the newest of those under one key, with times and counts of all. */
export interface Sighting extends Omit<AssociationReport, 'user'> {
  /** Empty: nobody was named. */
  readonly user: string
  readonly userKey: string
  readonly easKey: string
}

/** An association as it is stored. Times in ms since 1970. */
export interface KnownAssociation {
  readonly id: string
  readonly link: Link | null
  readonly decision: AssociationReport['decision']
  readonly reasons: readonly string[]
  readonly firstSeen: number
  readonly lastSeen: number
  readonly requests: number
  readonly requestCounts: Readonly<Record<string, number>>
  readonly wipe: AssociationReport['wipe']
  readonly overridden: boolean
}

/** One row of the table but for its device and the decision by hand. */
export interface MergedAssociation {
  /** Null: everything that the last request said stays as it is, for what was reported is older. */
  readonly latest: Sighting | null
  readonly firstSeen: number
  readonly lastSeen: number
  readonly requests: number
  readonly requestCounts: Readonly<Record<string, number>>
  readonly wipe: AssociationReport['wipe']
}

/** One sighting for each key, in the order of keys: rows are always locked in one order. `now`: ms since 1970. */
export function toSightings(reports: readonly AssociationReport[], now: number): readonly Sighting[] {
  const byKey = new Map<string, Sighting>()
  for (const report of reports) {
    const sighting = toSighting(report, now)
    const key = `${sighting.userKey}\n${sighting.easKey}`
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? sighting : joined(known, sighting))
  }
  return [...byKey.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sighting]) => sighting)
}

// A Sentry whose clock is ahead must not keep an association at the head of every list.
function toSighting(report: AssociationReport, now: number): Sighting {
  const user = storable(report.user ?? '')
  const easDeviceId = storable(report.easDeviceId)
  const optional = (text: string | null): string | null => (text === null ? null : storable(text))
  return {
    ...report,
    user,
    easDeviceId,
    userKey: associationUserKey(user),
    easKey: easKeyOf(easDeviceId),
    deviceType: optional(report.deviceType),
    userAgent: optional(report.userAgent),
    protocolVersion: optional(report.protocolVersion),
    reasons: report.reasons.map(storable),
    wipe: report.wipe === null ? null : { ...report.wipe, at: Math.min(report.wipe.at, now) },
    firstSeen: Math.min(report.firstSeen, now),
    lastSeen: Math.min(report.lastSeen, now),
  }
}

function joined(a: Sighting, b: Sighting): Sighting {
  const newest = b.lastSeen >= a.lastSeen ? b : a
  return { ...newest, firstSeen: Math.min(a.firstSeen, b.firstSeen), requests: Math.max(a.requests, b.requests) }
}

/** `known` null: the first report of it. Counts of a Sentry begin again when it starts again. */
export function merge(known: KnownAssociation | null, seen: Sighting, sentryId: string): MergedAssociation {
  const told = known?.requestCounts[sentryId] ?? 0
  const more = seen.requests >= told ? seen.requests - told : seen.requests
  const isNewest = known === null || seen.lastSeen >= known.lastSeen
  return {
    latest: isNewest ? seen : null,
    firstSeen: Math.min(known?.firstSeen ?? seen.firstSeen, seen.firstSeen),
    lastSeen: Math.max(known?.lastSeen ?? seen.lastSeen, seen.lastSeen),
    requests: Math.min((known?.requests ?? 0) + more, Number.MAX_SAFE_INTEGER),
    requestCounts: { ...known?.requestCounts, [sentryId]: seen.requests },
    wipe: isNewest ? wipeAfter(known?.wipe ?? null, seen) : known.wipe,
  }
}

// A Sentry that was started again knows of no wipe; only a request that got through shows that it is over.
function wipeAfter(known: AssociationReport['wipe'], seen: Sighting): AssociationReport['wipe'] {
  if (seen.wipe !== null) return seen.wipe
  return seen.decision === 'allow' ? null : known
}

/**
 * Whether the audit log gets a row: the decision is another one, or its reasons are while it concerns a device of ours
 * or lets somebody in. Strangers who are refused as before cannot fill the log, and neither can new ones.
 */
export function isDecisionChange(known: KnownAssociation | null, seen: Sighting, link: Link | null): boolean {
  const matters = link !== null || seen.decision !== 'refuse'
  if (known === null) return matters
  if (known.decision !== seen.decision) return true
  return matters && known.reasons.join('\n') !== seen.reasons.join('\n')
}
