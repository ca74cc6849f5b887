/**
 * Group Certificate: all phones show one certificate; who speaks is said by token and DeviceId.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createCa, type Issued } from '@postern/harness/ca'
import { type Lab, startLab } from '@postern/harness/lab'

describe('one certificate for all phones', () => {
  let lab: Lab
  let shared: Issued
  before(async () => {
    lab = await startLab({
      workers: 1,
      config: {
        deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional', kind: 'group' },
        limits: { connectionsPerCertificate: 1 },
      },
    })
    shared = await lab.deviceCa.issueDevice({ commonName: 'all phones' })
  })
  after(() => lab[Symbol.asyncDispose]())

  test('none is refused, and so is one of another authority', async () => {
    const foreign = await (await createCa({ commonName: 'Another CA' })).issueDevice({ commonName: 'all phones' })
    for (const identity of [null, foreign]) {
      const before = lab.exchange.receivedCount
      const reply = await lab.eas(lab.devices['ann-phone'], { identity })
      assert.notEqual(reply.status, 200)
      assert.equal(lab.exchange.receivedCount, before)
    }
  })
  test('two phones get mail with it at once, beyond the limit of one certificate', async () => {
    await using first = await lab.raw(lab.devices['ann-phone'], { cert: shared.certPem, key: shared.keyPem })
    await using second = await lab.raw(lab.devices['bob-phone'], { cert: shared.certPem, key: shared.keyPem })
    for (const name of ['ann-phone', 'bob-phone', 'ann-tablet'] as const) {
      const reply = await lab.eas(lab.devices[name], { identity: shared })
      assert.equal(reply.status, 200, name)
    }
    assert.equal(first.socket.destroyed || second.socket.destroyed, false)
    const { certificate, device } = await lab.sentry.waitForAudit((line) => line.device === 'ann-tablet')
    assert.equal(device, 'ann-tablet')
    assert.equal(certificate, shared.fingerprint)
  })
  test("another user's token does not make the device somebody else's", async () => {
    const from = (await lab.sentry.auditLines()).length
    await lab.eas(lab.devices['ann-phone'], { identity: shared, token: lab.token('bob@example.com') })
    const line = await lab.sentry.waitForAudit(({ event }) => event !== 'request', 3_000, from)
    assert.equal(line.decision, 'refuse')
    assert.ok(line.reasons.includes('TOKEN_USER_MISMATCH'), line.reasons.join(' '))
  })
  test('revoked, it opens for nobody', async () => {
    await lab.policy.publish((draft) => {
      draft.revokedCertificates.push(shared.fingerprint)
    })
    await lab.policy.applied()
    const reply = await lab.eas(lab.devices['bob-phone'], { identity: shared })
    assert.notEqual(reply.status, 200)
  })
})
