import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, afterEach, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { hex } from './support/golden.ts'
import { until } from './support/observe.ts'
import { rawHead } from './support/raw-request.ts'

/** A Sync counts as held after 5 s: here after half a second. */
const SPEED = 10
const HELD_AFTER_MS = 5_000 / SPEED
const HELD_PER_DEVICE = 2
const HELD_PER_USER = 3
const PING_CHANGES = hex('03 01 6A 00 00 0D 45 47 03 32 00 01 01')

describe('held requests, two workers', () => {
  let lab: Lab
  let open: RawClient[]
  /** Most requests of the command that were with the server at the same time, counted whenever one came. */
  let most: number

  before(async () => {
    lab = await startLab({
      speed: SPEED,
      config: { limits: { heldPerDevice: HELD_PER_DEVICE, heldPerUser: HELD_PER_USER } },
    })
    open = []
    most = 0
    hangAll()
  })
  afterEach(async () => {
    for (const client of open.splice(0)) await client[Symbol.asyncDispose]()
    await until('the server is left', () => waiting() === 0)
    lab.exchange.clearScript()
    lab.exchange.clearReceived()
    most = 0
    hangAll()
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T51 three parallel Pings of one device: two reach the server, the oldest is closed', async () => {
    const device = lab.devices['ann-phone']
    const [oldest, second] = [await ping(device), await ping(device)]
    assert.equal(waiting(), HELD_PER_DEVICE)
    const third = await ping(device)
    const { atMs } = await oldest.closed
    assert.ok(atMs < 5_000)
    assert.equal(oldest.unread.length, 0, 'closed without an answer')
    await lab.sentry.waitForAudit(({ reasons, status }) => reasons.includes('TOO_MANY_HELD') && status === 0)
    assert.equal(waiting(), HELD_PER_DEVICE)
    assert.equal(most, HELD_PER_DEVICE)
    assert.ok(second.socket.writable && third.socket.writable, 'the newer two go on')
  })

  test('T51 twelve Pings at once on as many connections: never more than two with the server', async () => {
    const device = lab.devices['ann-phone']
    const clients = await Promise.all(Array.from({ length: 12 }, () => connected(device)))
    const head = await rawHead(lab, device, { command: 'Ping' })
    await Promise.all(clients.map((client) => client.send(head)))
    await until('ten are closed', () => clients.filter(({ socket }) => socket.destroyed).length === 10)
    await until('two are with the server', () => waiting() === HELD_PER_DEVICE)
    await delay(200)
    assert.equal(waiting(), HELD_PER_DEVICE)
    assert.ok(most <= HELD_PER_DEVICE, `${most} at once`)
    assert.equal(clients.filter(({ socket }) => socket.destroyed).length, 10)
  })

  test('T51 the two that stay are answered', async () => {
    const device = lab.devices['bob-phone']
    lab.exchange.clearScript()
    lab.exchange.script({
      match: 'Ping',
      times: Infinity,
      delayMs: 700,
      action: { kind: 'respond', status: 200, body: PING_CHANGES },
    })
    const [oldest, second, third] = [await ping(device), await ping(device), await ping(device)]
    await oldest.closed
    for (const client of [second, third]) assert.deepEqual((await client.readResponse()).body, PING_CHANGES)
  })

  test('T51 a Ping of another device of the user is not closed, until the user has too many', async () => {
    const [phone, tablet] = [lab.devices['ann-phone'], lab.devices['ann-tablet']]
    const oldest = await ping(phone)
    const others = [await ping(phone), await ping(tablet)]
    assert.equal(waiting(), HELD_PER_USER)
    assert.ok(oldest.socket.writable)
    others.push(await ping(tablet))
    await oldest.closed
    await until('three are left', () => waiting() === HELD_PER_USER)
    assert.equal(most, HELD_PER_USER)
    assert.ok(others.every(({ socket }) => socket.writable))
    const bob = await ping(lab.devices['bob-phone'])
    assert.ok(bob.socket.writable && others.every(({ socket }) => socket.writable), 'another user has an own count')
  })

  test('T51 a Sync that hangs counts like a Ping, after five seconds', async () => {
    const device = lab.devices['ann-phone']
    const [oldest, second] = [await ping(device), await ping(device)]
    const since = performance.now()
    const sync = await held(device, 'Sync')
    await delay(HELD_AFTER_MS / 2)
    assert.ok(oldest.socket.writable, 'a Sync that may yet answer at once takes nobody’s place')
    await oldest.closed
    const ms = performance.now() - since
    assert.ok(ms >= HELD_AFTER_MS - 50 && ms < HELD_AFTER_MS + 2_000, `closed after ${ms} ms`)
    assert.ok(second.socket.writable && sync.socket.writable)
  })

  test('T51 Syncs that are answered take no place', async () => {
    const device = lab.devices['ann-phone']
    lab.exchange.clearScript()
    lab.exchange.script({ match: 'Sync', times: Infinity, action: { kind: 'respond', status: 200 } })
    hangAll()
    const pings = [await ping(device), await ping(device)]
    for (let count = 0; count < 4; count += 1) assert.equal((await lab.eas(device, { command: 'Sync' })).status, 200)
    await delay(HELD_AFTER_MS + 200)
    assert.ok(pings.every(({ socket }) => socket.writable))
  })

  for (const command of ['Ping', 'Sync', 'Search']) {
    test(`T101 a device that closes during ${command} takes the server's request with it within 1 s`, async () => {
      const client = await held(lab.devices['bob-tablet'], command)
      const since = performance.now()
      client.destroy()
      await lab.exchange.waitForRequest((request) => request.command === command && request.aborted, 1_000)
      assert.ok(performance.now() - since < 1_000)
      await lab.sentry.waitForAudit((line) => line.command === command && line.reasons.includes('CLIENT_GONE'))
    })
  }

  test('T101 a device that says it will send no more has left as well', async () => {
    const client = await held(lab.devices['bob-tablet'], 'Ping')
    client.halfClose()
    await lab.exchange.waitForRequest((request) => request.command === 'Ping' && request.aborted, 1_000)
  })

  function hangAll(): void {
    const match = (): boolean => {
      most = Math.max(most, waiting() + 1)
      return true
    }
    lab.exchange.script({ match, times: Infinity, action: { kind: 'hang' } })
  }

  function waiting(): number {
    return lab.exchange.received.filter(({ aborted, finished }) => !aborted && !finished).length
  }

  async function connected(device: LabDevice): Promise<RawClient> {
    const client = await lab.raw(device)
    open.push(client)
    return client
  }

  /** A request on a connection of its own that the server has received. */
  async function held(device: LabDevice, command: string): Promise<RawClient> {
    const client = await connected(device)
    const before = lab.exchange.receivedCount
    await client.send(await rawHead(lab, device, { command }))
    await until(`${command} is with the server`, () => lab.exchange.receivedCount > before)
    return client
  }

  function ping(device: LabDevice): Promise<RawClient> {
    return held(device, 'Ping')
  }
})
