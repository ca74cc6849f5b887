/**
 * Facts of a device to its posture: pure, deterministic, the only place where it is decided.
 *
 * Until there are compliance policies: a device has mail while it is managed and one of its certificates is valid. A
 * device that needs a certificate and has none is held, because where Sentries ask for none anybody could name its id;
 * `requiresIdentity: false` or an allowance by hand says that this is meant. An allowance by hand outweighs what is
 * worked out, and never what somebody did on purpose: block, revocation, retirement, wipe.
 * @module
 */
import { POSTURE_REASONS, REASON_CODES, type ReasonCode } from './reasons.ts'

/** What a device may do about mail. */
export type Decision = 'allow' | 'block' | 'wipe'

/** States of management. */
export type ManagedState = 'enrolling' | 'active' | 'checkedOut' | 'retired' | 'wiped'

/** A certificate of the device. Times: ms since 1970; valid from `notBefore` until before `notAfter`. */
export interface IdentityFacts {
  readonly fingerprint: string
  readonly notBefore: number
  readonly notAfter: number
  readonly revokedAt: number | null
  readonly revokedBy: string
}

/** A decision by hand; it ends at `expiresAt`. `of`: where it was made. */
export interface OverrideFacts {
  readonly of: 'device' | 'association'
  readonly kind: 'allow' | 'block'
  readonly actor: string
  readonly note: string
  readonly at: number
  readonly expiresAt: number | null
}

/** Something that was done once. */
export interface DoneFacts {
  readonly at: number
  readonly by: string
  readonly note: string
}

/** Everything that a posture depends on. Times: ms since 1970. */
export interface PostureFacts {
  readonly state: ManagedState
  readonly stateSince: number
  /** By whom and why the state was set, when a person did it. */
  readonly stateBy: string
  readonly stateNote: string
  readonly requiresIdentity: boolean
  readonly wipeRequested: DoneFacts | null
  readonly userBlocked: DoneFacts | null
  /** Since when the directory says that the account is disabled. */
  readonly userDisabledSince: number | null
  readonly identities: readonly IdentityFacts[]
  readonly overrides: readonly OverrideFacts[]
}

/** `source`: who or what says so. `since`, `expires`: ms since 1970. `overridden`: an allowance by hand outweighs it. */
export interface PostureReason {
  readonly code: ReasonCode
  readonly source: string
  readonly since: number
  readonly expires: number | null
  readonly detail: string
  readonly overridden: boolean
}

/** `nextChange`: before this time nothing changes by itself; ms since 1970, null: never. Reasons: 1 at least. */
export interface Posture {
  readonly decision: Decision
  readonly reasons: readonly PostureReason[]
  readonly nextChange: number | null
}

type Found = Omit<PostureReason, 'overridden'>

/** `now`: ms since 1970. The order of identities and overrides does not matter. */
export function evaluate(facts: PostureFacts, now: number): Posture {
  const overrides = facts.overrides.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
  const found = [
    ...stateReasons(facts),
    ...userReasons(facts),
    ...overrides.map(overrideReason),
    ...identityReasons(facts, now),
  ]
  const has = (effect: string): boolean => found.some(({ code }) => POSTURE_REASONS[code].effect === effect)
  const permitted = has('permit')
  const held = has('hold') && !permitted
  const decision = has('wipe') ? 'wipe' : has('block') || held ? 'block' : 'allow'
  if (!has('hold') && decision === 'allow') found.push(managed(facts))
  const reasons = found
    .map((reason) => ({ ...reason, overridden: permitted && POSTURE_REASONS[reason.code].effect === 'hold' }))
    .sort(inOrder)
  return { decision, reasons, nextChange: nextChange(facts, now) }
}

/** Codes for a Sentry's audit lines, each once: what blocks, or why it is allowed although something speaks against it. */
export function reasonCodes({ reasons }: Pick<Posture, 'reasons'>): ReasonCode[] {
  return [...new Set(reasons.map(({ code }) => code))].filter((code) => code !== 'MANAGED')
}

