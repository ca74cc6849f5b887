import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import fc from 'fast-check'
import { emptySnapshot, type Snapshot, subjects, toSnapshot } from './snapshot.ts'

const device = (given: Partial<PolicyDevice> & { id: string }): PolicyDevice => ({
  user: 'ann@example.com',
  easDeviceIds: [],
  certificates: [],
  posture: 'allow',
  reasons: [],
  ...given,
})
const entry = (given: Partial<PolicyDevice> & { id: string }): PostureEntry => ({
  kind: 'device',
  device: device(given),
})
const apply = (snapshot: Snapshot, entries: readonly PostureEntry[], version = 1): Snapshot => {
  const draft = snapshot.draft()
  for (const each of entries) draft.apply(each)
  return draft.done(version, 0)
}
const ids = (devices: readonly PolicyDevice[]): string[] => devices.map(({ id }) => id)

describe('the indexed snapshot', () => {
  const phone = device({ id: 'phone', easDeviceIds: ['abc123', 'DEF'], certificates: ['sha256:1', 'sha256:2'] })
  const twin = device({ id: 'twin', user: 'ANN@example.com', easDeviceIds: ['ABC123', 'abc123'] })
  const snapshot = toSnapshot(
    {
      schema: 1,
      version: 7,
      devices: [twin, phone],
      revokedCertificates: ['sha256:9'],
      blockedUsers: ['Bob@Example.com'],
      mode: 'report',
    },
    5,
  )
  test('by certificate', () => {
    assert.equal(snapshot.deviceByCertificate('sha256:2'), phone)
    assert.equal(snapshot.deviceByCertificate('sha256:3'), null)
  })
  test('by DeviceId, without regard to case, a repeated id once, in the order of ids', () => {
    assert.deepEqual(snapshot.devicesByEasKey('ABC123'), [phone, twin])
    assert.deepEqual(snapshot.devicesByEasKey('DEF'), [phone])
    assert.deepEqual(snapshot.devicesByEasKey('GHI'), [])
  })
  test('by user', () => assert.deepEqual(snapshot.devicesByUser('ann@example.com'), [phone, twin]))
  test('the rest', () => {
    assert.equal(snapshot.isUserBlocked('bob@example.com'), true)
    assert.equal(snapshot.isRevoked('sha256:9'), true)
    assert.deepEqual([snapshot.version, snapshot.mode, snapshot.writtenAt], [7, 'report', 5])
  })
  test('confirmed later: the same, but younger', () => {
    const later = snapshot.confirmedAt(9)
    assert.deepEqual([later.version, later.mode, later.writtenAt], [7, 'report', 9])
    assert.equal(later.deviceByCertificate('sha256:2'), phone)
    assert.equal(snapshot.writtenAt, 5)
  })
})

