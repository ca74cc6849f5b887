/**
 * Policy files of odd shapes: names that are members of every object, and names that only look alike.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicyText } from '@postern/contract/policy-snapshot'
import { toSnapshot } from '../src/snapshot/snapshot.ts'

const device = (id: string, user: string): Record<string, unknown> => ({
  id,
  user,
  easDeviceIds: ['constructor'],
  certificates: [],
  posture: 'block',
  reasons: ['toString'],
})
const text = (more: string, devices: unknown[] = []): string =>
  `{"schema":1,"version":1,"devices":${JSON.stringify(devices)},"revokedCertificates":[],"blockedUsers":["__proto__"],"mode":"enforce"${more}}`

for (const name of ['__proto__', 'constructor', 'prototype', 'toString'])
  test(`a field ${name} is refused`, () => {
    assert.throws(() => parsePolicyText(text(`,"${name}":{}`)), { name: 'ContractError' })
  })

for (const name of ['__proto__', 'constructor', 'hasOwnProperty'])
  test(`a device and a user ${name} are names like any other`, () => {
    const snapshot = toSnapshot(parsePolicyText(text('', [device(name, name)])), 0)
    assert.equal(snapshot.devicesByUser(name.toLowerCase()).length, 1)
    assert.equal(snapshot.devicesByEasKey('CONSTRUCTOR')[0]?.posture, 'block')
    assert.deepEqual(snapshot.devicesByEasKey('TOSTRING'), [])
    assert.ok(snapshot.isUserBlocked('__proto__'))
  })

for (const [title, broken] of [
  ['an array', '[]'],
  ['null', 'null'],
  ['a number', '1'],
  ['nothing', ''],
  ['half of it', text('').slice(0, 40)],
  ['a hundred thousand brackets', '['.repeat(100_000)],
  ['a device that is null', text('', [null])],
  ['a device with a field of every object', text('').replace('[]', '[{"__proto__":{"posture":"allow"},"id":"a"}]')],
] as const)
  test(`${title} is refused, and says so`, () => {
    assert.throws(() => parsePolicyText(broken), { name: 'ContractError' })
  })
