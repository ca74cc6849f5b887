/**
 * Whether devices are asked for a certificate changes while the Sentry runs, and no connection is dropped for it.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { hex } from './support/golden.ts'
import { reconfigure } from './support/observe.ts'

const OFF = { onActiveSync: 'off', onOAuth: 'off' }
const REQUIRED = { onActiveSync: 'required', onOAuth: 'optional' }

let lab: Lab

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false }, config: { deviceCertificate: OFF } })
})

after(() => lab[Symbol.asyncDispose]())

/** One FolderSync on a connection that stays. */
async function folderSync(client: RawClient, device: LabDevice): Promise<{ status: number; closes: boolean }> {
  const body = hex('03 01 6A 00 00 07 56 52 03 30 00 01 01')
  const user = encodeURIComponent(device.user)
  const head = [
    `POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&User=${user}&DeviceId=${device.easDeviceId}&DeviceType=iPhone HTTP/1.1`,
    `Host: ${lab.sentryName}`,
    'MS-ASProtocolVersion: 16.1',
    'Content-Type: application/vnd.ms-sync.wbxml',
    `Authorization: Bearer ${lab.token(device.user)}`,
    `Content-Length: ${body.length}`,
  ]
  await client.send(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]))
  const { status, headers } = await client.readResponse()
  return { status, closes: headers.some(([name, value]) => name.toLowerCase() === 'connection' && value === 'close') }
}

describe('certificates are asked for from now on', () => {
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    test(`a connection that was never asked is refused and closes after its answer, ${maxVersion}`, async () => {
      const device = lab.devices['ann-phone']
      await reconfigure(lab, { ...lab.config, deviceCertificate: OFF })
      await using unasked = await lab.raw(device, { maxVersion })
      assert.deepEqual(await folderSync(unasked, device), { status: 200, closes: false })
      const session = await unasked.session()
      await reconfigure(lab, { ...lab.config, deviceCertificate: REQUIRED })
      const received = lab.exchange.receivedCount
      assert.deepEqual(await folderSync(unasked, device), { status: 403, closes: true })
      assert.equal(lab.exchange.receivedCount, received)
      await using resumed = await lab.raw(device, { maxVersion, session })
      assert.equal(resumed.resumed, false) // a resumed session would never be asked
      assert.equal((await folderSync(resumed, device)).status, 200)
    })
  }
  test('and no more: a new connection comes without, one that showed its certificate goes on', async () => {
    const device = lab.devices['ann-phone']
    await reconfigure(lab, { ...lab.config, deviceCertificate: REQUIRED })
    await using asked = await lab.raw(device)
    assert.equal((await folderSync(asked, device)).status, 200)
    await reconfigure(lab, { ...lab.config, deviceCertificate: OFF })
    assert.deepEqual(await folderSync(asked, device), { status: 200, closes: false })
    await using later = await lab.raw(device)
    assert.equal((await folderSync(later, device)).status, 200)
    const line = await lab.sentry.waitForAudit(({ certificate }) => certificate === null)
    assert.equal(line.decision, 'allow')
  })
})
