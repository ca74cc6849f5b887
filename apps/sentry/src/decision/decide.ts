/**
 * The fate of a request: one pure function over facts and one immutable snapshot. Nothing else decides.
 *
 * Certificate, token user, `User` and DeviceId must agree; the token may only deny (protocol document A7, A8).
 * @module
 */
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import type { EasVersion } from '@postern/eas-query/commands'
import { deviceKey } from '@postern/eas-query/device-key'
import { audienceAccepted, type TokenClaims } from '@postern/oauth-map/claims'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { userKey } from '../snapshot/user-key.ts'
import { type Reason, reasonRow } from './reasons.ts'

/** What a good certificate says; `state` `absent` and `refused` are findings, not errors. */
export type CertificateFinding =
  | { readonly state: 'absent' }
  | { readonly state: 'refused'; readonly reason: Reason; readonly fingerprint: string | null }
  | {
      readonly state: 'good'
      readonly fingerprint: string
      readonly upn: string | null
      readonly deviceUri: string | null
    }

/** Everything about one ActiveSync request that a decision may look at. Times in milliseconds since 1970. */
export interface Facts {
  readonly certificate: CertificateFinding
  readonly claims: TokenClaims | null
  readonly user: string | null
  readonly deviceKey: string | null
  readonly version: EasVersion | null
  readonly now: number
}

/** The operator's part of a decision, from the configuration. */
export interface DecisionRules {
  readonly certificate: 'required' | 'optional' | 'off'
  /** `group`: one certificate of all devices; it opens the door and says nothing of who comes in. */
  readonly certificateKind: 'identity' | 'group'
  readonly unknownDevices: 'block' | 'allow'
  /** Takes the place of `unknownDevices` when the snapshot was not confirmed for `coreAwayAfterMs`. */
  readonly unknownWhenCoreIsAway: 'block' | 'allow'
  readonly coreAwayAfterMs: number
  readonly staleAfterMs: number
  readonly opaqueTokens: 'refuse' | 'allow'
  readonly destinationResource: string
  readonly tenantIds: ReadonlySet<string>
  readonly clientIds: ReadonlySet<string>
  readonly versions: ReadonlySet<EasVersion> | null
}

/** `notes` are words for the audit line beside `reason`; `reported` is what posture would have refused. */
export type Verdict =
  | {
      readonly kind: 'allow'
      readonly device: PolicyDevice | null
      readonly notes: readonly string[]
      readonly reported: Reason | null
    }
  | {
      readonly kind: 'refuse'
      readonly device: PolicyDevice | null
      readonly notes: readonly string[]
      readonly reason: Reason
    }
  | { readonly kind: 'wipe'; readonly device: PolicyDevice; readonly notes: readonly string[] }

/** Decides. Pure; two calls with the same arguments give the same verdict. */
export function decide(facts: Facts, snapshot: Snapshot | null, rules: DecisionRules): Verdict {
  const trust = certificateReason(facts.certificate, snapshot, rules)
  if (trust !== null) return refuse(trust)
  if (snapshot === null) return refuse('POLICY_MISSING')
  const found = findDevice(facts, snapshot, rules)
  if (found.reason !== null) return refuse(found.reason, found.device)
  const { device } = found
  const identity = identityReason(facts, device, rules)
  if (identity !== null) return refuse(identity, device)
  if (isStale(facts.now, snapshot, rules)) return refuse('POLICY_STALE', device)
  const verdict = postureVerdict(facts, device, snapshot, rules)
  const version = versionReason(facts, rules)
  // A blocked device hears that it is blocked, whatever it speaks.
  return verdict.kind === 'allow' && version !== null ? refuse(version, device) : verdict
}

function isStale(now: number, snapshot: Snapshot, rules: DecisionRules): boolean {
  return now - snapshot.writtenAt > rules.staleAfterMs
}

function refuse(reason: Reason, device: PolicyDevice | null = null, notes: readonly string[] = []): Verdict {
  return { kind: 'refuse', device, notes, reason }
}

