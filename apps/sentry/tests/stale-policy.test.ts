/**
 * Protocol document 9.6, T66 and T67: what passes when nobody writes the policy any more (A27).
 * @module
 */
import assert from 'node:assert/strict'
import { utimes } from 'node:fs/promises'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Issued } from '@postern/harness/ca'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import { assertWbxml, FOLDER_SYNC } from './support/golden.ts'
import { afterEvent, auditOf } from './support/observe.ts'

const MAX_AGE_SECONDS = 100

let lab: Lab
let stranger: Issued

before(async () => {
  const policy = { file: 'policy.json', unknownDevices: 'block', staleAfterSeconds: MAX_AGE_SECONDS }
  lab = await startLab({ exchange: { requirePolicy: false }, config: { policy } })
  stranger = await lab.deviceCa.issueDevice({ upn: 'ann@example.com', deviceUri: 'urn:postern:device:new' })
})

after(() => lab[Symbol.asyncDispose]())

beforeEach(() => ageTo(0))

/** Lets the policy file be as old as this; nothing else about it changes. */
async function ageTo(seconds: number): Promise<void> {
  const written = new Date(Date.now() - seconds * 1_000)
  await afterEvent(lab.sentry, 'policy-read', () => utimes(lab.sentry.policyFile, written, written))
}

const unknown = (): ReturnType<Lab['eas']> =>
  lab.eas(lab.devices['ann-phone'], { identity: stranger, deviceId: 'NEWPHONE0009' })

describe('T66 the policy grows old; a known device', () => {
  test('T66 known and allowed, age over the maximum: 111, 503 up to 12.1, UP=0; /readyz says why', async () => {
    await ageTo(MAX_AGE_SECONDS + 20)
    const received = lab.exchange.receivedCount
    const reply = await lab.eas(lab.devices['ann-phone'])
    assertWbxml(reply, FOLDER_SYNC.retryLater111)
    assert.equal((await auditOf(lab.sentry, reply)).reasons[0], 'POLICY_STALE')
    const old = await lab.eas(lab.devices['ann-phone'], { version: '12.1' })
    assert.equal(old.status, 503)
    assert.ok(Number(old.headers['retry-after']) >= 30)
    assert.equal(lab.exchange.receivedCount, received)
    assert.deepEqual(await lab.sentry.health('/readyz'), {
      status: 503,
      body: 'the policy is older than staleAfterSeconds\n',
    })
    const age = await lab.sentry.metric('postern_sentry_snapshot_age_seconds')
    assert.ok(age !== null && age >= MAX_AGE_SECONDS + 20 && age < MAX_AGE_SECONDS + 60)
  })

  test('T66 known and allowed, age under the maximum: allowed', async () => {
    await ageTo(MAX_AGE_SECONDS - 30)
    const received = lab.exchange.receivedCount
    assert.equal((await lab.eas(lab.devices['ann-phone'])).status, 200)
    assert.equal(lab.exchange.receivedCount, received + 1)
    assert.equal((await lab.sentry.health('/readyz')).status, 200)
  })

  test('T66 a fresh file ends it at once', async () => {
    await ageTo(MAX_AGE_SECONDS + 20)
    assertWbxml(await lab.eas(lab.devices['ann-phone']), FOLDER_SYNC.retryLater111)
    await lab.policy.publish(() => undefined)
    await lab.policy.applied()
    const received = lab.exchange.receivedCount
    assert.equal((await lab.eas(lab.devices['ann-phone'])).status, 200)
    assert.equal(lab.exchange.receivedCount, received + 1)
  })

  test('T66 a file that became invalid changes nothing but its age: allowed until it is too old', async () => {
    await afterEvent(lab.sentry, 'policy-rejected', () => lab.sentry.writePolicy({ schema: 1, version: 'seven' }))
    assert.equal((await lab.eas(lab.devices['ann-phone'])).status, 200)
    await lab.policy.publish(() => undefined)
    await lab.policy.applied()
  })
})

describe('T67 no word of the policy; an unknown device', () => {
  test('T67 unknown device, policy too old: 111, UP=0', async () => {
    await ageTo(MAX_AGE_SECONDS + 20)
    const received = lab.exchange.receivedCount
    const reply = await unknown()
    assertWbxml(reply, FOLDER_SYNC.retryLater111)
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T67 unknown device, policy fresh: 129, UP=0', async () => {
    const received = lab.exchange.receivedCount
    const reply = await unknown()
    assertWbxml(reply, FOLDER_SYNC.blocked129)
    assert.equal((await auditOf(lab.sentry, reply)).reasons[0], 'DEVICE_UNKNOWN')
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T67 no policy was ever read: 111 for everyone, never mail; /readyz says why; a file that comes later ends it', async () => {
    const sentry = 'early.sentry.example.com'
    const policy = { ...(lab.config['policy'] as ConfigFile), file: 'later.json' }
    const started = await lab.addSentry(sentry, { config: { policy } })
    const received = lab.exchange.receivedCount
    // addSentry laid a policy where the configuration of the lab has it; this Sentry reads another name.
    const replies = [
      await lab.eas(lab.devices['ann-phone'], { sentry }),
      await lab.eas(lab.devices['ann-phone'], { sentry, identity: stranger, deviceId: 'NEWPHONE0009' }),
    ]
    for (const reply of replies) assertWbxml(reply, FOLDER_SYNC.retryLater111)
    assert.equal((await lab.eas(lab.devices['ann-phone'], { sentry, version: '12.1' })).status, 503)
    assert.equal((await lab.eas(lab.devices['ann-phone'], { sentry, method: 'OPTIONS', query: '' })).status, 503)
    assert.equal(lab.exchange.receivedCount, received)
    const { status, body } = await started.health('/readyz')
    assert.equal(status, 503)
    assert.match(body, /^no valid policy was read/)
    await afterEvent(started, 'policy-read', () => started.writePolicy(lab.policy.snapshot))
    assert.equal((await lab.eas(lab.devices['ann-phone'], { sentry })).status, 200)
    await started.stop()
  })
})
