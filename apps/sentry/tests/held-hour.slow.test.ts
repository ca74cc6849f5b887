import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import { hex } from './support/golden.ts'
import { rawHead } from './support/raw-request.ts'

/** Beyond the 300 s that HTTP clients and servers give up after unless told otherwise. Milliseconds. */
const SILENT_MS = 320_000
const PING_EXPIRED = hex('03 01 6A 00 00 0D 45 47 03 31 00 01 01')

describe('more than five minutes of silence, in real time', { concurrency: true }, () => {
  let lab: Lab
  before(async () => {
    lab = await startLab()
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T50 a Ping with a body is held for 320 s and arrives intact', () =>
    held('ann-phone', 'Ping', hex('03 01 6A 00 00 0D 45 48 03 33 35 34 30 00 01 01'), PING_EXPIRED))
  test('T50 a Ping with an empty body is held for 320 s and arrives intact', () =>
    held('ann-tablet', 'Ping', Buffer.alloc(0), PING_EXPIRED))
  test('T50 an empty Sync is held for 320 s and gets its empty answer', () =>
    held('bob-phone', 'Sync', Buffer.alloc(0), Buffer.alloc(0)))

  async function held(name: LabDevice['id'], command: string, body: Buffer, answer: Buffer): Promise<void> {
    const device = Object.values(lab.devices).find(({ id }) => id === name)
    assert.ok(device !== undefined)
    lab.exchange.script({
      match: ({ query }) => query?.deviceId === device.easDeviceId,
      delayMs: SILENT_MS,
      action: { kind: 'respond', status: 200, body: answer },
    })
    await using client = await lab.raw(device)
    const since = performance.now()
    await client.send(Buffer.concat([Buffer.from(await rawHead(lab, device, { command, body: body.length })), body]))
    const reply = await client.readResponse({ timeoutMs: SILENT_MS + 30_000 })
    assert.ok(performance.now() - since >= SILENT_MS - 100)
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, answer)
  }
})