/** Why the certificate, or its absence, ends the matter; null when it does not. */
export function certificateReason(
  certificate: CertificateFinding,
  snapshot: Snapshot | null,
  rules: Pick<DecisionRules, 'certificate'>,
): Reason | null {
  if (rules.certificate === 'off') return null
  switch (certificate.state) {
    case 'absent':
      return rules.certificate === 'required' ? 'CERTIFICATE_MISSING' : null
    case 'refused':
      return certificate.reason
    case 'good':
      return snapshot?.isRevoked(certificate.fingerprint) === true ? 'CERTIFICATE_REVOKED' : null
    default:
      return certificate satisfies never
  }
}

interface Found {
  readonly device: PolicyDevice | null
  readonly reason: Reason | null
}

/** Which registered device speaks. The certificate leads; a DeviceId alone is only a claim. */
function findDevice(facts: Facts, snapshot: Snapshot, rules: DecisionRules): Found {
  const shown = shownCertificate(facts.certificate, rules)
  const named = candidates(facts, shown, snapshot)
  if (shown === null) return withoutCertificate(facts, named, rules)
  const own = snapshot.deviceByCertificate(shown.fingerprint)
  if (own !== null) return { device: own, reason: speaksFor(own, facts.deviceKey, snapshot) }
  return unregistered(shown, named)
}

/**
 * Devices that the request may be about. One id registered for several devices: the strictest posture counts. OPTIONS
 * may name no id at all, and gives nothing away but versions: then any device of the user that may have mail will do.
 */
function candidates(facts: Facts, shown: GoodCertificate | null, snapshot: Snapshot): readonly PolicyDevice[] {
  if (facts.deviceKey !== null) {
    return byPosture(snapshot.devicesByEasKey(facts.deviceKey), ['wipe', 'block', 'allow'])
  }
  const user = shown?.upn ?? facts.claims?.user ?? facts.user
  const owned = user === null ? [] : snapshot.devicesByUser(userKey(user))
  const fitting = owned.filter((device) => shown === null || device.certificates.length === 0)
  return byPosture(fitting, ['allow', 'block', 'wipe']).slice(0, 1)
}

function byPosture(
  devices: readonly PolicyDevice[],
  order: readonly PolicyDevice['posture'][],
): readonly PolicyDevice[] {
  if (devices.length < 2) return devices
  return devices.toSorted((a, b) => order.indexOf(a.posture) - order.indexOf(b.posture))
}

type GoodCertificate = CertificateFinding & { state: 'good' }

/**
 * The certificate that says who speaks. One that all devices share does not, and where certificates are off, one that was
 * shown all the same (for the other endpoint) says nothing either.
 */
function shownCertificate(
  certificate: CertificateFinding,
  rules: Pick<DecisionRules, 'certificate' | 'certificateKind'>,
): GoodCertificate | null {
  if (rules.certificate === 'off' || rules.certificateKind === 'group') return null
  return certificate.state === 'good' ? certificate : null
}

function speaksFor(device: PolicyDevice, key: string | null, snapshot: Snapshot): Reason | null {
  if (key === null) return null
  // Any id will do, but not one that is registered as another's.
  if (device.easDeviceIds.length === 0) {
    return snapshot.devicesByEasKey(key).length > 0 ? 'DEVICE_ID_MISMATCH' : null
  }
  return device.easDeviceIds.some((id) => deviceKey(id) === key) ? null : 'DEVICE_ID_MISMATCH'
}

// A good certificate that nobody registered: only for a device registered without one, and only when a name in the
// certificate is that device's. A device with a certificate of its own is being impersonated.
function unregistered(certificate: GoodCertificate, named: readonly PolicyDevice[]): Found {
  if (named.length === 0) return { device: null, reason: null }
  const open = named.filter((device) => device.certificates.length === 0 && namesDevice(certificate, device))
  const [device, ...others] = open
  if (device !== undefined && others.length === 0) return { device, reason: null }
  return { device: named[0] ?? null, reason: 'DEVICE_ID_MISMATCH' }
}

