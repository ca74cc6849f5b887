import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from './backoff.ts'

for (const [failures, chance, ms] of [
  [1, 0, 100],
  [1, 1, 200],
  [2, 1, 400],
  [3, 0.5, 600],
  [7, 1, 10_000],
  [7, 0, 5_000],
  [5_000, 1, 10_000],
] as const)
  test(`after ${failures} failures, chance ${chance}: ${ms} ms`, () => assert.equal(backoffMs(failures, chance), ms))
