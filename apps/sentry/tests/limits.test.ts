import assert from 'node:assert/strict'
import { Agent } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { after, afterEach, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { AUTHORIZE, V1_AUTHORIZE } from './support/oauth-requests.ts'
import { until } from './support/observe.ts'
import { rawHead } from './support/raw-request.ts'

const PER_CERTIFICATE = 4
const PER_ADDRESS = 6
const PER_SECOND = 5

describe('limits of the configuration, two workers', () => {
  let lab: Lab
  let open: RawClient[]
  before(async () => {
    open = []
    const limits = {
      connectionsPerCertificate: PER_CERTIFICATE,
      unauthenticatedConnectionsPerAddress: PER_ADDRESS,
      oauthRequestsPerSecondPerAddress: PER_SECOND,
    }
    lab = await startLab({ config: { limits } })
  })
  afterEach(async () => {
    for (const client of open.splice(0)) await client[Symbol.asyncDispose]()
    await until('no connection is counted', async () => (await lab.sentry.metric('postern_sentry_connections')) === 0)
  })
  after(() => lab[Symbol.asyncDispose]())

  test('A16 connectionsPerCertificate: one more is closed, whichever worker has it', async () => {
    const device = lab.devices['ann-phone']
    for (let count = 0; count < PER_CERTIFICATE; count += 1) assert.ok(await isServed(device))
    assert.ok(!(await isServed(device)), 'one too many')
    assert.ok(await isServed(lab.devices['bob-phone']), 'another certificate has its own count')
    await open[0]?.[Symbol.asyncDispose]()
    await settled()
    assert.ok(await isServed(device), 'a place that was left is free')
  })

  test('A16 unauthenticatedConnectionsPerAddress: one more is closed', async () => {
    for (let count = 0; count < PER_ADDRESS; count += 1) assert.ok(await isServed(null))
    assert.ok(!(await isServed(null)), 'one too many')
    await open[0]?.[Symbol.asyncDispose]()
    await settled()
    assert.ok(await isServed(null), 'a place that was left is free')
  })

  test('A16 whoever has shown a good certificate does not count for the address', async () => {
    const devices = Object.values(lab.devices)
    // Twice as many as the address may have without.
    for (let count = 0; count < 2 * PER_ADDRESS; count += 1) {
      const device = devices[count % devices.length]
      assert.ok(device !== undefined && (await isServed(device)), `connection ${count + 1}`)
    }
    for (let count = 0; count < PER_ADDRESS; count += 1)
      assert.ok(await isServed(null), 'the address has all its places')
  })

  test('A16 a certificate that is not good counts for the address', async () => {
    const stranger = await lab.serverCa.issueDevice({ upn: 'ann@example.com' })
    const device = { ...lab.devices['ann-phone'], identity: stranger }
    for (let count = 0; count < PER_ADDRESS; count += 1) assert.ok(await isServed(device))
    assert.ok(!(await isServed(device)), 'one too many')
  })

  test('A14 oauthRequestsPerSecondPerAddress: more are 429 with Retry-After, and a second later it is well again', async () => {
    const replies = []
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let count = 0; count < 4 * PER_SECOND; count += 1) replies.push(await authorize(null, agent))
    agent.destroy()
    const refused = replies.filter(({ status }) => status === 429)
    const served = replies.filter(({ status }) => status === 302)
    assert.equal(refused.length + served.length, replies.length)
    assert.ok(served.length >= PER_SECOND && refused.length >= 1, `${served.length} of ${replies.length} served`)
    assert.ok(replies.slice(0, PER_SECOND).every(({ status }) => status === 302))
    assert.ok(refused.every(({ headers }) => Number(headers['retry-after']) >= 1))
    await lab.sentry.waitForAudit(({ reasons }) => reasons[0] === 'TOO_MANY_REQUESTS')
    await delay(1_050)
    assert.equal((await authorize(null)).status, 302)
  })

  test('A14 a device with a good certificate is not held up by others of its address', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const others = Array.from({ length: 4 * PER_SECOND }, () => authorize(null, agent))
    assert.equal((await authorize(lab.devices['ann-phone'])).status, 302)
    assert.ok((await Promise.all(others)).some(({ status }) => status === 429))
    agent.destroy()
  })

  test('A14 and has a limit of its own', async () => {
    const statuses = []
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let count = 0; count < 4 * PER_SECOND; count += 1)
      statuses.push((await authorize(lab.devices['bob-phone'], agent)).status)
    agent.destroy()
    assert.ok(statuses.includes(429))
    assert.equal((await authorize(lab.devices['bob-tablet'])).status, 302)
  })

  /** Over one kept connection the requests follow each other faster than the limit fills up again. */
  function authorize(device: LabDevice | null, agent?: Agent): ReturnType<Lab['oauth']> {
    const identity = device === null ? null : device.identity
    return lab.oauth(`${V1_AUTHORIZE}?${AUTHORIZE}`, { identity, ...(agent === undefined ? {} : { agent }) })
  }

  /**
   * Opens a connection and keeps it; whether it is still there when a request on it was answered (whatever the answer
   * is) and the supervisor has had its say. It is asked while the connection is already served.
   */
  async function isServed(device: LabDevice | null): Promise<boolean> {
    const client = await lab.raw(device).catch(() => null)
    if (client === null) return false
    open.push(client)
    await client.send(await rawHead(lab, device ?? lab.devices['ann-phone'], { command: 'Settings' }))
    const answered = await client.readResponse().then(
      () => true,
      () => false,
    )
    await settled()
    return answered && !client.socket.destroyed
  }

  async function settled(): Promise<void> {
    await lab.sentry.metrics()
    await delay(30)
  }
})
