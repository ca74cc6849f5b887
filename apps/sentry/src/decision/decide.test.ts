import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PolicyDevice, PolicySnapshot } from '@postern/contract/policy-snapshot'
import type { TokenClaims } from '@postern/oauth-map/claims'
import fc from 'fast-check'
import { type Snapshot, toSnapshot } from '../snapshot/snapshot.ts'
import { type CertificateFinding, decide, decideOAuth, type DecisionRules, type Facts, isAlarm } from './decide.ts'
import { type Reason, REASONS, reasonRow } from './reasons.ts'

const NOW = 1_800_000_000_000
const HOUR_MS = 3_600_000
const fingerprint = (digit: string): string => `sha256:${digit.repeat(64)}`
const good = (digit: string, upn: string | null = null, deviceUri: string | null = null): CertificateFinding => ({
  state: 'good',
  fingerprint: fingerprint(digit),
  upn,
  deviceUri,
})
const ABSENT: CertificateFinding = { state: 'absent' }

const device = (given: Partial<PolicyDevice> & { id: string }): PolicyDevice => ({
  user: 'ann@example.com',
  easDeviceIds: [],
  certificates: [],
  posture: 'allow',
  reasons: [],
  ...given,
})
const DEVICES: readonly PolicyDevice[] = [
  device({ id: 'ann-1', easDeviceIds: ['ABC123'], certificates: [fingerprint('a')] }),
  device({ id: 'ann-2', easDeviceIds: ['ABC222'], certificates: [fingerprint('2')] }),
  device({ id: 'bob-1', user: 'bob@example.com', easDeviceIds: ['BOB1'], certificates: [fingerprint('b')] }),
  device({ id: 'any-id', user: 'any@example.com', certificates: [fingerprint('d')] }),
  device({ id: '5d0c7f6e-8d4b-4a5e-9d0a-0123456789ab', user: 'open@example.com', easDeviceIds: ['OPEN1'] }),
  device({ id: 'twin-1', user: 'twin@example.com', easDeviceIds: ['TWIN'] }),
  device({ id: 'twin-2', user: 'twin@example.com', easDeviceIds: ['TWIN'] }),
  device({
    id: 'old-os',
    user: 'cyd@example.com',
    easDeviceIds: ['CYD1'],
    certificates: [fingerprint('c')],
    posture: 'block',
    reasons: ['OS_TOO_OLD', 'NO_PASSCODE'],
  }),
  device({
    id: 'leaver',
    user: 'eve@example.com',
    easDeviceIds: ['EVE1'],
    certificates: [fingerprint('e')],
    posture: 'wipe',
    reasons: ['RETIRED'],
  }),
  device({ id: 'blocked-user', user: 'Fay@example.com', easDeviceIds: ['FAY1'], certificates: [fingerprint('f')] }),
]
const POLICY: PolicySnapshot = {
  schema: 1,
  version: 7,
  devices: [...DEVICES],
  revokedCertificates: [fingerprint('9')],
  blockedUsers: ['fay@EXAMPLE.com'],
  mode: 'enforce',
}
const snapshotOf = (given: Partial<PolicySnapshot> = {}): Snapshot => toSnapshot({ ...POLICY, ...given }, NOW - HOUR_MS)
const ENFORCE = snapshotOf()
const REPORT = snapshotOf({ mode: 'report' })

const RULES: DecisionRules = {
  certificate: 'required',
  certificateKind: 'identity',
  unknownDevices: 'block',
  unknownWhenCoreIsAway: 'block',
  coreAwayAfterMs: 24 * HOUR_MS,
  staleAfterMs: 24 * HOUR_MS,
  opaqueTokens: 'refuse',
  destinationResource: 'https://outlook.office365.com/',
  tenantIds: new Set(['11111111-2222-3333-4444-555555555555']),
  clientIds: new Set(['f8d98a96-0999-43f5-8af3-69971c7bb423']),
  versions: null,
}
const claimsOf = (user: string | null, given: Partial<TokenClaims> = {}): TokenClaims => ({
  audiences: ['https://outlook.office365.com'],
  tenantId: '11111111-2222-3333-4444-555555555555',
  objectId: null,
  user,
  appId: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
  expiresAt: null,
  ...given,
})
const FACTS: Facts = {
  certificate: good('a'),
  claims: claimsOf('ann@example.com'),
  user: 'ann@example.com',
  deviceKey: 'ABC123',
  version: '16.1',
  now: NOW,
}

interface Case {
  title: string
  facts?: Partial<Facts>
  rules?: Partial<DecisionRules>
  snapshot?: Snapshot | null
}
interface Reject extends Case {
  reason: Reason
  device?: string | null
}
interface Accept extends Case {
  device: string | null
  notes?: string[]
  reported?: Reason
}
const run = ({ facts = {}, rules = {}, snapshot = ENFORCE }: Case): ReturnType<typeof decide> =>
  decide({ ...FACTS, ...facts }, snapshot, { ...RULES, ...rules })
