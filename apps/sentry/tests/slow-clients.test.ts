import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { rawHead } from './support/raw-request.ts'

/** Real time: 10 s are allowed, and looked at once a second. Milliseconds. */
const CLOSED_WITHIN = 15_000

describe('slow clients, in real time', { concurrency: true }, () => {
  let lab: Lab
  before(async () => {
    lab = await startLab()
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T48 a head at one byte a second is closed within 15 s', async () => {
    const device = lab.devices['ann-phone']
    await using client = await lab.raw(device)
    const sending = client.sendSlowly(await rawHead(lab, device, { command: 'Search' }), 1)
    const { atMs } = await client.closed
    await sending
    assert.ok(atMs > 5_000 && atMs < CLOSED_WITHIN, `closed after ${atMs} ms`)
    assert.equal(received('Search'), 0)
  })

  test('T48 the second head of a connection has no more time than the first', async () => {
    const device = lab.devices['ann-tablet']
    await using client = await lab.raw(device)
    await client.send(await rawHead(lab, device, { command: 'Settings' }))
    assert.equal((await client.readResponse()).status, 200)
    const since = performance.now()
    const sending = client.sendSlowly(await rawHead(lab, device, { command: 'Find' }), 1)
    await client.closed
    await sending
    const ms = performance.now() - since
    assert.ok(ms > 5_000 && ms < CLOSED_WITHIN, `closed after ${ms} ms`)
    assert.equal(received('Find'), 0)
  })

  test('T48 a connection that never says anything after its handshake is closed within 15 s', async () => {
    await using client = await lab.raw(null)
    const { atMs } = await client.closed
    assert.ok(atMs < CLOSED_WITHIN, `closed after ${atMs} ms`)
  })

  test('T48 a connection that never begins its handshake is closed within 15 s', async () => {
    const socket = connect({ host: '127.0.0.1', port: lab.sentry.port })
    await once(socket, 'connect')
    const since = performance.now()
    socket.resume()
    await Promise.race([once(socket, 'close'), delay(CLOSED_WITHIN, null, { ref: false })])
    const ms = performance.now() - since
    socket.destroy()
    assert.ok(ms < CLOSED_WITHIN - 100, `still open after ${ms} ms`)
  })

  test('T49 a body at 10 bytes a second is answered by 408, and nothing reaches the server', async () => {
    const device = lab.devices['bob-phone']
    await using client = await lab.raw(device)
    await client.send(await rawHead(lab, device, { command: 'MoveItems', body: 5_000 }))
    const sending = client.sendSlowly(Buffer.alloc(5_000), 10)
    const reply = await client.readResponse({ timeoutMs: CLOSED_WITHIN })
    assert.equal(reply.status, 408)
    assert.equal(reply.header('connection'), 'close')
    await client.closed
    await sending
    assert.equal(received('MoveItems'), 0)
    await lab.sentry.waitForAudit((line) => line.command === 'MoveItems' && line.reasons[0] === 'BODY_TOO_SLOW')
  })

  test('T49 a streamed body at 10 bytes a second is answered by 408, and the server is left', async () => {
    const device = lab.devices['bob-tablet']
    await using client = await lab.raw(device)
    await client.send(await rawHead(lab, device, { command: 'SendMail', body: 'chunked' }))
    const sending = client.sendSlowly('1\r\nx\r\n'.repeat(500), 60, 6)
    const reply = await client.readResponse({ timeoutMs: CLOSED_WITHIN })
    assert.equal(reply.status, 408)
    await client.closed
    await sending
    const begun = await lab.exchange.waitForRequest(({ command }) => command === 'SendMail')
    await lab.exchange.waitForRequest((request) => request === begun && request.aborted)
    assert.equal(begun.finished, false)
  })

  function received(command: string): number {
    return lab.exchange.received.filter((request) => request.command === command).length
  }
})
