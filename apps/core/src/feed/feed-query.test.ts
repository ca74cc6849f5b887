import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CoreError } from '../failure.ts'
import { parseFeedQuery } from './feed-query.ts'

describe('query of the feed', () => {
  const refused: [string, string | null, string][] = [
    ['nothing', null, 'schemas'],
    ['no version', 'schemas=2', 'version'],
    ['a schema that is no number', 'schemas=two&version=1', 'schemas'],
    ['33 schemas', `schemas=${Array.from({ length: 33 }, (_, i) => i).join(',')}&version=1`, 'schemas'],
    ['a repeated field', 'schemas=2&version=1&seq=1&seq=2', 'seq'],
    ['a negative number', 'schemas=2&version=1&seq=-1', 'seq'],
    ['a number beyond what is exact', 'schemas=2&version=1&seq=9007199254740993', 'seq'],
    ['a field that is none', 'schemas=2&version=1&name=x', 'name'],
    ['a field of every object', 'schemas=2&version=1&constructor=x', 'constructor'],
    ['a line end', 'schemas=2&version=1&etag=a%0a', 'etag'],
  ]
  for (const [title, text, path] of refused) {
    test(`refuses ${title}`, () => {
      assert.throws(
        () => parseFeedQuery(text),
        (error) => error instanceof CoreError && error.problems.some((problem) => problem.path === path),
      )
    })
  }

  test('a first call has nothing', () => {
    const query = parseFeedQuery('schemas=1,2&version=0.1.0&etag=&epoch=&seq=')
    assert.deepEqual(query, { schemas: [1, 2], version: '0.1.0', etag: null, epoch: null, seq: 0 })
  })

  test('a later one says what it has', () => {
    const query = parseFeedQuery('schemas=2&version=0.1.0&etag=e-1&epoch=b0&seq=41')
    assert.deepEqual(query, { schemas: [2], version: '0.1.0', etag: 'e-1', epoch: 'b0', seq: 41 })
  })
})
