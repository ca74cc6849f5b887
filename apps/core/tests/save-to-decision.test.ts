/**
 * From an administrator's call to the decision of a Sentry: the small run. The one with 20,000 devices and 1,000 held
 * Pings is in save-to-decision.slow.test.ts; `npm run bench -- feed` prints its figures.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { holdThroughSaves, measureBlocks, measureHeldBlocks, measureSaves, percentile } from './support/feed-times.ts'
import { type Fleet, startFleet } from './support/fleet.ts'

/** The promise: 99 of 100 changes act within a second of the answer. Milliseconds. */
const LIMIT_MS = 1_000

describe('a change acts in Sentry within a second', () => {
  let fleet: Fleet

  before(async () => {
    fleet = await startFleet({ sentries: 1, devices: 60, phones: 50 })
  })
  after(() => fleet[Symbol.asyncDispose]())

  test('block and unblock of a device', async () => {
    const { block, unblock } = await measureBlocks(fleet, 10)
    for (const samples of [block, unblock]) {
      assert.equal(samples.length, 10)
      assert.ok(worst(samples.map(({ fromSend }) => fromSend)) < LIMIT_MS, JSON.stringify(samples))
    }
  })
  test('saving the Standalone Sentry', async () => {
    const samples = await measureSaves(fleet, 10)
    assert.ok(worst(samples.map(({ fromSend }) => fromSend)) < LIMIT_MS, JSON.stringify(samples))
  })
  test('a held Ping ends when its device is blocked', async () => {
    const samples = await measureHeldBlocks(fleet, 2)
    assert.ok(worst(samples.map(({ fromSend }) => fromSend)) < LIMIT_MS, JSON.stringify(samples))
  })
  test('50 held Pings survive two saves, and each still wakes', async () => {
    assert.deepEqual(await holdThroughSaves(fleet, 2), { held: 50, saves: 2, lost: 0, woken: 50 })
  })
})

function worst(values: readonly number[]): number {
  return percentile(values, 1)
}
