/**
 * The hundred kills on each database.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DATABASE_KINDS } from './support/databases.ts'
import { killUnderWrites } from './support/killed-core.ts'

for (const kind of DATABASE_KINDS) {
  test(`100 kills under writes lose nothing on the ${kind} database`, { timeout: 900_000 }, async (context) => {
    const report = await killUnderWrites(kind, 100)
    context.diagnostic(JSON.stringify(report))
    assert.ok(report.acknowledged > 1_000)
  })
}
