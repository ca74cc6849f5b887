import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MIN_BODY_RATE, timeouts } from './timeouts.ts'

describe('the table of timeouts', () => {
  const normal = timeouts(1)
  const at = (ms: number, from: number, to: number): void => assert.ok(ms >= from && ms <= to, `${ms} ms`)
  test('a head in 15 seconds at most', () => at(normal.requestHeadMs, 1_000, 15_000))
  test('a body at 1 KiB a second after 10 seconds, a stalled reader in 60', () => {
    assert.deepEqual([MIN_BODY_RATE, normal.bodyGraceMs, normal.writeStallMs], [1_024, 10_000, 60_000])
  })
  test('Ping and Sync may be silent for 3540 seconds and a little more', () => at(normal.holdMs, 3_540_001, 3_900_000))
  test('the header of a balancer in 3 seconds', () => assert.equal(normal.proxyHeaderMs, 3_000))
  test('only the waiting of Ping and Sync is long', () => {
    for (const [name, ms] of Object.entries(normal)) if (name !== 'holdMs') at(ms, 1, 100_000)
  })
  test('a lab that runs sixty times as fast', () => {
    const fast = timeouts(60)
    assert.equal(fast.holdMs, 61_000)
    assert.deepEqual(Object.keys(fast), Object.keys(normal))
  })
  test('never 0: that would mean none', () => {
    for (const ms of Object.values(timeouts(1e9))) at(ms, 1, 500)
  })
})
