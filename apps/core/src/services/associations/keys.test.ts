import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { associationUserKey, easKeyOf, storable } from './keys.ts'

describe('users compare', () => {
  const rows = [
    { title: 'without regard to ASCII case', a: 'Ann@Example.COM', b: 'ann@example.com', same: true },
    { title: 'composed and decomposed', a: 'andr\u00e9@example.com', b: 'andre\u0301@example.com', same: true },
    { title: 'the Kelvin sign is no k', a: '\u212aim@example.com', b: 'kim@example.com', same: false },
    { title: 'the Greek question mark is no semicolon', a: 'a\u037e@example.com', b: 'a;@example.com', same: false },
    { title: 'the dotted capital I is no i', a: '\u0130@example.com', b: 'i@example.com', same: false },
  ]
  for (const { title, a, b, same } of rows) {
    test(title, () => assert.equal(associationUserKey(a) === associationUserKey(b), same))
  }
})

test('ids compare without regard to ASCII case and nothing else', () => {
  assert.equal(easKeyOf('ABC123'), easKeyOf('abc123'))
  assert.notEqual(easKeyOf('\u212a1'), easKeyOf('k1'))
})

test('what no column takes is shown as U+FFFD', () => {
  assert.equal(storable('a\u0000b\u001fc\ud800d\u0085e'), 'a\ufffdb\ufffdc\ufffdd\ufffde')
  assert.equal(storable('plain \u{1f600}'), 'plain \u{1f600}')
})