describe('changes', () => {
  const before = apply(emptySnapshot(), [
    entry({ id: 'a', easDeviceIds: ['A1'], certificates: ['c1'] }),
    entry({ id: 'b', easDeviceIds: ['B1'], certificates: ['c2'], user: 'bob' }),
    { kind: 'certificate', fingerprint: 'c9', revoked: true },
    { kind: 'user', user: 'Eve', blocked: true },
  ])
  test('a device that is removed is under none of its keys any more, and the version before still has it', () => {
    const after = apply(before, [{ kind: 'device-removed', id: 'a' }])
    assert.equal(after.deviceByCertificate('c1'), null)
    assert.deepEqual(after.devicesByEasKey('A1'), [])
    assert.deepEqual(after.devicesByUser('ann@example.com'), [])
    assert.equal(before.deviceByCertificate('c1')?.id, 'a')
    assert.deepEqual(ids(before.devicesByEasKey('A1')), ['a'])
  })
  test('an entry replaces the device whole: old ids, certificates and user are gone', () => {
    const after = apply(before, [entry({ id: 'a', easDeviceIds: ['A2'], certificates: ['c3'], user: 'bob' })])
    assert.equal(after.deviceByCertificate('c1'), null)
    assert.deepEqual(after.devicesByEasKey('A1'), [])
    assert.deepEqual(ids(after.devicesByUser('bob')), ['a', 'b'])
    assert.deepEqual(after.devicesByUser('ann@example.com'), [])
  })
  test('a certificate of two devices: the strictest posture speaks, in whatever order they came', () => {
    const block = entry({ id: 'z', certificates: ['c1'], posture: 'block' })
    const allow = entry({ id: 'y', certificates: ['c1'] })
    assert.equal(apply(emptySnapshot(), [block, allow]).deviceByCertificate('c1')?.id, 'z')
    assert.equal(apply(emptySnapshot(), [allow, block]).deviceByCertificate('c1')?.id, 'z')
  })
  test('revocations, blocks and the mode can be taken back', () => {
    const after = apply(before, [
      { kind: 'certificate', fingerprint: 'c9', revoked: false },
      { kind: 'user', user: 'EVE', blocked: false },
      { kind: 'mode', mode: 'report' },
    ])
    assert.deepEqual([after.isRevoked('c9'), after.isUserBlocked('eve'), after.mode], [false, false, 'report'])
    assert.deepEqual([before.isRevoked('c9'), before.isUserBlocked('eve'), before.mode], [true, true, 'enforce'])
  })
  test('what was unknown may be removed, and what is known may come again', () => {
    const after = apply(before, [{ kind: 'device-removed', id: 'nobody' }, entry({ id: 'a', certificates: ['c1'] })])
    assert.equal(after.deviceByCertificate('c1')?.id, 'a')
  })
  test('a draft says what it is about, of the old device and of the new one', () => {
    const draft = before.draft()
    draft.apply(entry({ id: 'a', easDeviceIds: ['A2'], certificates: ['c3'], user: 'Bob' }))
    const { certificate, easKey, user } = subjects
    assert.deepEqual(
      [...(draft.changed ?? [])].toSorted(),
      [
        ...[certificate('c1'), certificate('c3'), easKey('A1'), easKey('A2')],
        ...[user('ann@example.com'), user('bob')],
      ].toSorted(),
    )
  })
  test('another mode is about everybody; the same one about nobody', () => {
    const draft = before.draft()
    draft.apply({ kind: 'mode', mode: 'enforce' })
    assert.equal(draft.changed?.size, 0)
    draft.apply({ kind: 'mode', mode: 'report' })
    assert.equal(draft.changed, null)
  })
})

test('any changes, one by one or at once, end in the snapshot that is built from the result', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const one = fc.oneof(
    fc.record({ id: name, user: name, easDeviceIds: fc.array(name), certificates: fc.array(name) }).map(entry),
    name.map((id): PostureEntry => ({ kind: 'device-removed', id })),
  )
  fc.assert(
    fc.property(fc.array(one), (entries) => {
      const left = new Map<string, PostureEntry>()
      for (const each of entries) {
        if (each.kind === 'device') left.set(each.device.id, each)
        else if (each.kind === 'device-removed') left.delete(each.id)
      }
      const expected = apply(emptySnapshot(), [...left.values()])
      const oneByOne = entries.reduce((snapshot, each) => apply(snapshot, [each]), emptySnapshot())
      for (const got of [oneByOne, apply(emptySnapshot(), entries)]) {
        for (const key of ['a', 'b', 'c', 'd']) {
          assert.deepEqual(got.devicesByUser(key), expected.devicesByUser(key))
          assert.deepEqual(got.devicesByEasKey(key.toUpperCase()), expected.devicesByEasKey(key.toUpperCase()))
          assert.deepEqual(got.deviceByCertificate(key), expected.deviceByCertificate(key))
        }
      }
    }),
  )
})

test('one change among 100,000 devices copies hundreds of entries, not thousands', () => {
  const name = (i: number): string => `device-${i}`
  const all = Array.from({ length: 100_000 }, (_, i) =>
    entry({ id: name(i), user: `user-${i}`, easDeviceIds: [`E${i}`], certificates: [`sha256:${i}`] }),
  )
  const snapshot = apply(emptySnapshot(), all)
  const draft = snapshot.draft()
  const sets = mock.method(Map.prototype, 'set') // a copy of a map calls it for every entry that it takes over
  draft.apply(entry({ id: name(500), user: 'user-500', easDeviceIds: ['E500'], certificates: [], posture: 'block' }))
  const after = draft.done(2, 0)
  const copied = sets.mock.callCount()
  sets.mock.restore()
  assert.ok(copied > 0 && copied < 2_000, `${copied} entries were copied`)
  assert.equal(after.devicesByEasKey('E500')[0]?.posture, 'block')
  assert.equal(snapshot.devicesByEasKey('E500')[0]?.posture, 'allow')
})
