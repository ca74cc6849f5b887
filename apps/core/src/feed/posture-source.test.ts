import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_ENTRIES, MAX_FEED_LINE_BYTES } from '@postern/contract/feed/feed-messages'
import { linesOf, MAX_ENTRIES_BYTES, type NumberedEntry } from './posture-source.ts'

/** `seq` counts from 1. */
function page(count: number, bytesEach: number): NumberedEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    seq: i + 1,
    json: JSON.stringify({ kind: 'user', user: 'ü'.repeat(bytesEach / 2), blocked: true }),
  }))
}

describe('lines of a page', () => {
  const cases: [string, NumberedEntry[], number][] = [
    ['nothing is no line', [], 0],
    ['small entries go together', page(MAX_ENTRIES, 100), 1],
    ['more than a message may have are two', page(MAX_ENTRIES + 1, 10), 2],
    ['large entries are spread', page(100, 100_000), 3],
    ['one that is larger than a line goes alone', page(2, MAX_ENTRIES_BYTES + 2), 2],
  ]
  for (const [title, entries, lines] of cases) {
    test(title, () => {
      const parts = [...linesOf(entries)]
      assert.equal(parts.length, lines)
      assert.deepEqual(
        parts.flat().map(({ seq }) => seq),
        entries.map(({ seq }) => seq),
      )
      for (const part of parts.filter(({ length }) => length > 1)) {
        assert.ok(part.length <= MAX_ENTRIES)
        assert.ok(Buffer.byteLength(part.map(({ json }) => json).join(',')) < MAX_FEED_LINE_BYTES)
      }
    })
  }
})
