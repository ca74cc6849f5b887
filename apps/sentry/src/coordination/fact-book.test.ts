import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FactBook } from './fact-book.ts'

const redirect = (user: string, host: string, until: number): Parameters<FactBook['learn']>[0] => ({
  kind: 'redirect',
  user,
  host,
  port: 443,
  until,
})

describe('what workers have learned', () => {
  test('nothing yet', () => {
    const book = new FactBook()
    assert.equal(book.redirectOf('ann', 0), null)
    assert.equal(book.versions, null)
    assert.deepEqual(book.wipeOf('phone'), { phase: 'pending' })
    assert.deepEqual(book.all(0), [])
  })
  test('T34 a redirect is remembered until its time, and the newer one counts', () => {
    const book = new FactBook()
    book.learn(redirect('ann', 'one.outlook.com', 1_000))
    book.learn(redirect('ann', 'two.outlook.com', 1_000))
    assert.deepEqual(book.redirectOf('ann', 999), { host: 'two.outlook.com', port: 443 })
    assert.equal(book.redirectOf('ann', 1_001), null)
    assert.equal(book.redirectOf('bob', 0), null)
  })
  test('beyond 200,000 the oldest is forgotten; one learned again is not the oldest', () => {
    const book = new FactBook()
    book.learn(redirect('first', 'a', 9))
    book.learn(redirect('second', 'a', 9))
    for (let i = 0; i < 199_998; i += 1) book.learn(redirect(`user-${i}`, 'a', 9))
    book.learn(redirect('first', 'b', 9))
    book.learn(redirect('one more', 'a', 9))
    assert.equal(book.redirectOf('second', 0), null)
    assert.equal(book.redirectOf('first', 0)?.host, 'b')
  })
  test('versions are the last ones', () => {
    const book = new FactBook()
    book.learn({ kind: 'versions', versions: '14.1', commands: 'Sync' })
    book.learn({ kind: 'versions', versions: '16.1', commands: 'Sync,Ping' })
    assert.equal(book.versions?.versions, '16.1')
  })
  test('a wipe that is called off starts anew the next time', () => {
    const book = new FactBook()
    for (const device of ['kept', 'off']) book.learn({ kind: 'wipe', device, state: { phase: 'acknowledged', at: 5 } })
    book.keepWipes((device) => device === 'kept')
    assert.deepEqual(book.wipeOf('kept'), { phase: 'acknowledged', at: 5 })
    assert.deepEqual(book.wipeOf('off'), { phase: 'pending' })
  })
  test('a new worker is told all that is still true', () => {
    const book = new FactBook()
    book.learn(redirect('late', 'a', 10))
    book.learn(redirect('ann', 'b', 1_000))
    book.learn({ kind: 'wipe', device: 'phone', state: { phase: 'directive-sent', at: 5 } })
    book.learn({ kind: 'versions', versions: '16.1', commands: 'Sync' })
    const told = book.all(500)
    assert.deepEqual(
      told.map((fact) => fact.kind),
      ['redirect', 'wipe', 'versions'],
    )
    const next = new FactBook()
    for (const fact of told) next.learn(fact)
    assert.deepEqual(next.all(500), told)
  })
})
