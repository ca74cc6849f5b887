import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { RawResponse } from '@postern/harness/raw-client'
import { hex } from './support/golden.ts'
import { rawHead } from './support/raw-request.ts'

/** An hour in six seconds: the 3,660 s of a held request become 6,100 ms, the 100 s of others 167 ms. */
const SPEED = 600
const MINUTE_MS = 60_000 / SPEED
const SILENT_MS = 59 * MINUTE_MS
const GIVEN_UP_MS = 3_660_000 / SPEED

/** `<Ping><Status>1</Status></Ping>` and `<Sync><SyncKey>…` as an hour's silence ends. */
const PING_EXPIRED = hex('03 01 6A 00 00 0D 45 47 03 31 00 01 01')
/** HeartbeatInterval 3540. */
const PING_3540 = hex('03 01 6A 00 00 0D 45 48 03 33 35 34 30 00 01 01')

describe('an hour of silence, in six seconds', { concurrency: true }, () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({ speed: SPEED })
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T50 a Ping whose server is silent for 59 minutes arrives intact', async () => {
    const device = lab.devices['ann-phone']
    answerAfter(device, SILENT_MS, PING_EXPIRED)
    const { reply, ms, sent } = await hold(device, 'Ping', PING_3540)
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, PING_EXPIRED)
    assert.equal(reply.header('content-type'), 'application/vnd.ms-sync.wbxml')
    assert.deepEqual(sent, PING_3540)
    assert.ok(ms >= SILENT_MS - 100, `answered after ${ms} ms`)
  })

  test('T50 a Ping with an empty body is as patient', async () => {
    const device = lab.devices['ann-tablet']
    answerAfter(device, SILENT_MS, PING_EXPIRED)
    const { reply, ms, sent } = await hold(device, 'Ping', Buffer.alloc(0))
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, PING_EXPIRED)
    assert.equal(sent.length, 0)
    assert.ok(ms >= SILENT_MS - 100, `answered after ${ms} ms`)
  })

  test('T50 an empty Sync that hangs for 59 minutes gets its empty answer', async () => {
    const device = lab.devices['bob-phone']
    answerAfter(device, SILENT_MS, Buffer.alloc(0))
    const { reply, ms } = await hold(device, 'Sync', Buffer.alloc(0))
    assert.equal(reply.status, 200)
    assert.equal(reply.header('content-length'), '0')
    assert.ok(ms >= SILENT_MS - 100, `answered after ${ms} ms`)
  })

  test('T50 a Ping whose server never answers ends with 503 when the hour and its minute are over', async () => {
    const device = lab.devices['bob-tablet']
    lab.exchange.script({ match: isOf(device), times: Infinity, action: { kind: 'hang' } })
    const { reply, ms } = await hold(device, 'Ping', PING_3540, 503)
    assert.equal(reply.status, 503)
    assert.ok(reply.header('retry-after') !== undefined)
    assert.ok(ms >= GIVEN_UP_MS - 100 && ms < GIVEN_UP_MS + 2_000, `given up after ${ms} ms`)
    await lab.sentry.waitForAudit((line) => line.reasons[0] === 'UPSTREAM_TIMEOUT' && line.durationMs > SILENT_MS)
  })

  test('T50 the same silence is not granted to an ordinary command', async () => {
    const device = lab.devices['bob-tablet']
    lab.exchange.script({ match: 'Settings', times: Infinity, action: { kind: 'hang' } })
    const { reply, ms } = await hold(device, 'Settings', Buffer.alloc(0), 503)
    assert.equal(reply.status, 503)
    assert.ok(ms < SILENT_MS / 2, `given up after ${ms} ms`)
  })

  function answerAfter(device: LabDevice, delayMs: number, body: Buffer): void {
    const headers: [string, string][] = body.length === 0 ? [] : [['Content-Type', 'application/vnd.ms-sync.wbxml']]
    const action = { kind: 'respond', status: 200, headers, body } as const
    lab.exchange.script({ match: isOf(device), times: Infinity, delayMs, action })
  }

  /**
   * One request that the server has received. A grace of 17 ms for a body and half a second for a handshake are little on a
   * busy machine: attempts that do not get through are not what is tested.
   */
  async function hold(
    device: LabDevice,
    command: string,
    body: Buffer,
    expected = 200,
  ): Promise<{ reply: RawResponse; ms: number; sent: Buffer }> {
    for (let attempt = 1; ; attempt += 1) {
      const before = arrivals(device, command).length
      const since = performance.now()
      const reply = await exchangeOnce(device, command, body).catch((cause: unknown) => {
        if (attempt >= 10) throw cause
        return null
      })
      const arrived = arrivals(device, command)[before]
      if (reply !== null && arrived !== undefined && (reply.status === expected || attempt >= 10))
        return { reply, ms: performance.now() - since, sent: arrived.body }
      assert.ok(attempt < 10, `${command} did not get through; last ${String(reply?.status)}`)
    }
  }

  async function exchangeOnce(device: LabDevice, command: string, body: Buffer): Promise<RawResponse> {
    const head = await rawHead(lab, device, { command, body: body.length })
    await using client = await lab.raw(device)
    await client.send(Buffer.concat([Buffer.from(head), body]))
    return await client.readResponse({ timeoutMs: GIVEN_UP_MS + 5_000 })
  }

  function arrivals(device: LabDevice, command: string): typeof lab.exchange.received {
    return lab.exchange.received.filter(
      (each) => each.command === command && each.query?.deviceId === device.easDeviceId,
    )
  }
})

function isOf({
  easDeviceId,
}: LabDevice): (request: { query: { deviceId: string } | null; command: string | null }) => boolean {
  return ({ query, command }) => query?.deviceId === easDeviceId && command !== 'Settings'
}
