/** What no endpoint takes: text that is none, and nesting without end. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { CoreError } from '../failure.ts'
import { MAX_DEPTH, MAX_ITEMS, requirePlain } from './plain-input.ts'

const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i += 1) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

describe('input of any endpoint', () => {
  const refused: readonly { readonly title: string; readonly input: unknown; readonly path: string }[] = [
    { title: 'NUL in a text', input: { a: [{ b: 'x\0' }] }, path: 'a[0].b' },
    { title: 'the first half of a pair', input: { a: '\ud800' }, path: 'a' },
    { title: 'the second half of a pair', input: ['a', '\udc00b'], path: '[1]' },
    { title: 'NUL in a name', input: { a: { 'b\0': 1 } }, path: 'a' },
    { title: 'half a pair in a name', input: { '\ud800': 1 }, path: '' },
    { title: 'the document itself', input: '\0', path: '' },
    { title: 'below __proto__', input: JSON.parse('{"__proto__":{"a":"\\u0000"}}'), path: '__proto__.a' },
  ]
  for (const { title, input, path } of refused) {
    test(`${title} is refused with its place`, () => {
      assert.throws(
        () => requirePlain(input),
        (error: unknown) => error instanceof CoreError && error.code === 'INVALID' && error.problems[0]?.path === path,
      )
    })
  }
  test('one level too many is refused, and a million do not end the process', () => {
    assert.throws(() => requirePlain(nested(MAX_DEPTH + 1)), { code: 'INVALID' })
    assert.throws(() => requirePlain(JSON.parse(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`)), {
      code: 'INVALID',
    })
  })
  test('one item too many is refused, and every list of the contract has fewer', () => {
    requirePlain({ a: Array<string>(MAX_ITEMS).fill('a') })
    assert.throws(() => requirePlain({ a: Array<string>(MAX_ITEMS + 1).fill('a') }), { code: 'INVALID' })
    const longest = [...JSON.stringify(ENDPOINTS).matchAll(/"maxItems":(\d+)/g)].map(([, most]) => Number(most))
    assert.ok(longest.length > 5)
    assert.ok(Math.max(...longest) <= MAX_ITEMS)
  })
  test('everything else is left to the schema', () => {
    const members = { a: 'ä\u2028\u{10ffff}', b: [1, -0, 1e308, null, true], c: nested(MAX_DEPTH - 1) }
    for (const input of [undefined, null, '', 1, members, nested(MAX_DEPTH)]) requirePlain(input)
  })
})
