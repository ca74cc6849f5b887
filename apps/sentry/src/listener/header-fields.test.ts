import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeaderFields } from './header-fields.ts'

describe('header fields', () => {
  const fields = HeaderFields.ofRaw(['Cookie', 'a=1', 'ACCEPT', 'x', 'accept', 'Y', 'Empty', ''])
  test('names in lower case, values and order as received, nothing merged', () => {
    assert.deepEqual(fields.entries, [
      ['cookie', 'a=1'],
      ['accept', 'x'],
      ['accept', 'Y'],
      ['empty', ''],
    ])
  })
  test('one value is the first, all values are in order', () => {
    assert.equal(fields.value('accept'), 'x')
    assert.deepEqual(fields.values('accept'), ['x', 'Y'])
  })
  test('empty is not absent', () => {
    assert.equal(fields.value('empty'), '')
    assert.equal(fields.has('empty'), true)
    assert.equal(fields.value('none'), null)
    assert.equal(fields.has('none'), false)
    assert.deepEqual(fields.values('none'), [])
  })
  test('names of properties that every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) assert.equal(fields.value(name), null)
    assert.equal(HeaderFields.ofRaw(['__proto__', 'x']).value('__proto__'), 'x')
  })
  test('a name without a value at the end is no field', () => {
    assert.deepEqual(HeaderFields.ofRaw(['a', '1', 'b']).entries, [['a', '1']])
  })
})