const rejects = (cases: readonly Reject[]): void => {
  for (const { title, reason, device: of, ...given } of cases)
    test(title, () => {
      const verdict = run({ title, ...given })
      assert.equal(verdict.kind, 'refuse')
      assert.equal(verdict.reason, reason)
      if (of !== undefined) assert.equal(verdict.device?.id ?? null, of)
    })
}
const accepts = (cases: readonly Accept[]): void => {
  for (const { title, device: of, notes = [], reported = null, ...given } of cases)
    test(title, () => {
      const verdict = run({ title, ...given })
      assert.equal(verdict.kind, 'allow', JSON.stringify(verdict))
      assert.equal(verdict.device?.id ?? null, of)
      assert.deepEqual(verdict.notes, notes)
      assert.equal(verdict.reported, reported)
    })
}
const eve = { certificate: good('e'), claims: claimsOf('eve@example.com'), user: null, deviceKey: 'EVE1' }
const cyd = { certificate: good('c'), claims: claimsOf('cyd@example.com'), user: null, deviceKey: 'CYD1' }
const fay = { certificate: good('f'), claims: claimsOf('fay@example.com'), user: null, deviceKey: 'FAY1' }
const refusedAs = (reason: Reason): CertificateFinding => ({
  state: 'refused',
  reason,
  fingerprint: fingerprint('a'),
})

describe('certificates', () => {
  rejects([
    { title: 'T30 none where it is required', facts: { certificate: ABSENT }, reason: 'CERTIFICATE_MISSING' },
    ...(
      [
        'CERTIFICATE_UNTRUSTED',
        'CERTIFICATE_EXPIRED',
        'CERTIFICATE_NOT_YET_VALID',
        'CERTIFICATE_USAGE',
        'CERTIFICATE_IS_CA',
        'CERTIFICATE_NAMES',
        'CERTIFICATE_REVOKED',
      ] as const
    ).flatMap((reason) => [
      { title: `T31 ${reason} where it is required`, facts: { certificate: refusedAs(reason) }, reason },
      {
        title: `${reason} where it is optional: worse than none`,
        facts: { certificate: refusedAs(reason) },
        rules: { certificate: 'optional' as const },
        reason,
      },
    ]),
    {
      title: 'T68 revoked in the snapshot',
      facts: { certificate: good('9') },
      reason: 'CERTIFICATE_REVOKED',
    },
    {
      title: 'revoked in the snapshot, where it is optional, and in report mode',
      facts: { certificate: good('9') },
      rules: { certificate: 'optional' },
      snapshot: snapshotOf({ mode: 'report', revokedCertificates: [fingerprint('9')] }),
      reason: 'CERTIFICATE_REVOKED',
    },
    {
      title: 'revoked and registered',
      snapshot: snapshotOf({ revokedCertificates: [fingerprint('a')] }),
      reason: 'CERTIFICATE_REVOKED',
    },
    {
      title: 'a device registered with one comes without, where it is optional',
      facts: { certificate: ABSENT },
      rules: { certificate: 'optional' },
      reason: 'CERTIFICATE_REQUIRED',
      device: 'ann-1',
    },
  ])
  accepts([
    { title: 'registered and required', device: 'ann-1' },
    { title: 'registered, where it is optional', rules: { certificate: 'optional' }, device: 'ann-1' },
    {
      title: 'none where they are off: the id leads',
      facts: { certificate: ABSENT },
      rules: { certificate: 'off' },
      device: 'ann-1',
    },
    {
      title: "another device's where they are off: it says nothing",
      facts: { certificate: good('b', 'bob@example.com') },
      rules: { certificate: 'off' },
      device: 'ann-1',
    },
    {
      title: 'a refused one where they are off: it says nothing',
      facts: { certificate: refusedAs('CERTIFICATE_EXPIRED') },
      rules: { certificate: 'off' },
      device: 'ann-1',
    },
    {
      title: 'none where it is optional, for a device registered without',
      facts: { certificate: ABSENT, deviceKey: 'OPEN1', claims: claimsOf('open@example.com'), user: null },
      rules: { certificate: 'optional' },
      device: '5d0c7f6e-8d4b-4a5e-9d0a-0123456789ab',
    },
  ])
})

