import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { rawHead } from './support/raw-request.ts'

describe('a reader that does not read, in real time', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab()
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T49 a zero-window reader of 20 MB is cut off after 60 s', async () => {
    lab.exchange.script({ action: { kind: 'respond', status: 200, body: Buffer.alloc(20 * 1_048_576, 0x5a) } })
    const device = lab.devices['ann-phone']
    await using client = await lab.raw(device)
    const since = performance.now()
    client.pauseReading()
    await client.send(await rawHead(lab, device, { command: 'ItemOperations' }))
    await lab.sentry.waitForAudit(({ reasons }) => reasons.includes('DEVICE_STALLED'), 75_000)
    const ms = performance.now() - since
    assert.ok(ms >= 60_000 && ms < 70_000, `cut off after ${ms} ms`)
    await lab.exchange.waitForRequest(({ aborted }) => aborted)
    client.resumeReading()
    await client.closed
    assert.ok(client.unread.length < 20 * 1_048_576)
  })
})
