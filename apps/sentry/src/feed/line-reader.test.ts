import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LineReader } from './line-reader.ts'

describe('lines that are refused', () => {
  test('longer than allowed, in one chunk', () => {
    assert.throws(() => new LineReader(4).push(Buffer.from('12345\n')), { name: 'LineTooLong' })
  })
  test('longer than allowed, and never ended', () => {
    const reader = new LineReader(4)
    reader.push(Buffer.from('123'))
    reader.push(Buffer.from('4'))
    assert.throws(() => reader.push(Buffer.from('5')), { name: 'LineTooLong' })
  })
})

describe('lines', () => {
  const text = 'one\n\nR\u00e9n\u00e9 \u{1F4EE}\nlast'
  const bytes = Buffer.from(text)
  for (let size = 1; size <= bytes.length; size += 1)
    test(`in chunks of ${size}`, () => {
      const reader = new LineReader(16)
      const lines: string[] = []
      for (let at = 0; at < bytes.length; at += size) lines.push(...reader.push(bytes.subarray(at, at + size)))
      assert.deepEqual(lines, text.split('\n').slice(0, -1))
      assert.equal(reader.pending, 4)
    })
  test('exactly as long as allowed', () => {
    assert.deepEqual(new LineReader(4).push(Buffer.from('1234\n')), ['1234'])
  })
})
