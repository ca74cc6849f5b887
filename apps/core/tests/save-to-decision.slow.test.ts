/**
 * From an administrator's call to the decision of every Sentry, among 20,000 devices: with one Sentry, then with three.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHANGES, FULL_SIZES, measureFeed, tableOf } from './support/feed-figures.ts'
import { percentile } from './support/feed-times.ts'

/** The promise: 99 of 100 changes act within a second of the call. Milliseconds. */
const LIMIT_MS = 1_000

for (const size of FULL_SIZES) {
  const { sentries, devices, phones } = size
  const title = `Sentries: ${sentries}, devices: ${devices}: p99 of a change is under a second, ${phones} held Pings survive ten saves`
  test(title, { timeout: 480_000 }, async (t) => {
    const figures = await measureFeed(size)
    for (const line of tableOf(figures)) t.diagnostic(line)
    for (const change of CHANGES) {
      const times = figures.samples[change].map(({ fromSend }) => fromSend)
      assert.ok(percentile(times, 0.99) < LIMIT_MS, `${change}: ${JSON.stringify(times)}`)
    }
    assert.deepEqual(figures.held, { held: phones, saves: size.heldSaves, lost: 0, woken: phones })
  })
}
