import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { stableUuid } from './stable-uuid.ts'

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest()
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

describe('UUID of version 5 (RFC 9562, 5.5)', () => {
  for (const namespace of ['', 'dns', DNS.replaceAll('-', ''), `${DNS}0`, `g${DNS.slice(1)}`]) {
    test(`${JSON.stringify(namespace)} is no namespace`, () =>
      assert.throws(() => stableUuid(namespace, 'a', sha1), RangeError))
  }
  test('another hash is refused', () => assert.throws(() => stableUuid(DNS, 'a', sha256), RangeError))

  // The first is RFC 9562, A.4; the second is the example of Python's uuid module.
  const known = [
    { name: 'www.example.com', uuid: '2ed6657d-e927-568b-95e1-2665a8aea6a2' },
    { name: 'python.org', uuid: '886313e1-3b8a-5372-9b90-0c9aee199e5d' },
  ]
  for (const { name, uuid } of known) {
    test(`${name} is ${uuid}`, () => {
      assert.equal(stableUuid(DNS, name, sha1), uuid)
      assert.equal(stableUuid(DNS.toUpperCase(), name, sha1), uuid)
    })
  }

  test('any name gives one UUID, and another name another', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const uuid = stableUuid(DNS, a, sha1)
        assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        assert.equal(stableUuid(DNS, a, sha1), uuid)
        assert.equal(stableUuid(DNS, b, sha1) === uuid, a === b)
      }),
    )
  })
})
