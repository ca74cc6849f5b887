import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type HeldRequest, HeldRequests } from './held-requests.ts'

/** A request that counts how often it was decided again. */
class Counting implements HeldRequest {
  readonly subjects: readonly string[]
  reviews = 0
  constructor(...subjects: string[]) {
    this.subjects = subjects
  }
  review(): void {
    this.reviews += 1
  }
  stop(): void {
    throw new Error('nobody stops')
  }
}

describe('a change is looked at by the requests that it is about', () => {
  test('one of 20,000, and once only though it is about it twice', () => {
    const held = new HeldRequests()
    const all = Array.from({ length: 20_000 }, (_, i) => new Counting(`c ${i}`, `u ${i}`))
    for (const request of all) held.begin(request)
    held.review(new Set(['c 7', 'u 7', 'e nobody']))
    assert.equal(
      all.reduce((sum, { reviews }) => sum + reviews, 0),
      1,
    )
    assert.equal(all[7]?.reviews, 1)
  })
  test('two of one user', () => {
    const held = new HeldRequests()
    const [phone, tablet, other] = [new Counting('u ann'), new Counting('u ann', 'c 1'), new Counting('u bob')]
    for (const request of [phone, tablet, other]) held.begin(request)
    held.review(new Set(['u ann']))
    assert.deepEqual([phone.reviews, tablet.reviews, other.reviews], [1, 1, 0])
  })
  test('a change that may concern everybody', () => {
    const held = new HeldRequests()
    const request = new Counting()
    held.begin(request)
    held.review(null)
    assert.equal(request.reviews, 1)
  })
  test('one that has ended is not decided any more', () => {
    const held = new HeldRequests()
    const [gone, stays] = [new Counting('u ann'), new Counting('u ann')]
    held.begin(gone)
    held.begin(stays)
    held.end(gone)
    held.review(new Set(['u ann']))
    held.review(null)
    assert.deepEqual([gone.reviews, stays.reviews], [0, 2])
  })
  test('one that ends another while both are looked at', () => {
    const held = new HeldRequests()
    const second = new Counting('u ann')
    const first = new Counting('u ann')
    first.review = () => {
      held.end(second)
    }
    held.begin(first)
    held.begin(second)
    assert.doesNotThrow(() => held.review(new Set(['u ann'])))
  })
})
