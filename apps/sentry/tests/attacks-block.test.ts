/**
 * Ways around a block: requests that were begun before it and are finished after it. A device that is about to be
 * blocked may open as many as it has connections, and feed each at the slowest allowed rate.
 * @module
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, before, after, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { changeAndHangUp, until } from './support/observe.ts'
import { rawHead } from './support/raw-request.ts'

/** As for a held Ping (1.9). Milliseconds. */
const WITHIN_MS = 1_000

let lab: Lab
let device: LabDevice
const open: RawClient[] = []

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  device = lab.devices['ann-phone']
})
afterEach(async () => {
  for (const client of open.splice(0)) await client[Symbol.asyncDispose]()
  lab.exchange.clearScript()
  await posture('allow')
  await delay(200)
  lab.exchange.clearReceived()
})
after(() => lab[Symbol.asyncDispose]())

async function connected(): Promise<RawClient> {
  const client = await lab.raw(device)
  open.push(client)
  return client
}

async function posture(to: 'allow' | 'block' | 'wipe'): Promise<void> {
  await lab.policy.publish((draft) => {
    for (const each of draft.devices) if (each.id === device.id) each.posture = to
  })
  await until('the policy is in force', async () => (await lab.sentry.appliedVersion()) === lab.policy.snapshot.version)
}

describe('requests-begun-before-a-block', () => {
  const small = ['ItemOperations', 'FolderSync', 'Settings', 'Ping', 'Sync', 'Provision']
  for (const command of small)
    for (const to of ['block', 'wipe'] as const)
      test(`${command}: its body ends after the ${to}, and the server never hears of it`, async () => {
        const client = await connected()
        await client.send((await rawHead(lab, device, { command, body: 1_000 })) + 'x'.repeat(999))
        await delay(100)
        await posture(to)
        await client.send('x')
        await Promise.race([client.closed, client.readResponse().catch(() => null)])
        await delay(100)
        assert.equal(lab.exchange.received.length, 0)
        await lab.sentry.waitForAudit(({ reasons }) => reasons.some((reason) => reason.endsWith('REQUEST_ENDED')))
      })
  test('SendMail: a message on its way ends with the block, and is not whole with the server', async () => {
    const client = await connected()
    await client.send((await rawHead(lab, device, { command: 'SendMail', body: 200_000 })) + 'x'.repeat(100_000))
    await until('it is on its way', () => lab.exchange.received.length === 1)
    await posture('block')
    const refused = await client.readResponse({ timeoutMs: WITHIN_MS })
    assert.equal(refused.status, 200)
    await client.send('x'.repeat(100_000))
    await delay(200)
    assert.equal(lab.exchange.received[0]?.aborted, true)
    assert.equal(lab.exchange.received[0].finished, false)
  })
  test('FolderSync: the server takes its time, the block does not', async () => {
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'hang' } })
    const client = await connected()
    await client.send(await rawHead(lab, device))
    await until('it waits', () => lab.exchange.received.length === 1)
    await posture('block')
    const refused = await client.readResponse({ timeoutMs: WITHIN_MS })
    assert.equal(refused.status, 200)
    await until('the server is left', () => lab.exchange.received[0]?.aborted === true)
    const line = await lab.sentry.waitForAudit(({ reasons }) => reasons.includes('DEVICE_BLOCKED'))
    assert.equal(line.decision, 'refuse')
  })
  test('ItemOperations: a large answer that is read slowly is cut off', async () => {
    const body = Buffer.alloc(32 * 1_048_576)
    lab.exchange.script({ match: 'ItemOperations', action: { kind: 'respond', status: 200, body } })
    const client = await connected()
    let came = 0
    client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (came += chunk.length))
    await client.send(await rawHead(lab, device, { command: 'ItemOperations' }))
    await until('it comes', () => came > 0)
    client.pauseReading()
    await posture('block')
    client.resumeReading()
    await client.closed
    assert.ok(came < body.length, 'all of it came')
    await lab.sentry.waitForAudit(
      ({ reasons, decision }) => decision === 'refuse' && reasons.includes('DEVICE_BLOCKED'),
    )
  })
  test('Ping: its body ends after the certificate authority was taken away', async () => {
    const client = await connected()
    await client.send((await rawHead(lab, device, { command: 'Ping', body: 100 })) + 'x'.repeat(99))
    await delay(100)
    await lab.policy.publish((draft) => {
      draft.revokedCertificates = [device.identity.fingerprint]
    })
    await until('in force', async () => (await lab.sentry.appliedVersion()) === lab.policy.snapshot.version)
    await client.send('x')
    assert.equal((await client.readResponse()).status, 403)
    assert.equal(lab.exchange.received.length, 0)
    await lab.policy.publish((draft) => {
      draft.revokedCertificates = []
    })
  })
  test('Ping: its body ends after the settings no longer allow its application', async () => {
    const client = await connected()
    await client.send((await rawHead(lab, device, { command: 'Ping', body: 100 })) + 'x'.repeat(99))
    await delay(100)
    const oauth = lab.config['oauth'] as Record<string, unknown>
    await changeAndHangUp(lab.sentry, () =>
      lab.sentry.writeConfig({ ...lab.config, oauth: { ...oauth, tenantIds: ['none'] } }),
    )
    await client.send('x')
    await Promise.race([client.closed, client.readResponse().catch(() => null)])
    await delay(100)
    assert.equal(lab.exchange.received.length, 0)
    await changeAndHangUp(lab.sentry, () => lab.sentry.writeConfig(lab.config))
  })
})
