import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childOf, DerError, integerOf, MAX_DEPTH, octetsOf, oidOf, readDer, TAG } from './der.ts'

const REFUSED: [string, string][] = [
  ['nothing', ''],
  ['a tag alone', '30'],
  ['a length that is cut off', '3082'],
  ['a length over the input', '300500'],
  ['a length of five bytes', '308500000000000500'],
  ['bytes after the value', '050000'],
  ['a tag number over 30', '1f2100'],
  ['an indefinite length without an end', '30800500'],
  ['an indefinite length of a primitive value', '0480040100'],
  ['too deep', '3080'.repeat(MAX_DEPTH + 2) + '0000'.repeat(MAX_DEPTH + 2)],
]

for (const [what, hex] of REFUSED) {
  test(`${what} is refused`, () => {
    assert.throws(() => readDer(Buffer.from(hex, 'hex')), DerError)
  })
}

test('an input of openings alone ends in an error, not in a full stack', () => {
  assert.throws(() => readDer(Buffer.from('3080'.repeat(100_000), 'hex')), DerError)
})

test('indefinite lengths and chunked octets are read as their definite form', () => {
  const chunked = readDer(Buffer.from('3080248004010104020203000002010700' + '00', 'hex'))
  assert.deepEqual(octetsOf(childOf(chunked, 0, 0x24)), Buffer.of(1, 2, 3))
  assert.equal(integerOf(childOf(chunked, 1, TAG.integer)), 7)
})

test('another tag in an element’s place is refused', () => {
  const value = readDer(Buffer.from('3003020105', 'hex'))
  assert.throws(() => childOf(value, 0, TAG.oid), DerError)
  assert.throws(() => childOf(value, 1, TAG.integer), DerError)
})

const OIDS: [string, string][] = [
  ['06092a864886f70d010706', '1.2.840.113549.1.7.6'],
  ['0603551d11', '2.5.29.17'],
  ['0603883703', '2.999.3'],
]
for (const [hex, dotted] of OIDS) {
  test(`the object identifier ${dotted}`, () => {
    assert.equal(oidOf(readDer(Buffer.from(hex, 'hex'))), dotted)
  })
}

test('negative and long integers are refused', () => {
  for (const hex of ['0200', '0201ff', '020700ffffffffffff']) {
    assert.throws(() => integerOf(readDer(Buffer.from(hex, 'hex'))), DerError)
  }
})