function namesDevice(certificate: GoodCertificate, device: PolicyDevice): boolean {
  if (certificate.deviceUri !== null) return deviceIdOfUri(certificate.deviceUri) === device.id.toLowerCase()
  return certificate.upn !== null && userKey(certificate.upn) === userKey(device.user)
}

function deviceIdOfUri(uri: string): string {
  return uri.toLowerCase().replace(/^urn:uuid:/, '')
}

function withoutCertificate(facts: Facts, named: readonly PolicyDevice[], rules: DecisionRules): Found {
  const user = facts.claims?.user ?? facts.user
  const mine = user === null ? [] : named.filter((device) => sameUser(user, device.user))
  const device = mine[0] ?? named[0] ?? null
  const expected = rules.certificate === 'optional' && rules.certificateKind === 'identity'
  if (device !== null && device.certificates.length > 0 && expected) {
    return { device, reason: 'CERTIFICATE_REQUIRED' }
  }
  return { device, reason: null }
}

/** Whether the names that the request carries agree with the device and with each other. */
function identityReason(facts: Facts, device: PolicyDevice | null, rules: DecisionRules): Reason | null {
  const token = tokenReason(facts.claims, rules)
  if (token !== null) return token
  const upn = shownCertificate(facts.certificate, rules)?.upn ?? null
  const owner = device?.user ?? upn
  if (owner === null) return userParameterReason(facts.user, facts.claims?.user ?? null)
  if (upn !== null && userKey(upn) !== userKey(owner)) return 'CERTIFICATE_USER_MISMATCH'
  const tokenUser = facts.claims?.user ?? null
  if (tokenUser !== null && userKey(tokenUser) !== userKey(owner)) return 'TOKEN_USER_MISMATCH'
  return userParameterReason(facts.user, owner)
}

function userParameterReason(user: string | null, owner: string | null): Reason | null {
  return user === null || owner === null || sameUser(user, owner) ? null : 'QUERY_USER_MISMATCH'
}

function tokenReason(claims: TokenClaims | null, rules: DecisionRules): Reason | null {
  if (claims === null) return rules.opaqueTokens === 'allow' ? null : 'TOKEN_UNREADABLE'
  if (!audienceAccepted(claims, rules.destinationResource)) return 'TOKEN_AUDIENCE'
  if (rules.tenantIds.size > 0 && !rules.tenantIds.has(claims.tenantId?.toLowerCase() ?? '')) return 'TOKEN_TENANT'
  if (claims.appId !== null && !rules.clientIds.has(claims.appId.toLowerCase())) return 'TOKEN_CLIENT'
  if (claims.user === null && rules.opaqueTokens === 'refuse') return 'TOKEN_UNREADABLE'
  return null
}

/** `User` may be `user@domain`, `DOMAIN\user` or bare (1.2): the last two name the local part only. */
function sameUser(user: string, owner: string): boolean {
  const [first = '', second, ...more] = user.split('\\')
  if (more.length > 0 || (second !== undefined && first.includes('@'))) return false // no domain has an @
  const wanted = userKey(owner)
  const given = userKey(second ?? first)
  return given === wanted || (!given.includes('@') && given === wanted.split('@', 1)[0])
}

function versionReason(facts: Facts, rules: DecisionRules): Reason | null {
  if (rules.versions === null || facts.version === null) return null
  return rules.versions.has(facts.version) ? null : 'VERSION_NOT_ALLOWED'
}

function postureVerdict(facts: Facts, device: PolicyDevice | null, snapshot: Snapshot, rules: DecisionRules): Verdict {
  const notes = device === null ? [] : [...device.reasons]
  if (device?.easDeviceIds.length === 0 && facts.deviceKey !== null) notes.push('ANY_DEVICE_ID')
  const reason = postureReason(facts, device, snapshot, rules)
  if (reason === null) return { kind: 'allow', device, notes, reported: null }
  if (snapshot.mode === 'report') return { kind: 'allow', device, notes, reported: reason }
  if (reason === 'WIPE_PENDING' && device !== null) return { kind: 'wipe', device, notes }
  return { kind: 'refuse', device, notes, reason }
}

