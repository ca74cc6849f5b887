import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { EAS_COMMANDS } from '@postern/eas-query/commands'
import type { EasCommand } from '@postern/eas-query/commands'
import { pingStatusBody, refusal, statusOnlyBody } from './refusal.ts'
import { EAS_STATUSES, httpFor } from './status.ts'
import type { EasStatus, RefusedCommand } from './status.ts'

interface Vector {
  document: string
  command: EasCommand
  status: number
  bytes: string
}
const VECTORS = readFileSync(new URL('../../../vectors/eas-policy/status-only.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)

const toHex = (body: Uint8Array | null): string | null =>
  body === null ? null : [...body].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ')
const KEY = { policyKeyHeaderSent: true }
const NO_KEY = { policyKeyHeaderSent: false }
const PING_7 = '03 01 6A 00 00 0D 45 47 03 37 00 01 01'
const COMMANDS = Object.keys(EAS_COMMANDS) as EasCommand[]
const STATUSES = Object.keys(EAS_STATUSES).map(Number) as EasStatus[]

describe('MS-ASCMD 2.2.3.177 Status alone', () => {
  for (const status of [-1, 0.5, Number.NaN, 1_000]) {
    test(`no Status: ${status}`, () => assert.throws(() => statusOnlyBody('Sync', status), RangeError))
  }
  test('GetAttachment has no WBXML response', () => assert.equal(statusOnlyBody('GetAttachment', 129), null))
  for (const { command, status, bytes } of VECTORS) {
    test(`T64 ${command}`, () => {
      assert.equal(toHex(statusOnlyBody(command, status)), bytes)
      const blocked = bytes.replace('31 34 32', '31 32 39')
      assert.deepEqual(toBytes(refusal(command, '16.1', 129, KEY)), blocked)
    })
  }
  test('the vectors have every command but GetAttachment', () => {
    const given = new Set(VECTORS.map(({ command }) => command))
    assert.deepEqual(
      COMMANDS.filter((command) => !given.has(command)),
      ['GetAttachment'],
    )
  })
})

describe('MS-ASCMD 2.2.1.13 Ping', () => {
  test('expired', () => assert.equal(toHex(pingStatusBody(1)), '03 01 6A 00 00 0D 45 47 03 31 00 01 01'))
  test('bad heartbeat', () => {
    const bytes = '03 01 6A 00 00 0D 45 47 03 35 00 01 48 03 33 35 34 30 00 01 01'
    assert.equal(toHex(pingStatusBody(5, 3_540)), bytes)
  })
  test('heartbeat out of range', () => assert.throws(() => pingStatusBody(5, 3_541), RangeError))
})

describe('MS-ASCMD 2.2.2 in the protocol from 14.0, by HTTP up to 12.1', () => {
  test('T103 Ping and OPTIONS never get Status 140 or 142 to 144, nor 449', () => {
    for (const version of ['12.1', '14.0', '16.1'] as const) {
      for (const status of STATUSES.filter((value) => EAS_STATUSES[value].asksToProvision)) {
        assert.equal(toBytes(refusal('Ping', version, status, KEY)), PING_7)
        assert.deepEqual(refusal('OPTIONS', version, status, KEY), { kind: 'http', httpStatus: 403 })
        assert.equal(httpFor(status, version, 'Ping', KEY), 403)
      }
    }
  })

  const http: [string, RefusedCommand, EasStatus, typeof KEY, number][] = [
    ['T104 blocked', 'Sync', 129, KEY, 403],
    ['T104 wipe', 'FolderSync', 140, KEY, 449],
    ['T104 wipe without key header', 'FolderSync', 140, NO_KEY, 403],
    ['T104 unprovisioned', 'FolderSync', 142, NO_KEY, 449],
    ['user not entitled', 'Sync', 126, KEY, 403],
    ['identities disagree', 'Sync', 130, KEY, 403],
    ['too many devices', 'Sync', 177, KEY, 403],
    ['no decision', 'Sync', 111, KEY, 503],
    ['T24 unknown command', 'Sync', 137, KEY, 501],
    ['version not allowed', 'Sync', 138, KEY, 400],
    ['Ping blocked', 'Ping', 129, KEY, 403],
  ]
  for (const [title, command, status, options, httpStatus] of http) {
    test(`12.1 ${title}: ${httpStatus}`, () => {
      assert.deepEqual(refusal(command, '12.1', status, options), { kind: 'http', httpStatus })
    })
  }

  test('from 14.0 only OPTIONS and GetAttachment are refused by HTTP', () => {
    for (const command of COMMANDS) {
      const kind = command === 'GetAttachment' ? 'http' : 'wbxml'
      for (const status of STATUSES) assert.equal(refusal(command, '14.0', status, KEY).kind, kind)
    }
    assert.deepEqual(refusal('OPTIONS', '16.1', 111, NO_KEY), { kind: 'http', httpStatus: 503 })
    assert.deepEqual(refusal('GetAttachment', '14.1', 142, KEY), { kind: 'http', httpStatus: 403 })
  })
})

function toBytes(answer: ReturnType<typeof refusal>): string | null {
  return answer.kind === 'wbxml' ? toHex(answer.body) : null
}