function stateReasons({ state, stateSince, stateBy, stateNote, wipeRequested }: PostureFacts): Found[] {
  const found: Found[] = []
  const here = { source: stateBy, since: stateSince, expires: null, detail: stateNote }
  if (state === 'retired') found.push({ code: 'RETIRED', ...here })
  if (state === 'wiped') found.push({ code: 'WIPED', ...here })
  if (state === 'enrolling' || state === 'checkedOut') found.push({ code: 'NOT_MANAGED', ...here, detail: state })
  if (wipeRequested !== null && state !== 'wiped') {
    const { at, by, note } = wipeRequested
    found.push({ code: 'WIPE_REQUESTED', source: by, since: at, expires: null, detail: note })
  }
  return found
}

function userReasons({ userBlocked, userDisabledSince }: PostureFacts): Found[] {
  const found: Found[] = []
  if (userBlocked !== null) {
    const { at, by, note } = userBlocked
    found.push({ code: 'USER_BLOCKED', source: by, since: at, expires: null, detail: note })
  }
  if (userDisabledSince !== null) {
    found.push({ code: 'USER_DISABLED', source: 'directory', since: userDisabledSince, expires: null, detail: '' })
  }
  return found
}

const OVERRIDE_CODES = {
  device: { allow: 'ALLOWED_BY_HAND', block: 'BLOCKED_BY_HAND' },
  association: { allow: 'ASSOCIATION_ALLOWED', block: 'ASSOCIATION_BLOCKED' },
} as const

function overrideReason({ of, kind, actor, note, at, expiresAt }: OverrideFacts): Found {
  return { code: OVERRIDE_CODES[of][kind], source: actor, since: at, expires: expiresAt, detail: note }
}

// One valid certificate is enough: the old one of a renewal may expire or be revoked.
function identityReasons({ identities, requiresIdentity, stateSince }: PostureFacts, now: number): Found[] {
  const live = identities.filter(({ revokedAt }) => revokedAt === null)
  if (live.some((identity) => identity.notBefore <= now && now < identity.notAfter)) return []
  const revoked = last(
    identities.filter(({ revokedAt }) => revokedAt !== null),
    ({ revokedAt }) => revokedAt ?? 0,
  )
  if (revoked !== null) {
    const { revokedAt, revokedBy, fingerprint } = revoked
    return [{ code: 'IDENTITY_REVOKED', source: revokedBy, since: revokedAt ?? 0, expires: null, detail: fingerprint }]
  }
  if (!requiresIdentity) return []
  const source = 'certificate'
  const coming = last(
    live.filter(({ notBefore }) => notBefore > now),
    ({ notBefore }) => -notBefore,
  )
  if (coming !== null) {
    const detail = coming.fingerprint
    return [{ code: 'IDENTITY_NOT_YET_VALID', source, since: stateSince, expires: coming.notBefore, detail }]
  }
  const gone = last(live, ({ notAfter }) => notAfter)
  if (gone === null) return [{ code: 'IDENTITY_MISSING', source, since: stateSince, expires: null, detail: '' }]
  return [{ code: 'IDENTITY_EXPIRED', source, since: gone.notAfter, expires: null, detail: gone.fingerprint }]
}

/** The one with the largest `by`; the fingerprint decides between equals, so that the order given does not. */
function last(identities: readonly IdentityFacts[], by: (identity: IdentityFacts) => number): IdentityFacts | null {
  return identities.toSorted((a, b) => by(b) - by(a) || compare(a.fingerprint, b.fingerprint))[0] ?? null
}

function managed({ stateSince, stateBy }: PostureFacts): Found {
  return { code: 'MANAGED', source: stateBy, since: stateSince, expires: null, detail: '' }
}

function nextChange({ overrides, identities }: PostureFacts, now: number): number | null {
  const times = [
    ...overrides.map(({ expiresAt }) => expiresAt ?? now),
    ...identities.filter(({ revokedAt }) => revokedAt === null).flatMap((one) => [one.notBefore, one.notAfter]),
  ].filter((time) => time > now)
  return times.length === 0 ? null : times.reduce((least, time) => Math.min(least, time))
}

function inOrder(a: PostureReason, b: PostureReason): number {
  const byCode = REASON_CODES.indexOf(a.code) - REASON_CODES.indexOf(b.code)
  return (
    byCode || a.since - b.since || compare(a.source, b.source) || compare(a.detail, b.detail) || expiry(a) - expiry(b)
  )
}

function expiry({ expires }: PostureReason): number {
  return expires ?? Number.MAX_SAFE_INTEGER
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
