import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { userKey } from './user-key.ts'

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
