import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePolicySnapshot, parsePolicyText } from './policy-snapshot.ts'
import { ContractError, type Problem } from './problems.ts'

const FINGERPRINT = `sha256:${'0123456789abcdef'.repeat(4)}`
const DEVICE = {
  id: 'device-1',
  user: 'ann@example.com',
  easDeviceIds: ['ABC123'],
  certificates: [FINGERPRINT],
  posture: 'allow',
  reasons: ['OS_TOO_OLD'],
}
const SNAPSHOT = {
  schema: 1,
  version: 7,
  devices: [DEVICE],
  revokedCertificates: [FINGERPRINT.replace('0', 'f')],
  blockedUsers: ['bob@example.com'],
  mode: 'enforce',
}
function problemsOf(input: unknown): readonly Problem[] {
  try {
    parsePolicySnapshot(input)
  } catch (error) {
    assert.ok(error instanceof ContractError, String(error))
    return error.problems
  }
  return []
}
const without = (value: object, key: string): object =>
  Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))

describe('policy snapshots that are refused, each with its path', () => {
  const device = (change: object): unknown => ({ ...SNAPSHOT, devices: [{ ...DEVICE, ...change }] })
  const rejects: readonly (readonly [title: string, input: unknown, path: string])[] = [
    ['null', null, ''],
    ['a list', [], ''],
    ['text', '{}', ''],
    ...Object.keys(SNAPSHOT).map((key) => [`without ${key}`, without(SNAPSHOT, key), ''] as const),
    ...Object.keys(DEVICE).map(
      (key) => [`a device without ${key}`, { ...SNAPSHOT, devices: [without(DEVICE, key)] }, 'devices[0]'] as const,
    ),
    ['an unknown key', { ...SNAPSHOT, generated: 'now' }, ''],
    ['an unknown key of a device', device({ owner: 'ann' }), 'devices[0]'],
    ['schema 2', { ...SNAPSHOT, schema: 2 }, 'schema'],
    ['schema as text', { ...SNAPSHOT, schema: '1' }, 'schema'],
    ['version -1', { ...SNAPSHOT, version: -1 }, 'version'],
    ['version 1.5', { ...SNAPSHOT, version: 1.5 }, 'version'],
    ['version beyond what a number counts', { ...SNAPSHOT, version: 2 ** 53 }, 'version'],
    ['mode off', { ...SNAPSHOT, mode: 'off' }, 'mode'],
    ['devices as an object', { ...SNAPSHOT, devices: {} }, 'devices'],
    ['a device that is null', { ...SNAPSHOT, devices: [null] }, 'devices[0]'],
    ['an empty id', device({ id: '' }), 'devices[0].id'],
    ['an id of 129 characters', device({ id: 'x'.repeat(129) }), 'devices[0].id'],
    ['a user that is a number', device({ user: 5 }), 'devices[0].user'],
    ['an empty user', device({ user: '' }), 'devices[0].user'],
    ['a DeviceId with a dash', device({ easDeviceIds: ['A', 'A-B'] }), 'devices[0].easDeviceIds[1]'],
    ['an empty DeviceId', device({ easDeviceIds: [''] }), 'devices[0].easDeviceIds[0]'],
    [
      'a fingerprint in upper case',
      device({ certificates: [FINGERPRINT.toUpperCase()] }),
      'devices[0].certificates[0]',
    ],
    [
      'a fingerprint with colons',
      device({ certificates: [`sha256:${'ab:'.repeat(31)}ab`] }),
      'devices[0].certificates[0]',
    ],
    ['a fingerprint of SHA-1', device({ certificates: [`sha1:${'0'.repeat(40)}`] }), 'devices[0].certificates[0]'],
    ['a fingerprint with a line end', device({ certificates: [`${FINGERPRINT}\n`] }), 'devices[0].certificates[0]'],
    ['posture quarantine', device({ posture: 'quarantine' }), 'devices[0].posture'],
    ['posture null', device({ posture: null }), 'devices[0].posture'],
    ['an empty reason', device({ reasons: [''] }), 'devices[0].reasons[0]'],
    ['a revoked certificate that is none', { ...SNAPSHOT, revokedCertificates: ['x'] }, 'revokedCertificates[0]'],
    ['an empty blocked user', { ...SNAPSHOT, blockedUsers: ['a', ''] }, 'blockedUsers[1]'],
    ['an id twice', { ...SNAPSHOT, devices: [DEVICE, { ...DEVICE, certificates: [] }] }, 'devices[1].id'],
    [
      'a certificate of two devices',
      { ...SNAPSHOT, devices: [DEVICE, { ...DEVICE, id: 'device-2' }] },
      'devices[1].certificates',
    ],
  ]
  for (const [title, input, path] of rejects)
    test(title, () => {
      const problems = problemsOf(input)
      assert.deepEqual([...new Set(problems.map((problem) => problem.path))], [path], JSON.stringify(problems))
    })
  test('all problems together', () => {
    const problems = problemsOf({ ...SNAPSHOT, schema: 2, mode: 'x', devices: [{ ...DEVICE, posture: 1 }] })
    assert.deepEqual(problems.map(({ path }) => path).toSorted(), ['devices[0].posture', 'mode', 'schema'])
  })
  test('50 of them at most', () => {
    const devices = Array.from({ length: 200 }, () => ({ ...DEVICE, posture: 'x' }))
    assert.equal(problemsOf({ ...SNAPSHOT, devices }).length, 50)
    assert.equal(problemsOf({ ...SNAPSHOT, devices: Array.from({ length: 200 }, () => DEVICE) }).length, 50)
  })
  for (const text of ['', '{', 'undefined', '{"schema":1,}'])
    test(`no JSON: ${JSON.stringify(text)}`, () =>
      assert.throws(() => parsePolicyText(text), { name: 'ContractError' }))
})

describe('policy snapshots that are read', () => {
  test('as written', () => assert.deepEqual(parsePolicyText(JSON.stringify(SNAPSHOT)), SNAPSHOT))
  test('with nothing in it', () => {
    const empty = { ...SNAPSHOT, devices: [], revokedCertificates: [], blockedUsers: [], version: 0, mode: 'report' }
    assert.deepEqual(parsePolicySnapshot(empty), empty)
  })
  test('a device without ids, certificates and reasons', () => {
    const bare = {
      ...SNAPSHOT,
      devices: [{ ...DEVICE, easDeviceIds: [], certificates: [], reasons: [], posture: 'wipe' }],
    }
    assert.deepEqual(parsePolicySnapshot(bare), bare)
  })
  test('one DeviceId of two devices: the certificate tells them apart', () => {
    const shared = { ...SNAPSHOT, devices: [DEVICE, { ...DEVICE, id: 'device-2', certificates: [] }] }
    assert.equal(parsePolicySnapshot(shared).devices.length, 2)
  })
})
