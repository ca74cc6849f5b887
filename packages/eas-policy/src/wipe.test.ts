import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { EasCommand } from '@postern/eas-query/commands'
import { readWipeReport } from './wipe-acknowledgement.ts'
import { WIPE_TIMEOUT_SECONDS, expireWipe, stepWipe, wipeSupported } from './wipe.ts'
import type { WipeInput, WipeState, WipeStep } from './wipe.ts'

const BUDGET_MS = Number(process.env['POSTERN_FUZZ_MS'] ?? '1500')
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (body: Uint8Array): string =>
  [...body].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ')

const PENDING: WipeState = { phase: 'pending' }
const SENT: WipeState = { phase: 'directive-sent', at: 1_000 }
const DONE: WipeState = { phase: 'acknowledged', at: 2_000 }
const EXPIRED: WipeState = { phase: 'timed-out', at: 2_000 }

const EMPTY_PROVISION = hex('03 01 6A 00 00 0E 05')
const SUCCEEDED = hex('03 01 6A 00 00 0E 45 7B 4B 03 31 00 01 01 01')
const FAILED = hex('03 01 6A 00 00 0E 45 7B 4B 03 32 00 01 01 01')

const DIRECTIVE = '03 01 6A 00 00 0E 45 4B 03 31 00 01 3B 01'
const DIRECTIVE_AGAIN = '03 01 6A 00 00 0E 45 4B 03 32 00 01 3B 01'
const ACKNOWLEDGED = '03 01 6A 00 00 0E 45 4B 03 31 00 01 01'
const INVALID_WBXML = '03 01 6A 00 00 0E 45 4B 03 31 30 32 00 01 01'
const ACCESS_DENIED = '03 01 6A 00 00 0E 45 4B 03 31 33 30 00 01 01'
const BLOCKED = '03 01 6A 00 00 0E 45 4B 03 31 32 39 00 01 01'
const FOLDER_SYNC_140 = '03 01 6A 00 00 07 56 4C 03 31 34 30 00 01 01'
const FOLDER_SYNC_129 = '03 01 6A 00 00 07 56 4C 03 31 32 39 00 01 01'
const PING_7 = '03 01 6A 00 00 0D 45 47 03 37 00 01 01'
const PING_129 = '03 01 6A 00 00 0D 45 47 03 31 32 39 00 01 01'

function input(command: EasCommand, body: Uint8Array | null = null, changes: Partial<WipeInput> = {}): WipeInput {
  return { command, version: '16.1', body, now: 5_000, certificateMatches: true, ...changes }
}

function bytes(step: WipeStep): string {
  return step.answer.kind === 'wbxml' ? toHex(step.answer.body) : `HTTP ${step.answer.httpStatus}`
}