describe('DeviceId and certificate', () => {
  const open = { deviceKey: 'OPEN1', claims: claimsOf('open@example.com'), user: null }
  const URI = 'urn:uuid:5d0c7f6e-8d4b-4a5e-9d0a-0123456789ab'
  rejects([
    {
      title: "T25 one device's certificate with another user's DeviceId",
      facts: { deviceKey: 'BOB1' },
      reason: 'DEVICE_ID_MISMATCH',
      device: 'ann-1',
    },
    {
      title: "one device's certificate with the DeviceId of the same user's other device",
      facts: { deviceKey: 'ABC222' },
      reason: 'DEVICE_ID_MISMATCH',
    },
    {
      title: 'T26 a DeviceId that nobody knows on a certificate that is bound',
      facts: { deviceKey: 'NEW1' },
      reason: 'DEVICE_ID_MISMATCH',
    },
    {
      title: 'an unregistered certificate with the DeviceId of a device that has its own',
      facts: { certificate: good('8', 'ann@example.com') },
      reason: 'DEVICE_ID_MISMATCH',
      device: 'ann-1',
    },
    {
      title: 'an unregistered certificate without names, for a device registered without',
      facts: { ...open, certificate: good('8') },
      reason: 'DEVICE_ID_MISMATCH',
    },
    {
      title: "an unregistered certificate with another user's UPN, for a device registered without",
      facts: { ...open, certificate: good('8', 'bob@example.com') },
      reason: 'DEVICE_ID_MISMATCH',
    },
    {
      title: "an unregistered certificate with another device's URI, though the UPN agrees",
      facts: { ...open, certificate: good('8', 'open@example.com', 'urn:uuid:00000000-0000-0000-0000-000000000000') },
      reason: 'DEVICE_ID_MISMATCH',
    },
    {
      title: 'an unregistered certificate that could be either of two devices',
      facts: {
        certificate: good('8', 'twin@example.com'),
        deviceKey: 'TWIN',
        claims: claimsOf('twin@example.com'),
        user: null,
      },
      reason: 'DEVICE_ID_MISMATCH',
    },
    {
      title: 'an unregistered certificate with an unknown DeviceId',
      facts: { certificate: good('8', 'ann@example.com'), deviceKey: 'NEW1' },
      reason: 'DEVICE_UNKNOWN',
      device: null,
    },
    {
      title: 'report mode lets no disagreement through',
      facts: { deviceKey: 'BOB1' },
      snapshot: REPORT,
      reason: 'DEVICE_ID_MISMATCH',
    },
  ])
  rejects([
    {
      title: 'no DeviceIds registered, but the one sent is registered as another device',
      facts: { certificate: good('d'), deviceKey: 'BOB1', claims: claimsOf('any@example.com'), user: null },
      reason: 'DEVICE_ID_MISMATCH',
      device: 'any-id',
    },
  ])
  accepts([
    { title: 'no DeviceId at all (OPTIONS)', facts: { deviceKey: null, version: null }, device: 'ann-1' },
    {
      title: 'no DeviceIds registered: the certificate speaks for any, and the line says so',
      facts: { certificate: good('d'), deviceKey: 'WHATEVER', claims: claimsOf('any@example.com'), user: null },
      device: 'any-id',
      notes: ['ANY_DEVICE_ID'],
    },
    {
      title: 'no DeviceIds registered and none sent: nothing to say',
      facts: { certificate: good('d'), deviceKey: null, claims: claimsOf('any@example.com'), user: null },
      device: 'any-id',
    },
    {
      title: 'unregistered, named by its URI',
      facts: { ...open, certificate: good('8', null, URI.toUpperCase().replace('URN:UUID', 'urn:uuid')) },
      device: '5d0c7f6e-8d4b-4a5e-9d0a-0123456789ab',
    },
    {
      title: 'unregistered, named by its UPN',
      facts: { ...open, certificate: good('8', 'OPEN@example.com') },
      device: '5d0c7f6e-8d4b-4a5e-9d0a-0123456789ab',
    },
    {
      title: 'unregistered and unknown, where unknown devices may pass',
      facts: { certificate: good('8', 'ann@example.com'), deviceKey: 'NEW1' },
      rules: { unknownDevices: 'allow' },
      device: null,
    },
  ])
})