function postureReason(
  facts: Facts,
  device: PolicyDevice | null,
  snapshot: Snapshot,
  rules: DecisionRules,
): Reason | null {
  const users = [device?.user, facts.claims?.user, facts.user, shownCertificate(facts.certificate, rules)?.upn]
  // Wipe comes before the user's block: a leaver's account is to be removed, not only refused.
  if (device?.posture === 'wipe') {
    return facts.version === '16.1' || facts.version === null ? 'WIPE_PENDING' : 'WIPE_NOT_SUPPORTED'
  }
  if (users.some((user) => user != null && snapshot.isUserBlocked(userKey(user)))) return 'USER_BLOCKED'
  if (device === null) return unknownRule(facts.now, snapshot, rules) === 'block' ? 'DEVICE_UNKNOWN' : null
  return device.posture === 'block' ? 'DEVICE_BLOCKED' : null
}

/** Cut off from Core, nobody can say whether a device that is not here was registered since (product description 5.1). */
function unknownRule(now: number, snapshot: Snapshot, rules: DecisionRules): 'block' | 'allow' {
  return now - snapshot.writtenAt > rules.coreAwayAfterMs ? rules.unknownWhenCoreIsAway : rules.unknownDevices
}

/** Whether an OAuth request may get tokens: the same snapshot, with less known (3.6 item 9, 3.7 item 7). */
export function decideOAuth(
  facts: Pick<Facts, 'certificate' | 'claims' | 'now'>,
  snapshot: Snapshot | null,
  rules: DecisionRules,
): Verdict {
  const trust = certificateReason(facts.certificate, snapshot, rules)
  if (trust !== null) return refuse(trust)
  if (snapshot === null) return refuse('POLICY_MISSING')
  const shown = shownCertificate(facts.certificate, rules)
  const device = shown === null ? null : snapshot.deviceByCertificate(shown.fingerprint)
  const owner = device?.user ?? shown?.upn ?? null
  if (owner !== null && shown !== null && shown.upn !== null && userKey(shown.upn) !== userKey(owner)) {
    return refuse('CERTIFICATE_USER_MISMATCH', device)
  }
  const tokenUser = facts.claims?.user ?? null
  if (owner !== null && tokenUser !== null && userKey(owner) !== userKey(tokenUser)) {
    return refuse('TOKEN_USER_MISMATCH', device)
  }
  if (facts.claims !== null) {
    const foreign = rules.tenantIds.size > 0 && !rules.tenantIds.has(facts.claims.tenantId?.toLowerCase() ?? '')
    if (foreign) return refuse('TOKEN_TENANT', device)
  }
  if (isStale(facts.now, snapshot, rules)) return refuse('POLICY_STALE', device)
  const user = owner ?? tokenUser
  const notes = device === null ? [] : [...device.reasons]
  const reason = oauthPosture(device, user, snapshot)
  if (reason === null) return { kind: 'allow', device, notes, reported: null }
  if (snapshot.mode === 'report') return { kind: 'allow', device, notes, reported: reason }
  return { kind: 'refuse', device, notes, reason }
}

// Without a certificate the device is not known. Only when every device of the user is blocked can the answer be no.
function oauthPosture(device: PolicyDevice | null, user: string | null, snapshot: Snapshot): Reason | null {
  if (user !== null && snapshot.isUserBlocked(userKey(user))) return 'USER_BLOCKED'
  if (device !== null) return device.posture === 'allow' ? null : 'DEVICE_BLOCKED'
  const devices = user === null ? [] : snapshot.devicesByUser(userKey(user))
  return devices.length > 0 && devices.every((d) => d.posture !== 'allow') ? 'DEVICE_BLOCKED' : null
}

/** Whether a refusal for this reason sounds an alarm. */
export function isAlarm(reason: Reason): boolean {
  return reasonRow(reason).alarm
}