interface Vector {
  test: string
  case: string
  bytes: string
  report: string
}
const VECTORS = readFileSync(new URL('../../../vectors/eas-policy/wipe-report.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)

describe('MS-ASPROV 2.2.2.1 what a Provision request reports', () => {
  for (const { test: id, case: title, bytes: body, report } of VECTORS) {
    test(`${id} ${title}: ${report}`, () => assert.equal(readWipeReport(hex(body)), report))
  }
  test('T53 nesting of 10,000 is refused within 50 ms', () => {
    const body = Uint8Array.of(...hex('03 01 6A 00 00 0E'), ...new Uint8Array(10_000).fill(0x45))
    readWipeReport(body)
    const started = performance.now()
    assert.equal(readWipeReport(body), 'undecodable')
    assert.ok(performance.now() - started < 50)
  })
  test(`fuzz: any bytes, ${BUDGET_MS} ms`, () => {
    const piece = fc.constantFrom('00', '01', '03', '31', '45', '7B', '4B', '4C', '0B', '3B', 'C3', '0E', 'FF')
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(piece, { maxLength: 60 }).map((parts) => hex(`03 01 6A 00 00 0E ${parts.join('')}`)),
    )
    fc.assert(
      fc.property(bodies, (body) => {
        readWipeReport(body)
      }),
      { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: BUDGET_MS, markInterruptAsFailure: false },
    )
  })
})

describe('MS-ASPROV 3.2.5.1.2 account-only wipe', () => {
  const other = { certificateMatches: false }
  const late = { now: 1_000 + WIPE_TIMEOUT_SECONDS * 1_000 }
  const rows: [string, WipeState, WipeInput, WipeState, string, string][] = [
    [
      'T73 report with another certificate',
      SENT,
      input('Provision', SUCCEEDED, other),
      SENT,
      ACCESS_DENIED,
      'foreign-certificate',
    ],
    [
      'T73 Provision with another certificate',
      PENDING,
      input('Provision', EMPTY_PROVISION, other),
      PENDING,
      ACCESS_DENIED,
      'foreign-certificate',
    ],
    [
      'T73 14.1 is blocked',
      PENDING,
      input('FolderSync', null, { version: '14.1' }),
      PENDING,
      FOLDER_SYNC_129,
      'unsupported-version',
    ],
    [
      'T73 12.1 is blocked',
      PENDING,
      input('FolderSync', null, { version: '12.1' }),
      PENDING,
      'HTTP 403',
      'unsupported-version',
    ],
    ['T53 body that is no WBXML', SENT, input('Provision', hex('FF')), SENT, INVALID_WBXML, 'undecodable'],
    ['T71 FolderSync', PENDING, input('FolderSync'), PENDING, FOLDER_SYNC_140, 'announced'],
    ['T71 Ping', PENDING, input('Ping'), PENDING, PING_7, 'announced'],
    [
      'T71 Provision',
      PENDING,
      input('Provision', EMPTY_PROVISION),
      { phase: 'directive-sent', at: 5_000 },
      DIRECTIVE,
      'directive-sent',
    ],
    [
      'T71 Provision without a body',
      PENDING,
      input('Provision'),
      { phase: 'directive-sent', at: 5_000 },
      DIRECTIVE,
      'directive-sent',
    ],
    [
      'T71 Provision again does not start the time again',
      SENT,
      input('Provision', EMPTY_PROVISION),
      SENT,
      DIRECTIVE,
      'directive-sent',
    ],
    ['T71 FolderSync after the directive', SENT, input('FolderSync'), SENT, FOLDER_SYNC_140, 'announced'],
    [
      'T71 report of success',
      SENT,
      input('Provision', SUCCEEDED),
      { phase: 'acknowledged', at: 5_000 },
      ACKNOWLEDGED,
      'acknowledged',
    ],
    [
      'T71 report to a restarted gateway',
      PENDING,
      input('Provision', SUCCEEDED),
      { phase: 'acknowledged', at: 5_000 },
      ACKNOWLEDGED,
      'acknowledged',
    ],
    ['T71 then 129', DONE, input('FolderSync'), DONE, FOLDER_SYNC_129, 'blocked'],
    ['T71 then 129 for Ping', DONE, input('Ping'), DONE, PING_129, 'blocked'],
    ['T71 then 129 for Provision', DONE, input('Provision', EMPTY_PROVISION), DONE, BLOCKED, 'blocked'],
    ['T72 report of failure', SENT, input('Provision', FAILED), SENT, DIRECTIVE_AGAIN, 'device-failed'],
    ['T72 timed out: blocked', EXPIRED, input('FolderSync'), EXPIRED, FOLDER_SYNC_129, 'blocked'],
    ['T72 timed out: Ping', EXPIRED, input('Ping'), EXPIRED, PING_129, 'blocked'],
    [
      'T72 timed out: Provision still gets the directive',
      EXPIRED,
      input('Provision', EMPTY_PROVISION),
      EXPIRED,
      DIRECTIVE,
      'directive-sent',
    ],
    [
      'T72 timed out: a late report counts',
      EXPIRED,
      input('Provision', SUCCEEDED),
      { phase: 'acknowledged', at: 5_000 },
      ACKNOWLEDGED,
      'acknowledged',
    ],
    [
      'T72 the time runs out with this request',
      SENT,
      input('FolderSync', null, late),
      { phase: 'timed-out', at: late.now },
      FOLDER_SYNC_129,
      'blocked',
    ],
  ]
  for (const [title, state, request, next, answer, event] of rows) {
    test(title, () => {
      const step = stepWipe(state, request)
      assert.deepEqual([step.state, bytes(step), step.event], [next, answer, event])
      assert.equal(step.timedOut, next.phase === 'timed-out' && state.phase !== 'timed-out')
    })
  }

  test('time runs from the first directive', () => {
    assert.equal(expireWipe(SENT, 1_999, 1), SENT)
    assert.deepEqual(expireWipe(SENT, 2_000, 1), { phase: 'timed-out', at: 2_000 })
    assert.equal(expireWipe(PENDING, 1e15, 1), PENDING)
    assert.equal(expireWipe(DONE, 1e15, 1), DONE)
  })

  test('16.1 only', () => {
    assert.ok(wipeSupported('16.1'))
    assert.ok(!wipeSupported('16.0'))
    assert.ok(!wipeSupported('14.1'))
  })
})