describe('users of certificate, token and query', () => {
  const optional = { certificate: 'optional', unknownDevices: 'allow' } as const
  rejects([
    {
      title: "T28 one user's certificate with another's token",
      facts: { claims: claimsOf('bob@example.com') },
      reason: 'TOKEN_USER_MISMATCH',
      device: 'ann-1',
    },
    { title: 'T29 User names somebody else', facts: { user: 'bob@example.com' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'T29 User names somebody else in a domain', facts: { user: 'X\\bob' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User bare, somebody else', facts: { user: 'bob' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User with a foreign domain', facts: { user: 'ann@evil.example' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User with a longer domain', facts: { user: 'ann@example.com.evil' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User cut short', facts: { user: 'an' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User with two domains', facts: { user: 'X\\EXAMPLE\\ann' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User with an address for a domain', facts: { user: 'x@evil\\ann' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User is a domain without a name', facts: { user: 'EXAMPLE\\' }, reason: 'QUERY_USER_MISMATCH' },
    { title: 'User with a blank behind it', facts: { user: 'ann@example.com ' }, reason: 'QUERY_USER_MISMATCH' },
    {
      title: "token user bare: only User has short forms, a token's is whole",
      facts: { claims: claimsOf('ann') },
      reason: 'TOKEN_USER_MISMATCH',
    },
    {
      title: "the certificate's UPN is not the registered user's",
      facts: { certificate: good('a', 'bob@example.com') },
      reason: 'CERTIFICATE_USER_MISMATCH',
      device: 'ann-1',
    },
    {
      title: 'unknown device: UPN and token disagree',
      facts: { certificate: good('8', 'ann@example.com'), deviceKey: 'NEW1', claims: claimsOf('bob@example.com') },
      rules: { unknownDevices: 'allow' },
      reason: 'TOKEN_USER_MISMATCH',
      device: null,
    },
    {
      title: 'unknown device: UPN and User disagree',
      facts: { certificate: good('8', 'ann@example.com'), deviceKey: 'NEW1', user: 'bob@example.com' },
      rules: { unknownDevices: 'allow' },
      reason: 'QUERY_USER_MISMATCH',
    },
    {
      title: 'unknown device without certificate: token and User disagree',
      facts: { certificate: ABSENT, deviceKey: 'NEW1', user: 'bob@example.com' },
      rules: optional,
      reason: 'QUERY_USER_MISMATCH',
    },
    {
      title: "without certificate: another user's token on a known DeviceId",
      facts: { certificate: ABSENT, deviceKey: 'OPEN1', user: null },
      rules: optional,
      reason: 'TOKEN_USER_MISMATCH',
    },
    {
      title: 'report mode lets no disagreement through',
      facts: { claims: claimsOf('bob@example.com') },
      snapshot: REPORT,
      reason: 'TOKEN_USER_MISMATCH',
    },
  ])
  accepts([
    { title: 'User absent', facts: { user: null }, device: 'ann-1' },
    { title: 'User bare', facts: { user: 'ann' }, device: 'ann-1' },
    { title: 'User DOMAIN\\name', facts: { user: 'EXAMPLE\\ann' }, device: 'ann-1' },
    { title: 'User DOMAIN\\name@domain', facts: { user: 'EXAMPLE\\ann@example.com' }, device: 'ann-1' },
    {
      title: 'ASCII case differs',
      facts: { user: 'ANN@Example.COM', claims: claimsOf('Ann@example.com') },
      device: 'ann-1',
    },
    { title: 'UPN agrees', facts: { certificate: good('a', 'ANN@example.com') }, device: 'ann-1' },
    {
      title: 'several devices of one DeviceId without certificates: the one of the user',
      facts: { certificate: ABSENT, deviceKey: 'SHARED', user: null },
      rules: { certificate: 'off' },
      snapshot: snapshotOf({
        devices: [
          device({ id: 'first', user: 'bob@example.com', easDeviceIds: ['shared'] }),
          device({ id: 'second', easDeviceIds: ['shared'] }),
        ],
      }),
      device: 'second',
    },
  ])
})

describe('names in other letters (6.3)', () => {
  const of = (user: string): Snapshot =>
    snapshotOf({ devices: [device({ id: 'x', user, easDeviceIds: ['ABC123'], certificates: [fingerprint('a')] })] })
  rejects([
    {
      title: 'a Kelvin sign is no k',
      snapshot: of('kate@example.com'),
      facts: { claims: claimsOf('\u212Aate@example.com'), user: null },
      reason: 'TOKEN_USER_MISMATCH',
    },
    {
      title: 'a Kelvin sign is no k in User either',
      snapshot: of('kate@example.com'),
      facts: { claims: claimsOf('kate@example.com'), user: '\u212Aate' },
      reason: 'QUERY_USER_MISMATCH',
    },
    {
      title: 'a dotted capital I is no i',
      snapshot: of('ines@example.com'),
      facts: { claims: claimsOf('\u0130nes@example.com'), user: null },
      reason: 'TOKEN_USER_MISMATCH',
    },
    {
      title: 'case of other letters is not folded',
      snapshot: of('\u00c4nne@example.com'),
      facts: { claims: claimsOf('\u00e4nne@example.com'), user: null },
      reason: 'TOKEN_USER_MISMATCH',
    },
    {
      title: 'full-width letters are others',
      snapshot: of('ann@example.com'),
      facts: { claims: claimsOf('\uff41nn@example.com'), user: null },
      reason: 'TOKEN_USER_MISMATCH',
    },
  ])
  accepts([
    {
      title: 'composed and decomposed are one',
      snapshot: of('ren\u00e9@example.com'),
      facts: { claims: claimsOf('rene\u0301@example.com'), user: 'Rene\u0301' },
      device: 'x',
    },
  ])
})

describe('tokens', () => {
  const opaque = { claims: null }
  rejects([
    {
      title: 'T32 for another audience',
      facts: { claims: claimsOf('ann@example.com', { audiences: ['https://graph.microsoft.com'] }) },
      reason: 'TOKEN_AUDIENCE',
    },
    {
      title: 'for two audiences, one of them foreign',
      facts: {
        claims: claimsOf('ann@example.com', {
          audiences: ['https://outlook.office365.com', 'https://graph.microsoft.com'],
        }),
      },
      reason: 'TOKEN_AUDIENCE',
    },
    {
      title: 'for no audience',
      facts: { claims: claimsOf('ann@example.com', { audiences: [] }) },
      reason: 'TOKEN_AUDIENCE',
    },
    {
      title: 'T32 of another tenant',
      facts: { claims: claimsOf('ann@example.com', { tenantId: '99999999-2222-3333-4444-555555555555' }) },
      reason: 'TOKEN_TENANT',
    },
    {
      title: 'without a tenant, where tenants are listed',
      facts: { claims: claimsOf('ann@example.com', { tenantId: null }) },
      reason: 'TOKEN_TENANT',
    },
    {
      title: 'T32 of another client',
      facts: { claims: claimsOf('ann@example.com', { appId: '00000000-0000-0000-0000-000000000001' }) },
      reason: 'TOKEN_CLIENT',
    },
    { title: 'T32 garbage, where opaque tokens are refused', facts: opaque, reason: 'TOKEN_UNREADABLE' },
    {
      title: 'of no user, where opaque tokens are refused',
      facts: { claims: claimsOf(null) },
      reason: 'TOKEN_UNREADABLE',
    },
    {
      title: "T29 opaque, and User names somebody else than the certificate's device",
      facts: { ...opaque, user: 'bob@example.com' },
      rules: { opaqueTokens: 'allow' },
      reason: 'QUERY_USER_MISMATCH',
    },
    {
      title: 'readable and of another tenant, though opaque tokens may pass',
      facts: { claims: claimsOf(null, { tenantId: 'other' }) },
      rules: { opaqueTokens: 'allow' },
      reason: 'TOKEN_TENANT',
    },
    { title: 'report mode lets none of them through', facts: opaque, snapshot: REPORT, reason: 'TOKEN_UNREADABLE' },
  ])
  accepts([
    {
      title: 'T32 garbage, where opaque tokens may pass',
      facts: opaque,
      rules: { opaqueTokens: 'allow' },
      device: 'ann-1',
    },
    {
      title: 'of no user, where opaque tokens may pass',
      facts: { claims: claimsOf(null) },
      rules: { opaqueTokens: 'allow' },
      device: 'ann-1',
    },
    {
      title: 'for the destination with its slash, in other case of tenant and client',
      facts: {
        claims: claimsOf('ann@example.com', {
          audiences: ['https://outlook.office365.com/'],
          appId: 'F8D98A96-0999-43F5-8AF3-69971C7BB423',
        }),
      },
      device: 'ann-1',
    },
    {
      title: 'for the application id of Exchange',
      facts: { claims: claimsOf('ann@example.com', { audiences: ['00000002-0000-0ff1-ce00-000000000000'] }) },
      device: 'ann-1',
    },
    {
      title: 'of any tenant, where none is listed',
      facts: { claims: claimsOf('ann@example.com', { tenantId: null }) },
      rules: { tenantIds: new Set<string>() },
      device: 'ann-1',
    },
    {
      title: 'without a client id',
      facts: { claims: claimsOf('ann@example.com', { appId: null }) },
      device: 'ann-1',
    },
  ])
})

describe('posture', () => {
  rejects([
    { title: 'blocked device', facts: cyd, reason: 'DEVICE_BLOCKED', device: 'old-os' },
    { title: 'blocked user', facts: fay, reason: 'USER_BLOCKED', device: 'blocked-user' },
    {
      title: 'blocked user on an unknown device, by the token',
      facts: { certificate: good('8'), deviceKey: 'NEW1', claims: claimsOf('Fay@example.com'), user: null },
      rules: { unknownDevices: 'allow' },
      reason: 'USER_BLOCKED',
    },
    {
      title: 'blocked user on an unknown device, by the certificate',
      facts: { certificate: good('8', 'fay@example.com'), deviceKey: 'NEW1', claims: null, user: null },
      rules: { unknownDevices: 'allow', opaqueTokens: 'allow' },
      reason: 'USER_BLOCKED',
    },
    {
      title: 'blocked device of a blocked user',
      facts: cyd,
      snapshot: snapshotOf({ blockedUsers: ['cyd@example.com'] }),
      reason: 'USER_BLOCKED',
    },
    {
      title: 'unknown device',
      facts: { certificate: ABSENT, deviceKey: 'NEW1' },
      rules: { certificate: 'optional' },
      reason: 'DEVICE_UNKNOWN',
      device: null,
    },
    {
      title: 'no DeviceId, and a user without devices',
      facts: {
        certificate: ABSENT,
        deviceKey: null,
        version: null,
        claims: claimsOf('nobody@example.com'),
        user: null,
      },
      rules: { certificate: 'off' },
      reason: 'DEVICE_UNKNOWN',
    },
    { title: 'wipe at 16.0 blocks instead', facts: { ...eve, version: '16.0' }, reason: 'WIPE_NOT_SUPPORTED' },
    { title: 'T73 wipe at 14.1 blocks instead', facts: { ...eve, version: '14.1' }, reason: 'WIPE_NOT_SUPPORTED' },
    { title: 'wipe at 12.1 blocks instead', facts: { ...eve, version: '12.1' }, reason: 'WIPE_NOT_SUPPORTED' },
  ])
  accepts([
    {
      title: 'OPTIONS may name no device: one of the user that may have mail will do',
      facts: { certificate: ABSENT, deviceKey: null, version: null },
      rules: { certificate: 'off' },
      device: 'ann-1',
    },
    {
      title: 'unknown devices may pass',
      facts: { certificate: ABSENT, deviceKey: 'NEW1' },
      rules: { certificate: 'optional', unknownDevices: 'allow' },
      device: null,
    },
    {
      title: 'the reasons of an allowed device are told too',
      snapshot: snapshotOf({
        devices: [
          device({ id: 'x', easDeviceIds: ['ABC123'], certificates: [fingerprint('a')], reasons: ['GRACE_PERIOD'] }),
        ],
      }),
      device: 'x',
      notes: ['GRACE_PERIOD'],
    },
  ])
  test('the posture reasons of a blocked device go along', () => {
    assert.deepEqual(run({ title: '', facts: cyd }), {
      kind: 'refuse',
      device: DEVICES[7],
      notes: ['OS_TOO_OLD', 'NO_PASSCODE'],
      reason: 'DEVICE_BLOCKED',
    })
  })
  for (const version of ['16.1', null] as const)
    test(`wipe at ${version ?? 'no version (OPTIONS)'}`, () => {
      const verdict = run({ title: '', facts: { ...eve, version } })
      assert.deepEqual(verdict, { kind: 'wipe', device: DEVICES[8], notes: ['RETIRED'] })
    })
  test('a wipe comes before the block of its user', () => {
    const snapshot = snapshotOf({ blockedUsers: ['eve@example.com'] })
    assert.equal(run({ title: '', facts: eve, snapshot }).kind, 'wipe')
  })
})

describe('report mode', () => {
  accepts([
    {
      title: 'blocked device',
      facts: cyd,
      snapshot: REPORT,
      device: 'old-os',
      notes: ['OS_TOO_OLD', 'NO_PASSCODE'],
      reported: 'DEVICE_BLOCKED',
    },
    { title: 'blocked user', facts: fay, snapshot: REPORT, device: 'blocked-user', reported: 'USER_BLOCKED' },
    {
      title: 'pending wipe',
      facts: eve,
      snapshot: REPORT,
      device: 'leaver',
      notes: ['RETIRED'],
      reported: 'WIPE_PENDING',
    },
    {
      title: 'wipe below 16.1',
      facts: { ...eve, version: '14.1' },
      snapshot: REPORT,
      device: 'leaver',
      notes: ['RETIRED'],
      reported: 'WIPE_NOT_SUPPORTED',
    },
    {
      title: 'unknown device',
      facts: { certificate: ABSENT, deviceKey: 'NEW1' },
      rules: { certificate: 'optional' },
      snapshot: REPORT,
      device: null,
      reported: 'DEVICE_UNKNOWN',
    },
    { title: 'nothing to report', snapshot: REPORT, device: 'ann-1' },
  ])
})

describe('versions and age', () => {
  const only161 = { versions: new Set(['16.1'] as const) }
  const stale = { staleAfterMs: HOUR_MS - 1 }
  rejects([
    { title: 'version not on the list', facts: { version: '14.1' }, rules: only161, reason: 'VERSION_NOT_ALLOWED' },
    {
      title: 'a wipe at a version not on the list: it hears that it is blocked',
      facts: { ...eve, version: '14.1' },
      rules: only161,
      reason: 'WIPE_NOT_SUPPORTED',
    },
    { title: 'T66 older than its time', rules: stale, reason: 'POLICY_STALE' },
    { title: 'older than its time, in report mode', rules: stale, snapshot: REPORT, reason: 'POLICY_STALE' },
    {
      title: 'T67 unknown device, and the policy is older than its time',
      facts: { certificate: good('8'), deviceKey: 'NEW1' },
      rules: { ...stale, unknownDevices: 'allow' },
      reason: 'POLICY_STALE',
    },
    { title: 'no policy yet', snapshot: null, reason: 'POLICY_MISSING' },
    {
      title: 'no policy yet, and unknown devices may pass',
      snapshot: null,
      rules: { unknownDevices: 'allow' },
      reason: 'POLICY_MISSING',
    },
  ])
  accepts([
    { title: 'version on the list', rules: only161, device: 'ann-1' },
    { title: 'no version (OPTIONS)', facts: { version: null }, rules: only161, device: 'ann-1' },
    { title: 'T66 exactly as old as it may be', rules: { staleAfterMs: HOUR_MS }, device: 'ann-1' },
    { title: 'written in the future', facts: { now: NOW - 2 * HOUR_MS }, device: 'ann-1' },
  ])
})

describe('a device that nobody knows, while no word comes from Core', () => {
  const facts = { certificate: good('8', 'ann@example.com'), deviceKey: 'NEW1' }
  const away = (
    unknownDevices: 'block' | 'allow',
    unknownWhenCoreIsAway: 'block' | 'allow',
    coreAwayAfterMs: number,
  ) => ({
    facts,
    rules: { unknownDevices, unknownWhenCoreIsAway, coreAwayAfterMs },
  })
  rejects([
    { title: 'away, and then it is blocked', ...away('allow', 'block', HOUR_MS - 1), reason: 'DEVICE_UNKNOWN' },
    { title: 'not yet away: the usual rule', ...away('block', 'allow', HOUR_MS), reason: 'DEVICE_UNKNOWN' },
    {
      title: 'away for too long: nobody passes',
      facts,
      rules: { unknownWhenCoreIsAway: 'allow', coreAwayAfterMs: 1, staleAfterMs: HOUR_MS - 1 },
      reason: 'POLICY_STALE',
    },
    {
      title: 'away, and the device is known as blocked',
      facts: cyd,
      rules: { unknownWhenCoreIsAway: 'allow', coreAwayAfterMs: 1 },
      reason: 'DEVICE_BLOCKED',
    },
    {
      title: 'away, and its certificate is revoked',
      facts: { ...facts, certificate: good('9') },
      rules: { unknownWhenCoreIsAway: 'allow', coreAwayAfterMs: 1 },
      reason: 'CERTIFICATE_REVOKED',
    },
  ])
  accepts([
    { title: 'away, and then it may pass', ...away('block', 'allow', HOUR_MS - 1), device: null },
    { title: 'not yet away, where unknown devices may pass', ...away('allow', 'block', HOUR_MS), device: null },
    { title: 'a known one is served all the same', rules: { coreAwayAfterMs: 1 }, device: 'ann-1' },
  ])
})

describe('one reason, the first of this order', () => {
  const everything = (from: number): Case => {
    const wrong: { facts?: Partial<Facts>; rules?: Partial<DecisionRules> }[] = [
      { facts: { certificate: ABSENT } },
      { facts: { deviceKey: 'BOB1' } },
      {
        facts: {
          claims: claimsOf('bob@example.com', {
            audiences: ['https://graph.microsoft.com'],
            tenantId: 'x',
            appId: 'x',
          }),
        },
      },
      { facts: { claims: claimsOf('bob@example.com', { tenantId: 'x', appId: 'x' }) } },
      { facts: { claims: claimsOf('bob@example.com', { appId: 'x' }) } },
      { facts: { certificate: good('a', 'bob@example.com') } },
      { facts: { claims: claimsOf('bob@example.com') } },
      { facts: { user: 'bob@example.com' } },
      { rules: { staleAfterMs: 1 } },
      {},
      { rules: { versions: new Set(['14.1'] as const) } },
    ]
    // Later faults first, so that of two values for one fact the earlier fault's stands.
    const faults = wrong.slice(from).reverse()
    return {
      title: '',
      facts: Object.assign({}, ...faults.map(({ facts = {} }) => facts)) as Partial<Facts>,
      rules: Object.assign({}, ...faults.map(({ rules = {} }) => rules)) as Partial<DecisionRules>,
      snapshot: snapshotOf({ blockedUsers: ['ann@example.com'] }),
    }
  }
  const order: readonly Reason[] = [
    'CERTIFICATE_MISSING',
    'DEVICE_ID_MISMATCH',
    'TOKEN_AUDIENCE',
    'TOKEN_TENANT',
    'TOKEN_CLIENT',
    'CERTIFICATE_USER_MISMATCH',
    'TOKEN_USER_MISMATCH',
    'QUERY_USER_MISMATCH',
    'POLICY_STALE',
    'USER_BLOCKED',
  ]
  for (const [index, reason] of order.entries())
    test(`${index + 1}. ${reason}`, () => {
      const verdict = run(everything(index))
      assert.equal(verdict.kind === 'refuse' && verdict.reason, reason)
    })
  test('a certificate that is missing comes before a policy that is', () => {
    const verdict = run({ title: '', facts: { certificate: ABSENT }, snapshot: null })
    assert.equal(verdict.kind === 'refuse' && verdict.reason, 'CERTIFICATE_MISSING')
  })
})

describe('decide() as a whole', () => {
  const certificates: readonly CertificateFinding[] = [
    ABSENT,
    refusedAs('CERTIFICATE_EXPIRED'),
    ...['a', 'b', 'c', 'd', 'e', 'f', '8', '9'].map((digit) => good(digit)),
    good('a', 'bob@example.com'),
    good('8', 'open@example.com'),
  ]
  const users = [null, 'ann@example.com', 'bob@example.com', 'fay@example.com', 'open@example.com']
  const facts = fc.record({
    certificate: fc.constantFrom(...certificates),
    claims: fc.option(fc.constantFrom(...users).map((user) => claimsOf(user))),
    user: fc.constantFrom(...users),
    deviceKey: fc.constantFrom(null, 'ABC123', 'BOB1', 'CYD1', 'EVE1', 'FAY1', 'OPEN1', 'NEW1'),
    version: fc.constantFrom(null, '12.1', '14.1', '16.0', '16.1'),
    now: fc.constant(NOW),
  }) as fc.Arbitrary<Facts>
  const rules = fc
    .record({
      certificate: fc.constantFrom('required', 'optional', 'off'),
      unknownDevices: fc.constantFrom('block', 'allow'),
      opaqueTokens: fc.constantFrom('refuse', 'allow'),
    })
    .map((given) => ({ ...RULES, ...given })) as fc.Arbitrary<DecisionRules>
  test('report mode differs from enforce mode in reasons of posture only', () => {
    fc.assert(
      fc.property(facts, rules, (given, by) => {
        const strict = decide(given, ENFORCE, by)
        const lenient = decide(given, REPORT, by)
        if (strict.kind === 'refuse' && !reasonRow(strict.reason).posture) assert.deepEqual(lenient, strict)
        else {
          assert.equal(lenient.kind, 'allow')
          const expected = strict.kind === 'allow' ? null : strict.kind === 'wipe' ? 'WIPE_PENDING' : strict.reason
          assert.equal(lenient.reported, expected)
        }
      }),
    )
  })
  test('where certificates are required, nobody passes as a device whose certificate was not shown', () => {
    fc.assert(
      fc.property(facts, rules, (given, by) => {
        const verdict = decide(given, ENFORCE, { ...by, certificate: 'required' })
        if (verdict.kind !== 'allow' || verdict.device === null) return
        const { certificate } = given
        assert.ok(certificate.state === 'good')
        const { certificates: own } = verdict.device
        assert.ok(own.length === 0 || own.includes(certificate.fingerprint))
      }),
    )
  })
  test('nobody passes with a readable token of another user than the device', () => {
    fc.assert(
      fc.property(facts, rules, (given, by) => {
        const verdict = decide(given, REPORT, by)
        if (verdict.kind !== 'allow' || verdict.device === null) return
        const user = given.claims?.user ?? null
        assert.ok(user === null || user.toLowerCase() === verdict.device.user.toLowerCase())
      }),
    )
  })
})

describe('decideOAuth', () => {
  const oauth = (
    given: { certificate?: CertificateFinding; user?: string | null; claims?: TokenClaims | null },
    rules: Partial<DecisionRules> = {},
    snapshot: Snapshot | null = ENFORCE,
  ): ReturnType<typeof decideOAuth> => {
    const claims = given.claims === undefined ? claimsOf(given.user ?? null) : given.claims
    return decideOAuth({ certificate: given.certificate ?? ABSENT, claims, now: NOW }, snapshot, {
      ...RULES,
      certificate: 'optional',
      ...rules,
    })
  }
  const two = (first: PolicyDevice['posture'], second: PolicyDevice['posture']): Snapshot =>
    snapshotOf({ devices: [device({ id: '1', posture: first }), device({ id: '2', posture: second })] })
  const refused: readonly [title: string, verdict: ReturnType<typeof decideOAuth>, reason: Reason][] = [
    ['no certificate where it is required', oauth({}, { certificate: 'required' }), 'CERTIFICATE_MISSING'],
    [
      'a bad certificate where it is optional',
      oauth({ certificate: refusedAs('CERTIFICATE_EXPIRED') }),
      'CERTIFICATE_EXPIRED',
    ],
    ['a certificate revoked in the snapshot', oauth({ certificate: good('9') }), 'CERTIFICATE_REVOKED'],
    ['no policy yet', oauth({ certificate: good('a') }, {}, null), 'POLICY_MISSING'],
    [
      "another user's token on a device",
      oauth({ certificate: good('a'), user: 'bob@example.com' }),
      'TOKEN_USER_MISMATCH',
    ],
    [
      "another user's token beside an unregistered certificate",
      oauth({ certificate: good('8', 'ann@example.com'), user: 'bob@example.com' }),
      'TOKEN_USER_MISMATCH',
    ],
    [
      "a certificate whose UPN is not the device's user",
      oauth({ certificate: good('a', 'bob@example.com'), claims: null }),
      'CERTIFICATE_USER_MISMATCH',
    ],
    ['a foreign tenant', oauth({ claims: claimsOf('ann@example.com', { tenantId: 'x' }) }), 'TOKEN_TENANT'],
    ['T65 a blocked device, before any token', oauth({ certificate: good('c'), claims: null }), 'DEVICE_BLOCKED'],
    [
      'T65 a blocked device with its token',
      oauth({ certificate: good('c'), user: 'cyd@example.com' }),
      'DEVICE_BLOCKED',
    ],
    ['a device that is to be wiped', oauth({ certificate: good('e'), user: 'eve@example.com' }), 'DEVICE_BLOCKED'],
    ['T65 a blocked user by device', oauth({ certificate: good('f'), claims: null }), 'USER_BLOCKED'],
    ['T65 a blocked user by token', oauth({ user: 'FAY@example.com' }), 'USER_BLOCKED'],
    [
      'a blocked user by certificate',
      oauth({ certificate: good('8', 'fay@example.com'), claims: null }),
      'USER_BLOCKED',
    ],
    [
      'every device of the user is blocked',
      oauth({ user: 'ann@example.com' }, {}, two('block', 'wipe')),
      'DEVICE_BLOCKED',
    ],
  ]
  for (const [title, verdict, reason] of refused)
    test(`refuses: ${title}`, () => {
      assert.equal(verdict.kind, 'refuse')
      assert.equal(verdict.reason, reason)
    })
  const allowed: readonly [
    title: string,
    verdict: ReturnType<typeof decideOAuth>,
    of: string | null,
    reported?: Reason,
  ][] = [
    ['nothing is known yet (authorize)', oauth({ claims: null }), null],
    ['a good device', oauth({ certificate: good('a'), user: 'ANN@example.com' }), 'ann-1'],
    ['certificates are off', oauth({ certificate: good('c'), claims: null }, { certificate: 'off' }), null],
    [
      'one device of the user is blocked, the other not',
      oauth({ user: 'ann@example.com' }, {}, two('block', 'allow')),
      null,
    ],
    ['a user without devices', oauth({ user: 'new@example.com' }), null],
    [
      'report mode: blocked device',
      oauth({ certificate: good('c'), claims: null }, {}, REPORT),
      'old-os',
      'DEVICE_BLOCKED',
    ],
    ['report mode: blocked user', oauth({ user: 'fay@example.com' }, {}, REPORT), null, 'USER_BLOCKED'],
  ]
  for (const [title, verdict, of, reported = null] of allowed)
    test(`allows: ${title}`, () => {
      assert.equal(verdict.kind, 'allow')
      assert.equal(verdict.device?.id ?? null, of)
      assert.equal(verdict.reported, reported)
    })
})

describe('settled: what the device is told', () => {
  const told: readonly (readonly [Reason, number, alarm: boolean])[] = [
    ['DEVICE_ID_MISMATCH', 130, true],
    ['CERTIFICATE_USER_MISMATCH', 130, true],
    ['TOKEN_USER_MISMATCH', 130, true],
    ['QUERY_USER_MISMATCH', 130, true],
    ['DEVICE_BLOCKED', 129, false],
    ['DEVICE_UNKNOWN', 129, false],
    ['WIPE_NOT_SUPPORTED', 129, false],
    ['USER_BLOCKED', 126, false],
    ['WIPE_PENDING', 140, false],
    ['VERSION_NOT_ALLOWED', 138, false],
    ['POLICY_STALE', 111, false],
    ['POLICY_MISSING', 111, false],
  ]
  for (const [reason, eas, alarm] of told)
    test(`${reason} ${eas}${alarm ? ' with an alarm' : ''}`, () => {
      assert.equal(REASONS[reason].eas, eas)
      assert.equal(isAlarm(reason), alarm)
    })
})

describe('Group Certificate: it opens the door and names nobody', () => {
  const group = { certificateKind: 'group' } as const
  const shared = good('7', 'fleet@example.com')
  rejects([
    { title: 'none shown', facts: { certificate: ABSENT }, rules: group, reason: 'CERTIFICATE_MISSING' },
    {
      title: 'one of another authority',
      facts: { certificate: refusedAs('CERTIFICATE_UNTRUSTED') },
      rules: group,
      reason: 'CERTIFICATE_UNTRUSTED',
    },
    { title: 'revoked', facts: { certificate: good('9') }, rules: group, reason: 'CERTIFICATE_REVOKED' },
    {
      title: "another user's token on a known DeviceId",
      facts: { certificate: shared, claims: claimsOf('bob@example.com'), user: null },
      rules: group,
      reason: 'TOKEN_USER_MISMATCH',
      device: 'ann-1',
    },
    {
      title: 'an unknown DeviceId',
      facts: { certificate: shared, deviceKey: 'NEW' },
      rules: group,
      reason: 'DEVICE_UNKNOWN',
    },
    { title: 'a blocked device', facts: { ...cyd, certificate: shared }, rules: group, reason: 'DEVICE_BLOCKED' },
    {
      title: 'the same certificate where each device has its own',
      facts: { certificate: shared },
      reason: 'DEVICE_ID_MISMATCH',
    },
  ])
  accepts([
    {
      title: 'a device that is registered with a certificate of its own',
      facts: { certificate: shared },
      rules: group,
      device: 'ann-1',
    },
    {
      title: 'a second device with the same certificate',
      facts: { certificate: shared, deviceKey: 'BOB1', claims: claimsOf('bob@example.com'), user: 'bob@example.com' },
      rules: group,
      device: 'bob-1',
    },
    {
      title: 'none shown where it is optional',
      facts: { certificate: ABSENT },
      rules: { ...group, certificate: 'optional' },
      device: 'ann-1',
    },
  ])
  test('sign-in goes by the token alone', () => {
    const facts = { certificate: shared, claims: claimsOf('cyd@example.com'), now: NOW }
    const verdict = decideOAuth(facts, ENFORCE, { ...RULES, ...group })
    assert.equal(verdict.kind, 'refuse')
    assert.equal(verdict.reason, 'DEVICE_BLOCKED')
  })
})
