import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FILTER_LIMITS, FilterError, type FilterNode, parseFilter } from './filter.ts'

const PLATFORM = '"common.platform" = "iOS"'

/** The tree, readable in a table. */
function shape(node: FilterNode): string {
  if (node.kind === 'not') return `!${shape(node.node)}`
  if (node.kind !== 'compare') return `(${node.nodes.map(shape).join(node.kind === 'and' ? ' & ' : ' | ')})`
  const name = node.field.kind === 'custom' ? `#${node.field.name}` : node.field.name
  return `${name} ${node.operator} ${JSON.stringify(node.values)}`
}

describe('a filter is refused at the place of its fault', () => {
  const rejects = [
    { text: '', at: 0, says: /field in double quotes/ },
    { text: 'common.platform = "iOS"', at: 6, says: /means nothing here/ },
    { text: 'platform = "iOS"', at: 0, says: /field in double quotes/ },
    { text: '"common.colour" = "red"', at: 0, says: /is no field; use common.platform/ },
    { text: '"custom." = "red"', at: 0, says: /is no field/ },
    { text: '"custom.a-b" = "red"', at: 0, says: /is no field/ },
    { text: '"__proto__" = "red"', at: 0, says: /is no field/ },
    { text: '"common.platform"', at: 17, says: /should be one of =/ },
    { text: '"common.platform" LIKE "i%"', at: 18, says: /should be one of =/ },
    { text: '"common.model" STARTS "i"', at: 15, says: /should be one of =/ },
    { text: '"common.platform" =', at: 19, says: /should be a value/ },
    { text: '"common.platform" = iOS', at: 20, says: /should be a value/ },
    { text: '"common.platform" = "iPhone"', at: 20, says: /one of iOS, Android, other/ },
    { text: '"common.platform" < "iOS"', at: 18, says: /no order/ },
    { text: '"common.retired" = "false"', at: 19, says: /true or false/ },
    { text: '"common.retired" IN (true)', at: 17, says: /use = or !=/ },
    { text: '"common.os_version" < 17', at: 22, says: /version in double quotes/ },
    { text: '"common.os_version" < "17b"', at: 22, says: /version in double quotes/ },
    { text: '"common.model" = 5', at: 17, says: /text in double quotes/ },
    { text: '"custom.size" < "5"', at: 16, says: /should be a number/ },
    { text: '"custom.size" CONTAINS 5', at: 23, says: /looks within text/ },
    { text: '"common.model" IN ()', at: 19, says: /should be a value/ },
    { text: '"common.model" IN ("a" "b")', at: 23, says: /, or \)/ },
    { text: '"common.model" IN "a"', at: 18, says: /should be \(/ },
    { text: `(${PLATFORM}`, at: 26, says: /open parenthesis/ },
    { text: `${PLATFORM})`, at: 25, says: /one too many/ },
    { text: `${PLATFORM} ${PLATFORM}`, at: 26, says: /join comparisons/ },
    { text: `${PLATFORM} AND`, at: 29, says: /field in double quotes/ },
    { text: `${PLATFORM} AND OR ${PLATFORM}`, at: 30, says: /field in double quotes/ },
    { text: '"common.model" = "x', at: 17, says: /has no end/ },
    { text: '"common.model" = "x\\n"', at: 17, says: /has no end/ },
    { text: '"common.model" = \'x\'', at: 17, says: /means nothing here/ },
    { text: '"custom.n" = 1.2.3', at: 13, says: /is no number/ },
    { text: `${PLATFORM}; drop table devices`, at: 25, says: /means nothing here/ },
  ]
  for (const { text, at, says } of rejects) {
    test(text || '(empty)', () => {
      assert.throws(
        () => parseFilter(text),
        (error) => error instanceof FilterError && error.position === at && says.test(error.message),
      )
    })
  }
})

describe('a filter that is read', () => {
  const accepts = [
    {
      text: `${PLATFORM} AND "common.retired" = false`,
      tree: '(common.platform = ["iOS"] & common.retired = [false])',
    },
    {
      text: `${PLATFORM} or ${PLATFORM} and not ${PLATFORM}`,
      tree: '(common.platform = ["iOS"] | (common.platform = ["iOS"] & !common.platform = ["iOS"]))',
    },
    {
      text: `(${PLATFORM} OR ${PLATFORM}) AND ${PLATFORM}`,
      tree: '((common.platform = ["iOS"] | common.platform = ["iOS"]) & common.platform = ["iOS"])',
    },
    { text: '"common.os_version" >= "17.5.1"', tree: 'common.os_version >= ["17.5.1"]' },
    { text: '"common.model" starts with "iPhone"', tree: 'common.model STARTS WITH ["iPhone"]' },
    { text: '"user.email" CONTAINS "@example."', tree: 'user.email CONTAINS ["@example."]' },
    { text: '"common.platform" != "IOS"', tree: 'common.platform != ["IOS"]' },
    { text: '"common.model" IN ("a", "b\\"c\\\\")', tree: 'common.model IN ["a","b\\"c\\\\"]' },
    { text: '"custom.floor" > -1.5', tree: '#floor > [-1.5]' },
    { text: '"custom.vip" = TRUE', tree: '#vip = [true]' },
  ]
  for (const { text, tree } of accepts) test(text, () => assert.equal(shape(parseFilter(text)), tree))
})

describe('limits of a filter', () => {
  const at = (text: string): number | null => {
    try {
      parseFilter(text)
      return null
    } catch (error) {
      assert.ok(error instanceof FilterError)
      return error.position
    }
  }
  test(`${FILTER_LIMITS.characters} characters`, () => {
    assert.equal(at(PLATFORM.padEnd(FILTER_LIMITS.characters)), null)
    assert.equal(at(PLATFORM.padEnd(FILTER_LIMITS.characters + 1)), FILTER_LIMITS.characters)
  })
  test(`depth ${FILTER_LIMITS.depth}`, () => {
    const nested = (depth: number): string => `${'('.repeat(depth)}${PLATFORM}${')'.repeat(depth)}`
    assert.equal(at(nested(FILTER_LIMITS.depth)), null)
    assert.equal(at(nested(FILTER_LIMITS.depth + 1)), FILTER_LIMITS.depth + 1)
    assert.equal(at(`${'NOT '.repeat(500)}${PLATFORM}`), 4 * (FILTER_LIMITS.depth + 1))
  })
  test(`${FILTER_LIMITS.terms} values`, () => {
    const values = (count: number): string => `"common.model" IN (${Array(count).fill('"a"').join(',')})`
    assert.equal(at(values(FILTER_LIMITS.terms)), null)
    assert.notEqual(at(values(FILTER_LIMITS.terms + 1)), null)
  })
  test('any text is read or refused with a position within it', () => {
    const piece = fc.constantFrom(
      PLATFORM,
      'AND',
      'OR',
      'NOT',
      '(',
      ')',
      '"custom.a"',
      'IN',
      ',',
      '=',
      '"x"',
      '1',
      'true',
      '\\',
      '"',
      ' ',
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(' ')),
    )
    fc.assert(
      fc.property(text, (one) => {
        const position = at(one)
        assert.ok(position === null || (position >= 0 && position <= one.length))
      }),
      { numRuns: 500 },
    )
  })
})
