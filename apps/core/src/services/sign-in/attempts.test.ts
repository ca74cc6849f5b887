import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delaySeconds } from './attempts.ts'

const rows = [
  { failures: 0, delay: 0 },
  { failures: 4, delay: 0 },
  { failures: 5, delay: 30 },
  { failures: 6, delay: 60 },
  { failures: 7, delay: 120 },
  { failures: 9, delay: 480 },
  { failures: 10, delay: 900 },
  { failures: 1_000_000, delay: 900 },
]
for (const { failures, delay } of rows) {
  test(`${failures} failures of 5 free ones mean ${delay} seconds`, () =>
    assert.equal(delaySeconds(failures, 5), delay))
}
