import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { startLab } from './lab.ts'
import type { Lab } from './lab.ts'

const STATUS_129 = '03016a000007564c03313239000101'

describe('a lab', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({ workers: 1 })
  })
  after(() => lab[Symbol.asyncDispose]())

  test('a device without certificate or token is refused by Sentry itself', async () => {
    const ann = lab.devices['ann-phone']
    assert.equal((await lab.eas(ann, { identity: null })).status, 403)
    assert.equal((await lab.eas(ann, { token: null })).status, 401)
    assert.equal(lab.exchange.received.filter(({ command }) => command === 'FolderSync').length, 0)
  })

  test('a posture holds as soon as it is applied, and the audit says why', async () => {
    const bob = lab.devices['bob-phone']
    assert.equal((await lab.eas(bob)).status, 200)
    await lab.policy.posture('bob-phone', 'block', ['JAILBROKEN'])
    await lab.policy.applied()
    const refused = await lab.eas(bob)
    assert.equal(refused.body.toString('hex'), STATUS_129)
    const line = await lab.sentry.waitForAudit(({ reasons }) => reasons.includes('JAILBROKEN'))
    assert.equal(line.id, refused.headers['x-request-id'])
    await lab.policy.posture('bob-phone', 'allow')
    await lab.policy.applied()
    assert.notEqual((await lab.eas(bob)).body.toString('hex'), STATUS_129)
  })

  test('a raw connection reaches Sentry with the device’s certificate', async () => {
    await using client = await lab.raw(lab.devices['ann-tablet'], { alpn: ['h2', 'http/1.1'] })
    assert.equal(client.alpn, 'http/1.1')
    await client.send(`GET /owa/ HTTP/1.1\r\nHost: ${lab.sentryName}\r\n\r\n`)
    assert.equal((await client.readResponse()).status, 404)
  })

  test('another Sentry has its own name and shares the policy', async () => {
    const other = await lab.addSentry('sentry2.example.com')
    assert.notEqual(other.port, lab.sentry.port)
    const reply = await lab.eas(lab.devices['ann-phone'], { sentry: 'sentry2.example.com' })
    assert.equal(reply.status, 200)
  })

  test('local pages', async () => {
    assert.deepEqual(await lab.sentry.health('/healthz'), { status: 200, body: 'ok\n' })
    assert.equal(await lab.sentry.metric('postern_sentry_snapshot_version'), lab.policy.snapshot.version)
  })
})

test('a lab leaves nothing behind', async () => {
  const lab = await startLab({ workers: 1 })
  const { dir, sentry } = lab
  await lab[Symbol.asyncDispose]()
  await assert.rejects(access(dir), { code: 'ENOENT' })
  assert.equal(await sentry.exited, 0)
})
