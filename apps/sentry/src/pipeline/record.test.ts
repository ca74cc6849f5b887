import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AuditLine } from '@postern/contract/audit-line'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import { FakeExchange } from '../../tests/support/fake-exchange.ts'
import type { AuditWriter } from '../events/audit-writer.ts'
import { COUNTER_ROWS, Counters } from '../events/counters.ts'
import { RequestRecord } from './record.ts'

const DEVICE: PolicyDevice = {
  id: 'device-1',
  user: 'ann@example.com',
  easDeviceIds: [],
  certificates: [],
  posture: 'block',
  reasons: ['OS_TOO_OLD'],
}
const AT = Date.UTC(2026, 10, 23, 12, 0, 0)

function written(fill: (record: RequestRecord) => void): { lines: AuditLine[]; counted: Record<string, number> } {
  const lines: AuditLine[] = []
  const audit: AuditWriter = {
    write: (line) => void lines.push(line),
    reopen: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const counters = new Counters()
  const record = new RequestRecord()
  fill(record)
  const exchange = new FakeExchange({ startedAt: AT - 250, status: 200, bytesOut: 20 })
  exchange.bytesIn = 10
  record.write(exchange, AT, audit, counters)
  record.write(exchange, AT + 1, audit, counters)
  const counted = COUNTER_ROWS.map((row, i) => [
    [row.metric, ...Object.values(row.labels)].join(' '),
    counters.values[i] ?? 0,
  ])
  return { lines, counted: Object.fromEntries(counted) as Record<string, number> }
}

describe('the line of one request', () => {
  test('a refusal: every key, the posture reasons behind the reason', () => {
    const { lines, counted } = written((record) => {
      record.endpoint = 'activesync'
      record.event = 'activesync'
      record.identified({ state: 'good', fingerprint: 'sha256:aa', upn: null, deviceUri: null })
      record.command = 'Ping'
      record.version = '16.1'
      record.easDeviceId = 'ABC123'
      record.snapshot = 7
      record.decided({ kind: 'refuse', device: DEVICE, notes: DEVICE.reasons, reason: 'DEVICE_BLOCKED' })
    })
    assert.deepEqual(lines, [
      {
        time: '2026-11-23T12:00:00.000Z',
        id: '00000000-0000-4000-8000-000000000001',
        event: 'activesync',
        device: 'device-1',
        user: 'ann@example.com',
        easDeviceId: 'ABC123',
        certificate: 'sha256:aa',
        command: 'Ping',
        version: '16.1',
        decision: 'refuse',
        reasons: ['DEVICE_BLOCKED', 'OS_TOO_OLD'],
        snapshot: 7,
        status: 200,
        upstreamStatus: null,
        durationMs: 250,
        bytesIn: 10,
        bytesOut: 20,
        remote: '192.0.2.7',
      },
    ])
    assert.equal(counted['requests activesync refuse'], 1)
    assert.equal(counted['commands Ping'], 1)
    assert.equal(counted['refusals DEVICE_BLOCKED'], 1)
    assert.equal(counted['bytes in'], 10)
  })
  const cases: readonly {
    title: string
    fill: (record: RequestRecord) => void
    expected: Partial<AuditLine>
    refusals?: string
  }[] = [
    {
      title: 'a disagreement is an alarm',
      fill: (record) => {
        record.event = 'activesync'
        record.decided({ kind: 'refuse', device: DEVICE, notes: [], reason: 'TOKEN_USER_MISMATCH' })
      },
      expected: { event: 'alarm', decision: 'refuse', reasons: ['TOKEN_USER_MISMATCH'] },
      refusals: 'TOKEN_USER_MISMATCH',
    },
    {
      title: 'a wipe is a refusal; the step of its conversation names the reason',
      fill: (record) => {
        record.decided({ kind: 'wipe', device: DEVICE, notes: ['RETIRED'] })
        record.refused('WIPE_PENDING')
      },
      expected: { decision: 'refuse', reasons: ['WIPE_PENDING', 'RETIRED'], device: 'device-1' },
      refusals: 'WIPE_PENDING',
    },
    {
      title: 'report mode: what would have been refused, and no refusal counted',
      fill: (record) =>
        record.decided({ kind: 'allow', device: DEVICE, notes: DEVICE.reasons, reported: 'DEVICE_BLOCKED' }),
      expected: { decision: 'report', reasons: ['DEVICE_BLOCKED', 'OS_TOO_OLD'] },
    },
    {
      title: 'an unknown device keeps the names of the request',
      fill: (record) => {
        record.user = 'new@example.com'
        record.decided({ kind: 'allow', device: null, notes: [], reported: null })
      },
      expected: { decision: 'allow', reasons: ['ALLOWED'], device: null, user: 'new@example.com' },
    },
    {
      title: 'allowed, but it could not be done',
      fill: (record) => {
        record.decided({ kind: 'allow', device: DEVICE, notes: [], reported: null })
        record.failed('UPSTREAM_TIMEOUT')
      },
      expected: { decision: 'allow', reasons: ['UPSTREAM_TIMEOUT'] },
      refusals: 'UPSTREAM_TIMEOUT',
    },
    {
      title: 'T37 a sign-in by certificate that the server asked for is an alarm',
      fill: (record) => record.failed('UPSTREAM_CERTIFICATE_AUTH'),
      expected: { event: 'alarm' },
    },
    {
      title: 'a held request that is blocked later',
      fill: (record) => {
        record.decided({ kind: 'allow', device: DEVICE, notes: [], reported: null })
        record.decided({ kind: 'refuse', device: DEVICE, notes: [], reason: 'DEVICE_BLOCKED' })
        record.note('HELD_REQUEST_ENDED', 'HELD_REQUEST_ENDED')
      },
      expected: { decision: 'refuse', reasons: ['DEVICE_BLOCKED', 'HELD_REQUEST_ENDED'] },
      refusals: 'DEVICE_BLOCKED',
    },
    {
      title: 'a refused certificate is named, an absent one is null',
      fill: (record) =>
        record.identified({ state: 'refused', reason: 'CERTIFICATE_EXPIRED', fingerprint: 'sha256:bb' }),
      expected: { certificate: 'sha256:bb' },
    },
    {
      title: 'OPTIONS is shown by its method',
      fill: (record) => {
        record.action = 'OPTIONS'
      },
      expected: { command: 'OPTIONS' },
    },
  ]
  for (const { title, fill, expected, refusals } of cases)
    test(title, () => {
      const { lines, counted } = written(fill)
      assert.equal(lines.length, 1, 'a request has one line')
      assert.deepEqual({ ...lines[0], ...expected }, lines[0])
      const names = Object.keys(counted).filter((name) => name.startsWith('refusals ') && counted[name] === 1)
      if (refusals !== undefined) assert.deepEqual(names, [`refusals ${refusals}`])
      else if (expected.decision !== undefined) assert.deepEqual(names, [])
    })
})
