/**
 * Core is killed while programs write labels, users, devices and blocks. A hundred kills on each database are in
 * crash-embedded.slow.test.ts and crash-external.slow.test.ts.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashUnderWrites } from './support/crash.ts'

test('three kills under writes lose nothing, halve nothing and repeat nothing', async (t) => {
  const report = await crashUnderWrites('external', { kills: 3 })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.acknowledged > 20)
  assert.ok(report.afterwards > 0)
})
