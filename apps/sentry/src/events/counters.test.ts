import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { COUNTER_ROWS, Counters, DURATION_BUCKETS, type Finished } from './counters.ts'
import { metricsText, sumCounters } from '../supervisor/metrics-text.ts'

const FINISHED: Finished = {
  endpoint: 'activesync',
  decision: 'allow',
  command: 'Ping',
  reason: null,
  durationMs: 30,
  bytesIn: 3,
  bytesOut: 5,
}
const valuesOf = (fill: (counters: Counters) => void): number[] => {
  const counters = new Counters()
  fill(counters)
  return [...counters.values]
}
const of = (values: readonly number[], metric: string, label?: string): number | undefined =>
  values[
    COUNTER_ROWS.findIndex(
      (row) => row.metric === metric && (label === undefined || Object.values(row.labels).join(' ') === label),
    )
  ]

describe('counters of one worker', () => {
  test('every row is one of its kind', () => {
    const keys = COUNTER_ROWS.map((row) => JSON.stringify([row.metric, row.labels]))
    assert.equal(new Set(keys).size, keys.length)
  })
  test('a request counts once in each metric', () => {
    const values = valuesOf((counters) =>
      counters.finished({ ...FINISHED, decision: 'refuse', reason: 'DEVICE_BLOCKED' }),
    )
    assert.equal(of(values, 'requests', 'activesync refuse'), 1)
    assert.equal(of(values, 'commands', 'Ping'), 1)
    assert.equal(of(values, 'refusals', 'DEVICE_BLOCKED'), 1)
    assert.equal(of(values, 'bytes', 'in'), 3)
    assert.equal(of(values, 'bytes', 'out'), 5)
    assert.equal(of(values, 'duration_sum'), 0.03)
    assert.equal(of(values, 'duration_bucket', '0.05'), 1)
    assert.equal(values.filter((value) => value !== 0).length, 7)
  })
  test('a request that is no command and was refused by nobody', () => {
    const values = valuesOf((counters) => counters.finished({ ...FINISHED, endpoint: 'none', command: null }))
    assert.equal(values.filter((value) => value !== 0).length, 5)
  })
  const durations: readonly (readonly [ms: number, bucket: string])[] = [
    [0, '0.005'],
    [5, '0.005'],
    [6, '0.01'],
    [10_000, '10'],
    [10_001, '+Inf'],
    [3_540_000, '+Inf'],
  ]
  for (const [durationMs, bucket] of durations)
    test(`${durationMs} ms are in the bucket ${bucket}`, () => {
      const values = valuesOf((counters) => counters.finished({ ...FINISHED, durationMs }))
      assert.equal(of(values, 'duration_bucket', bucket), 1)
    })
  test('gauges are added to and set', () => {
    const values = valuesOf((counters) => {
      counters.add('held', 2)
      counters.add('held', -1)
      counters.set('snapshot_version', 7)
    })
    assert.deepEqual([of(values, 'held'), of(values, 'snapshot_version')], [1, 7])
  })
})

describe('counters of all workers', () => {
  const one = valuesOf((counters) => {
    counters.finished(FINISHED)
    counters.set('snapshot_version', 7)
    counters.set('snapshot_age_seconds', 5)
    counters.set('connections', 2)
  })
  const two = valuesOf((counters) => {
    counters.finished({ ...FINISHED, durationMs: 60_000 })
    counters.set('snapshot_version', 6)
    counters.set('snapshot_age_seconds', 9)
    counters.set('connections', 3)
  })
  test('they add up, but for the lowest version and the highest age', () => {
    const sum = sumCounters([one, two])
    assert.equal(of(sum, 'requests', 'activesync allow'), 2)
    assert.equal(of(sum, 'connections'), 5)
    assert.equal(of(sum, 'snapshot_version'), 6)
    assert.equal(of(sum, 'snapshot_age_seconds'), 9)
  })
  test('no worker: nothing', () => assert.ok(sumCounters([]).every((value) => value === 0)))
  test('as Prometheus text: every line of the format, the histogram cumulative', async () => {
    const text = await metricsText(sumCounters([one, two]), { workers: 2, ready: 1, policy_rejected: 0 })
    const lines = text.split('\n').filter((line) => line !== '')
    for (const line of lines) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [0-9.e+-]+)$/)
    assert.ok(lines.includes('postern_sentry_requests_total{endpoint="activesync",decision="allow"} 2'))
    assert.ok(lines.includes('postern_sentry_connections 5'))
    assert.ok(lines.includes('postern_sentry_workers 2'))
    const name = 'postern_sentry_request_duration_seconds'
    const buckets = lines
      .filter((line) => line.startsWith(`${name}_bucket`))
      .map((line) => Number(line.split(' ').at(-1)))
    assert.equal(buckets.length, DURATION_BUCKETS.length + 1)
    assert.deepEqual(
      buckets,
      buckets.toSorted((a, b) => a - b),
    )
    assert.deepEqual(lines.slice(-3), [`${name}_bucket{le="+Inf"} 2`, `${name}_sum 60.03`, `${name}_count 2`])
  })
})
