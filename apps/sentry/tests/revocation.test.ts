/**
 * Protocol document 9.6, T68: a certificate that is revoked while its holder is connected (A28).
 * @module
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import { type ConfigFile, type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { hex } from './support/golden.ts'
import { changeAndHangUp, reconfigure } from './support/observe.ts'

let lab: Lab

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  await writeFile(join(lab.dir, 'device.crl'), await lab.deviceCa.crl([]))
  const tls = { ...(lab.config['tls'] as ConfigFile), crlFiles: ['device.crl'] }
  await reconfigure(lab, { ...lab.config, tls })
})

after(() => lab[Symbol.asyncDispose]())

/** One FolderSync on a connection that stays; the answer's status. */
async function folderSync(client: RawClient, device: LabDevice): Promise<number> {
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
  return (await client.readResponse()).status
}

const revocations: [
  title: string,
  revoke: (device: LabDevice) => Promise<void>,
  devices: ['ann-phone' | 'bob-phone', 'ann-tablet' | 'bob-tablet'],
][] = [
  [
    'by the policy',
    async (device) => {
      await lab.policy.publish((draft) => draft.revokedCertificates.push(device.identity.fingerprint))
      await lab.policy.applied()
    },
    ['ann-phone', 'ann-tablet'],
  ],
  [
    'by a revocation list and SIGHUP',
    async (device) => {
      const list = await lab.deviceCa.crl([device.identity])
      await changeAndHangUp(lab.sentry, () => writeFile(join(lab.dir, 'device.crl'), list))
    },
    ['bob-phone', 'bob-tablet'],
  ],
]

for (const [title, revoke, [live, other]] of revocations) {
  describe(`T68 revoked ${title}`, () => {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      test(`T68 live keep-alive connection and resumed session, ${maxVersion}: next request 403, UP=0`, async () => {
        const device = lab.devices[maxVersion === 'TLSv1.3' ? live : other]
        await using kept = await lab.raw(device, { maxVersion })
        assert.equal(await folderSync(kept, device), 200)
        const session = await kept.session()
        await using resumedBefore = await lab.raw(device, { maxVersion, session })
        assert.equal(resumedBefore.resumed, true)
        assert.equal(await folderSync(resumedBefore, device), 200)
        const received = lab.exchange.receivedCount
        await revoke(device)
        assert.equal(await folderSync(kept, device), 403)
        await using resumed = await lab.raw(device, { maxVersion, session })
        assert.equal(await folderSync(resumed, device), 403)
        await using again = await lab.raw(device, { maxVersion })
        assert.equal(await folderSync(again, device), 403)
        assert.equal(lab.exchange.receivedCount, received)
        const line = await lab.sentry.waitForAudit(({ reasons }) => reasons.includes('CERTIFICATE_REVOKED'))
        assert.equal(line.decision, 'refuse')
      })
    }
  })
}

describe('T68 the CA is taken away', () => {
  test('T68 a device CA that is no longer trusted: live connection, resumed session and new connection get 403', async () => {
    const kept = lab.devices['ann-phone']
    await lab.policy.publish((draft) => {
      draft.revokedCertificates = []
    })
    await lab.policy.applied()
    await using client = await lab.raw(kept)
    assert.equal(await folderSync(client, kept), 200)
    const session = await client.session()
    const next = await createCa({ commonName: 'Next Device CA' })
    await writeFile(join(lab.dir, 'next-ca.crt'), next.certPem)
    const tls = { ...(lab.config['tls'] as ConfigFile), deviceCaFiles: ['next-ca.crt'] }
    await reconfigure(lab, { ...lab.config, tls })
    const received = lab.exchange.receivedCount
    assert.equal(await folderSync(client, kept), 403)
    await using resumed = await lab.raw(kept, { session })
    assert.equal(await folderSync(resumed, kept), 403)
    assert.equal(lab.exchange.receivedCount, received)
    await reconfigure(lab, lab.config)
    await using back = await lab.raw(kept)
    assert.equal(await folderSync(back, kept), 200)
  })
})
