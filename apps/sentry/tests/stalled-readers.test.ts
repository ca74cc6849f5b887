import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { rawHead } from './support/raw-request.ts'

const MIB = 1_048_576

describe('readers that do not read, with timeouts divided by 20', { concurrency: true }, () => {
  const SPEED = 20
  const STALL_MS = 60_000 / SPEED
  let lab: Lab
  before(async () => {
    lab = await startLab({ speed: SPEED })
    lab.exchange.script({
      match: 'ItemOperations',
      times: Infinity,
      action: { kind: 'respond', status: 200, body: Buffer.alloc(20 * MIB, 0x5a) },
    })
    lab.exchange.script({
      match: 'Search',
      action: { kind: 'respond', status: 200, body: Buffer.alloc(12 * MIB, 0x5a) },
    })
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T49 a zero-window reader of 20 MB is cut off when the write has stalled for its time', async () => {
    const device = lab.devices['ann-phone']
    await using client = await lab.raw(device)
    const since = performance.now()
    client.pauseReading()
    await client.send(await rawHead(lab, device, { command: 'ItemOperations' }))
    const line = await lab.sentry.waitForAudit(({ reasons }) => reasons.includes('DEVICE_STALLED'), 3 * STALL_MS)
    const ms = performance.now() - since
    assert.ok(ms >= STALL_MS && ms < 2 * STALL_MS, `cut off after ${ms} ms`)
    assert.ok(line.bytesOut < 20 * MIB, 'the answer was not taken in whole')
    await lab.exchange.waitForRequest(({ aborted, query }) => aborted && query?.deviceId === device.easDeviceId)
    client.resumeReading()
    await client.closed
    assert.ok(client.unread.length < 20 * MIB, 'the rest never comes')
  })

  test('T49 a reader that pauses for less than that gets the whole answer', async () => {
    const device = lab.devices['bob-phone']
    await using client = await lab.raw(device)
    await client.send(await rawHead(lab, device, { command: 'Search' }))
    for (let pause = 0; pause < 3; pause += 1) {
      client.pauseReading()
      await delay(STALL_MS / 2)
      client.resumeReading()
      await delay(20)
    }
    const reply = await client.readResponse({ timeoutMs: 10_000 })
    assert.equal(reply.status, 200)
    assert.equal(reply.body.length, 12 * MIB)
  })
})
