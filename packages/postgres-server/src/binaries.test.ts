import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseLinks } from './binaries.ts'

describe("the package's list of links", () => {
  for (const [title, list] of [
    ['no list', {}],
    ['no row', [null]],
    ['no target', [{ source: 'native/lib/a' }]],
    ['a number', [{ source: 1, target: 'native/lib/a' }]],
    ['outside of lib', [{ source: 'native/lib/a', target: 'native/bin/postgres' }]],
    ['upwards', [{ source: 'native/lib/a', target: 'native/lib/../../x' }]],
    ['absolute', [{ source: '/etc/passwd', target: 'native/lib/a' }]],
  ] as const)
    test(title, () => assert.throws(() => parseLinks(list), { name: 'PostgresError', code: 'BINARIES_UNUSABLE' }))
  test('names within lib', () => {
    const list = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]
    assert.deepEqual(parseLinks(list), [{ source: 'libpq.so.5.18', target: 'libpq.so.5' }])
  })
})
