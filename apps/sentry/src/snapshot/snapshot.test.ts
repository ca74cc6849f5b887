import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import fc from 'fast-check'
import { toSnapshot, userKey } from './snapshot.ts'

const device = (given: Partial<PolicyDevice> & { id: string }): PolicyDevice => ({
  user: 'ann@example.com',
  easDeviceIds: [],
  certificates: [],
  posture: 'allow',
  reasons: [],
  ...given,
})

describe('users compare after NFC and by ASCII case only (6.3)', () => {
  const differ: readonly (readonly [title: string, a: string, b: string])[] = [
    ['Kelvin sign and k', '\u212A@x', 'k@x'],
    ['Kelvin sign and K', '\u212A@x', 'K@x'],
    ['long s and s', '\u017f@x', 's@x'],
    ['dotless i and i', '\u0131@x', 'i@x'],
    ['dotted capital I and i', '\u0130@x', 'i@x'],
    ['full-width a and a', '\uff41@x', 'a@x'],
    ['Cyrillic a and a', '\u0430@x', 'a@x'],
    ['Greek question mark and semicolon', 'a\u037e@x', 'a;@x'],
    ['capital and small a umlaut', '\u00c4@x', '\u00e4@x'],
    ['sharp s and ss', '\u00df@x', 'ss@x'],
    ['blank before', ' a@x', 'a@x'],
    ['dot behind', 'a@x.', 'a@x'],
  ]
  for (const [title, a, b] of differ) test(`${title} differ`, () => assert.notEqual(userKey(a), userKey(b)))
  const same: readonly (readonly [title: string, a: string, b: string])[] = [
    ['ASCII case', 'ANN@Example.COM', 'ann@example.com'],
    ['composed and decomposed', 'rene\u0301@x', 'ren\u00e9@x'],
    ['Angstrom sign and A with ring', '\u212b@x', '\u00c5@x'],
    ['a Kelvin sign is itself', '\u212a@X', '\u212a@x'],
  ]
  for (const [title, a, b] of same) test(`${title} is one`, () => assert.equal(userKey(a), userKey(b)))
  test('no other letter turns into an ASCII one', () => {
    const ascii = /[\u0000-\u007f]/
    for (let code = 0x80; code < 0x30000; code += 1) {
      const letter = String.fromCodePoint(code)
      if (letter.isWellFormed()) assert.ok(!ascii.test(userKey(letter)), code.toString(16))
    }
  })
  test('a key is its own key', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(userKey(userKey(text)), userKey(text))))
  })
})

describe('the indexed snapshot', () => {
  const phone = device({ id: 'phone', easDeviceIds: ['abc123', 'DEF'], certificates: ['sha256:1', 'sha256:2'] })
  const twin = device({ id: 'twin', user: 'ANN@example.com', easDeviceIds: ['ABC123', 'abc123'] })
  const snapshot = toSnapshot(
    {
      schema: 1,
      version: 7,
      devices: [phone, twin],
      revokedCertificates: ['sha256:9'],
      blockedUsers: ['Bob@Example.com'],
      mode: 'report',
    },
    5,
  )
  test('by certificate', () => {
    assert.equal(snapshot.deviceByCertificate.get('sha256:2'), phone)
    assert.equal(snapshot.deviceByCertificate.get('sha256:3'), undefined)
  })
  test('by DeviceId, without regard to case, and a repeated id once', () => {
    assert.deepEqual(snapshot.devicesByEasKey.get('ABC123'), [phone, twin])
    assert.deepEqual(snapshot.devicesByEasKey.get('DEF'), [phone])
    assert.deepEqual([...(snapshot.easKeysByDevice.get('phone') ?? [])], ['ABC123', 'DEF'])
  })
  test('by user', () => assert.deepEqual(snapshot.devicesByUser.get('ann@example.com'), [phone, twin]))
  test('the rest', () => {
    assert.equal(snapshot.blockedUsers.has('bob@example.com'), true)
    assert.equal(snapshot.revokedCertificates.has('sha256:9'), true)
    assert.deepEqual([snapshot.version, snapshot.mode, snapshot.writtenAt], [7, 'report', 5])
  })
})
