import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AssociationReport } from '@postern/contract/feed/gateway-report'
import type { SeenDevice } from '../pipeline/seen-devices.ts'
import { AssociationBook } from './association-book.ts'

const MINUTE_MS = 60_000
const seen = (key: string, at: number, given: Partial<AssociationReport> = {}): SeenDevice => ({
  key,
  report: {
    user: 'ann',
    easDeviceId: key,
    deviceType: null,
    userAgent: null,
    protocolVersion: '16.1',
    certificate: null,
    device: null,
    decision: 'allow',
    reasons: ['ALLOWED'],
    wipe: null,
    firstSeen: at,
    lastSeen: at,
    requests: 1,
    ...given,
  },
})
const ids = (book: AssociationBook, now: number): string[] =>
  book.take(now).associations.map(({ easDeviceId }) => easDeviceId)

describe('whom Core should hear of', () => {
  test('somebody new, soon; told until it is delivered', () => {
    const book = new AssociationBook()
    assert.equal(book.note([seen('a', 1)]), true)
    assert.deepEqual(ids(book, 2), ['a'])
    const batch = book.take(2)
    batch.delivered(2)
    assert.deepEqual(ids(book, 3), [])
  })
  const changes: readonly (readonly [title: string, given: Partial<AssociationReport>])[] = [
    ['another decision', { decision: 'refuse', reasons: ['DEVICE_BLOCKED'] }],
    ['other reasons', { reasons: ['ALLOWED', 'SEEN'] }],
    ['another device behind it', { device: 'phone' }],
    ['another certificate', { certificate: `sha256:${'a'.repeat(64)}` }],
    ['a wipe that got further', { wipe: { phase: 'acknowledged', at: 2 } }],
    ['another version', { protocolVersion: '14.1' }],
  ]
  for (const [title, given] of changes)
    test(`${title}, soon`, () => {
      const book = new AssociationBook()
      book.note([seen('a', 1)])
      book.take(1).delivered(1)
      assert.equal(book.note([seen('a', 2, given)]), true)
      assert.deepEqual(ids(book, 2), ['a'])
    })
  test('seen again and nothing else: once a minute, and also when it is not seen a third time', () => {
    const book = new AssociationBook()
    book.note([seen('a', 1)])
    book.take(1).delivered(1)
    assert.equal(book.note([seen('a', 5)]), false)
    assert.deepEqual(ids(book, MINUTE_MS), [])
    const { associations } = book.take(MINUTE_MS + 1)
    assert.deepEqual(
      associations.map(({ firstSeen, lastSeen, requests }) => [firstSeen, lastSeen, requests]),
      [[1, 5, 2]],
    )
  })
  test('what changed while it was on its way is told again', () => {
    const book = new AssociationBook()
    book.note([seen('a', 1)])
    const batch = book.take(1)
    book.note([seen('a', 2, { decision: 'refuse' })])
    batch.delivered(2)
    assert.equal(book.take(3).associations[0]?.decision, 'refuse')
  })
  test('two workers saw the same: the later one counts, and the requests of both', () => {
    const book = new AssociationBook()
    book.note([seen('a', 10, { decision: 'refuse', requests: 2 })])
    book.note([seen('a', 5, { requests: 3 })])
    const [a] = book.take(11).associations
    assert.deepEqual([a?.decision, a?.firstSeen, a?.lastSeen, a?.requests], ['refuse', 5, 10, 5])
  })
})

describe('bounds', () => {
  test('no more than 500 in one report, and the rest at once', () => {
    const book = new AssociationBook()
    book.note(Array.from({ length: 700 }, (_, i) => seen(`d${i}`, i)))
    const first = book.take(1)
    assert.deepEqual([first.associations.length, first.more], [500, true])
    first.delivered(1)
    const second = book.take(2)
    assert.deepEqual([second.associations.length, second.more], [200, false])
  })
  test('no more than a report may weigh', () => {
    const book = new AssociationBook()
    const reasons = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(200, 'x'))
    book.note(Array.from({ length: 300 }, (_, i) => seen(`d${i}`, i, { reasons })))
    const { associations, more } = book.take(1)
    assert.ok(Buffer.byteLength(JSON.stringify(associations)) < 2_000_000)
    assert.ok(associations.length > 0 && more)
  })
  test('the longest unseen are forgotten; those that Core never heard of are counted', () => {
    const book = new AssociationBook(2)
    book.note([seen('told', 1)])
    book.take(1).delivered(1)
    book.note([seen('old', 2), seen('told', 3), seen('new', 4)])
    assert.deepEqual(ids(book, 4), ['new'])
    assert.equal(book.dropped, 1)
    book.note([seen('newer', 5)])
    assert.equal(book.dropped, 1)
  })
})
