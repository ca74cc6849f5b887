/**
 * A hundred kills of Core under writes, on the embedded database.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashUnderWrites } from './support/crash.ts'

test('100 kills lose nothing, halve nothing and repeat nothing: embedded database', { timeout: 850_000 }, async (t) => {
  const report = await crashUnderWrites('embedded', { kills: 100 })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.acknowledged > 500)
  assert.ok(report.afterwards > 100)
})
