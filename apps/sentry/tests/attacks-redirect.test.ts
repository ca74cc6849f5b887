/**
 * What was learned from a redirect lives for hours, longer than what allowed it (A21).
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { type ExchangeStandIn, startExchange } from '@postern/harness/exchange'
import { type ConfigFile, type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import { reconfigure } from './support/observe.ts'

const ELSEWHERE = 'outlook.office.com'

let lab: Lab
let moved: ExchangeStandIn

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false }, workers: 1 })
  const cert = await lab.serverCa.issueServer({ names: [ELSEWHERE] })
  moved = await startExchange({ cert, audience: lab.destinationResource, requirePolicy: false })
})
afterEach(() => {
  moved.clearReceived()
  moved.clearScript()
})
after(async () => {
  await lab[Symbol.asyncDispose]()
  await moved.close()
})

/** Lists the place, and has the mailbox redirected there. */
async function redirected(device: LabDevice): Promise<void> {
  const listed = { ...(lab.config['activeSync'] as ConfigFile), redirectHosts: [`${ELSEWHERE}:${String(moved.port)}`] }
  await reconfigure(lab, { ...lab.config, activeSync: listed })
  const location = `https://${ELSEWHERE}:${String(moved.port)}/Microsoft-Server-ActiveSync`
  lab.exchange.script({ match: 'FolderSync', action: { kind: 'redirect', location } })
  assert.equal((await lab.eas(device)).status, 200)
  assert.equal((await lab.eas(device)).status, 200)
  assert.equal(moved.received.length, 2, 'it is remembered')
  moved.clearReceived()
}

test('a-redirect-outlives-its-place-on-the-list: the token does not go there any more', async () => {
  const device = lab.devices['ann-phone']
  await redirected(device)
  await reconfigure(lab, {
    ...lab.config,
    activeSync: { ...(lab.config['activeSync'] as ConfigFile), redirectHosts: [] },
  })
  assert.equal((await lab.eas(device)).status, 200)
  assert.equal(moved.received.length, 0)
})

test('a-redirect-to-a-place-that-broke: one request fails, the next asks the servers', async () => {
  const device = lab.devices['bob-phone']
  await redirected(device)
  moved.script({ times: Infinity, action: { kind: 'reset' } })
  assert.equal((await lab.eas(device)).status, 503)
  assert.equal((await lab.eas(device)).status, 200)
})
