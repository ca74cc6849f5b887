/**
 * Protocol document 9.6, T63 and T64, and report mode: what a device, a user or a certificate that was blocked is told.
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import {
  assertWbxml,
  BLOCKED_129,
  FOLDER_SYNC,
  hex,
  PING_7,
  PING_REQUEST,
  type Reply,
  WBXML_TYPE,
} from './support/golden.ts'
import { auditOf } from './support/observe.ts'

let lab: Lab

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
})

afterEach(async () => {
  lab.exchange.clearScript()
  await lab.policy.publish((draft) => {
    for (const device of draft.devices) Object.assign(device, { posture: 'allow', reasons: [] })
    draft.revokedCertificates = []
    draft.blockedUsers = []
    draft.mode = 'enforce'
  })
  await lab.policy.applied()
})

after(() => lab[Symbol.asyncDispose]())

/** Sends a command that the server never answers; resolves when the server has it. */
async function hold(device: LabDevice, command: 'Ping' | 'Sync'): Promise<{ reply: Promise<Reply> }> {
  const from = lab.exchange.receivedCount
  lab.exchange.script({ match: command, action: { kind: 'hang' } })
  const reply = lab.eas(device, { command, ...(command === 'Ping' ? { body: hex(PING_REQUEST) } : {}) })
  await lab.exchange.waitForRequest((request) => lab.exchange.received.indexOf(request) >= from)
  return { reply }
}

type Change = Parameters<Lab['policy']['publish']>[0]

/** Gives one device another posture. */
function posture(id: string, value: 'block' | 'wipe'): Change {
  return (draft) => {
    for (const device of draft.devices) if (device.id === id) device.posture = value
  }
}

describe('T63 a refusal that arrives while a request hangs', () => {
  const SYNC_140 = '03 01 6A 00 45 4E 03 31 34 30 00 01 01'
  const rows: [
    title: string,
    command: 'Ping' | 'Sync',
    change: () => Change,
    held: string | 403,
    next: string | 403,
  ][] = [
    ['device blocked, Ping', 'Ping', () => posture('ann-phone', 'block'), PING_7, FOLDER_SYNC.blocked129],
    [
      'device blocked, hanging Sync',
      'Sync',
      () => posture('ann-phone', 'block'),
      BLOCKED_129.Sync,
      FOLDER_SYNC.blocked129,
    ],
    ['wipe, Ping', 'Ping', () => posture('ann-phone', 'wipe'), PING_7, FOLDER_SYNC.wipeRequested140],
    ['wipe, hanging Sync', 'Sync', () => posture('ann-phone', 'wipe'), SYNC_140, FOLDER_SYNC.wipeRequested140],
    [
      'user blocked, Ping',
      'Ping',
      () => (draft) => draft.blockedUsers.push('ANN@example.com'),
      PING_7,
      FOLDER_SYNC.userDisabled126,
    ],
    [
      'device no longer known, Ping',
      'Ping',
      () => (draft) => {
        draft.devices = draft.devices.filter(({ id }) => id !== 'ann-phone')
      },
      PING_7,
      FOLDER_SYNC.blocked129,
    ],
    [
      'certificate revoked, Ping',
      'Ping',
      () => (draft) => draft.revokedCertificates.push(lab.devices['ann-phone'].identity.fingerprint),
      403,
      403,
    ],
  ]
  for (const [title, command, change, held, next] of rows) {
    test(`T63 ${title}: ended in under a second, the next command refused, UP=0`, async (t) => {
      const device = lab.devices['ann-phone']
      const { reply } = await hold(device, command)
      const other = await hold(lab.devices['bob-phone'], 'Ping')
      const registered = structuredClone(lab.policy.snapshot.devices)
      const since = performance.now()
      await lab.policy.publish(change())
      const answer = await reply
      const heldMs = performance.now() - since
      t.diagnostic(`ended after ${heldMs.toFixed(0)} ms`)
      assert.ok(heldMs < 1_000, `ended after ${heldMs.toFixed(0)} ms`)
      if (held === 403) assert.equal(answer.status, 403)
      else assertWbxml(answer, held)
      const line = await auditOf(lab.sentry, answer)
      assert.equal(line.decision, 'refuse')
      assert.equal(line.snapshot, lab.policy.snapshot.version)
      assert.ok(line.reasons.includes('HELD_REQUEST_ENDED'))
      const gone = await lab.exchange.waitForRequest((request) => request.command === command && request.aborted)
      assert.equal(gone.query?.deviceId, device.easDeviceId)
      const received = lab.exchange.receivedCount
      const refused = await lab.eas(device)
      if (next === 403) assert.equal(refused.status, 403)
      else assertWbxml(refused, next)
      assert.equal(lab.exchange.receivedCount, received)
      const untouched = await Promise.race([other.reply, new Promise((resolve) => setTimeout(resolve, 50, 'waiting'))])
      assert.equal(untouched, 'waiting')
      await endPing(lab.devices['bob-phone'], other.reply)
      lab.exchange.clearReceived()
      await lab.policy.publish((draft) => {
        draft.devices = registered
      })
    })
  }

  /** Blocks the device whose Ping is still held, so that no request outlives its test. */
  async function endPing(device: LabDevice, reply: Promise<Reply>): Promise<void> {
    await lab.policy.posture(device.id, 'block')
    assertWbxml(await reply, PING_7)
  }
})

describe('T64 a blocked device sends each command', () => {
  test('T64 every command of the table of 5.5: exact bytes with 129, UP=0', async () => {
    const device = lab.devices['ann-phone']
    await lab.policy.posture(device.id, 'block', ['OS_TOO_OLD'])
    await lab.policy.applied()
    const received = lab.exchange.receivedCount
    for (const version of ['16.1', '14.1', '14.0']) {
      for (const [command, bytes] of Object.entries(BLOCKED_129)) {
        const reply = await lab.eas(device, { command, version, policyKey: '1234567890', body: '' })
        assertWbxml(reply, bytes)
        assert.equal(reply.headers['content-length'], String(hex(bytes).length))
      }
    }
    const reply = await lab.eas(device, { command: 'GetAttachment', parameters: 'AttachmentName=5%3a1%3a0' })
    assert.equal(reply.status, 403)
    assert.notEqual(reply.headers['content-type'], WBXML_TYPE)
    const old = await lab.eas(device, { version: '12.1' })
    assert.equal(old.status, 403)
    assert.equal(lab.exchange.receivedCount, received)
    const line = await auditOf(lab.sentry, reply)
    assert.deepEqual([line.decision, line.reasons], ['refuse', ['DEVICE_BLOCKED', 'OS_TOO_OLD']])
  })

  test('T64 OPTIONS of a blocked device: 503 while no version is known, then the versions last seen; UP=0', async () => {
    const device = lab.devices['ann-tablet']
    await lab.policy.posture(device.id, 'block')
    await lab.policy.applied()
    const fresh = await lab.addSentry('fresh.sentry.example.com', { workers: 2 })
    const sentry = 'fresh.sentry.example.com'
    const received = lab.exchange.receivedCount
    const unknown = await lab.eas(device, { sentry, method: 'OPTIONS' })
    assert.equal(unknown.status, 503)
    assert.equal(lab.exchange.receivedCount, received)
    const learned = await lab.eas(lab.devices['ann-phone'], { sentry, method: 'OPTIONS' })
    await auditOf(fresh, learned)
    const answered = await lab.eas(device, { sentry, method: 'OPTIONS' })
    assert.equal(answered.status, 200)
    assert.equal(answered.headers['ms-asprotocolversions'], '14.1,16.1')
    assert.equal(answered.headers['ms-asprotocolcommands'], learned.headers['ms-asprotocolcommands'])
    assert.equal(lab.exchange.receivedCount, received + 1)
  })

  test('T64 OPTIONS that names a command stays OPTIONS on the way, and carries no body', async () => {
    const device = lab.devices['ann-phone']
    const received = lab.exchange.receivedCount
    const reply = await lab.eas(device, { method: 'OPTIONS', command: 'SendMail' })
    assert.equal(reply.headers['ms-asprotocolversions'], '14.1,16.1')
    const refused = await lab.eas(device, { method: 'OPTIONS', command: 'SendMail', body: 'mail' })
    assert.equal(refused.status, 413)
    assert.deepEqual(
      lab.exchange.received.slice(received).map(({ method, query }) => [method, query?.command]),
      [['OPTIONS', undefined]],
    )
  })

  test('T64 a blocked user: 126', async () => {
    await lab.policy.publish((draft) => draft.blockedUsers.push('Ann@Example.com'))
    await lab.policy.applied()
    const received = lab.exchange.receivedCount
    const reply = await lab.eas(lab.devices['ann-tablet'])
    assertWbxml(reply, FOLDER_SYNC.userDisabled126)
    assert.equal((await lab.eas(lab.devices['ann-tablet'], { version: '12.1' })).status, 403)
    assert.equal(lab.exchange.receivedCount, received)
    assert.equal((await auditOf(lab.sentry, reply)).reasons[0], 'USER_BLOCKED')
  })

  const disagreements: [title: string, reason: string, send: () => Promise<Reply>][] = [
    [
      "another device's id",
      'DEVICE_ID_MISMATCH',
      () => lab.eas(lab.devices['ann-phone'], { deviceId: 'ANNTABLET0002' }),
    ],
    [
      "another user's token",
      'TOKEN_USER_MISMATCH',
      async () => lab.eas(lab.devices['ann-phone'], { token: lab.token('bob@example.com') }),
    ],
    ['another User', 'QUERY_USER_MISMATCH', () => lab.eas(lab.devices['ann-phone'], { user: 'bob@example.com' })],
  ]
  for (const [title, reason, send] of disagreements) {
    test(`T64 ${title}: 130 and an alarm`, async () => {
      const received = lab.exchange.receivedCount
      const reply = await send()
      assertWbxml(reply, FOLDER_SYNC.accessDenied130)
      assert.equal(lab.exchange.receivedCount, received)
      const line = await auditOf(lab.sentry, reply)
      assert.deepEqual([line.event, line.decision, line.reasons[0]], ['alarm', 'refuse', reason])
    })
  }
})

describe('T64 report mode', () => {
  const postures: [reason: string, change: Change, device: 'ann-phone' | 'bob-phone'][] = [
    ['DEVICE_BLOCKED', posture('ann-phone', 'block'), 'ann-phone'],
    ['WIPE_PENDING', posture('ann-phone', 'wipe'), 'ann-phone'],
    ['USER_BLOCKED', (draft) => draft.blockedUsers.push('bob@example.com'), 'bob-phone'],
  ]
  for (const [reason, change, name] of postures) {
    test(`T64 report mode lets ${reason} through and records it`, async () => {
      await lab.policy.publish((draft) => {
        draft.mode = 'report'
        change(draft)
      })
      await lab.policy.applied()
      const received = lab.exchange.receivedCount
      const reply = await lab.eas(lab.devices[name])
      assert.equal(reply.status, 200)
      assert.equal(lab.exchange.receivedCount, received + 1)
      const line = await auditOf(lab.sentry, reply)
      assert.equal(line.decision, 'report')
      assert.ok(line.reasons.includes(reason))
    })
  }

  test('T64 report mode lets an unknown device through and records it', async () => {
    const registered = lab.policy.snapshot.devices
    await lab.policy.publish((draft) => {
      draft.mode = 'report'
      draft.devices = draft.devices.filter(({ user }) => user !== 'bob@example.com')
    })
    await lab.policy.applied()
    const reply = await lab.eas(lab.devices['bob-phone'])
    const line = await auditOf(lab.sentry, reply)
    await lab.policy.publish((draft) => {
      draft.devices = structuredClone(registered)
    })
    assert.deepEqual([reply.status, line.decision, line.upstreamStatus], [200, 'report', 200])
    assert.ok(line.reasons.includes('DEVICE_UNKNOWN'))
  })

  const failures: [title: string, status: number, send: () => Promise<Reply>][] = [
    ['no certificate', 403, () => lab.eas(lab.devices['ann-phone'], { identity: null })],
    ['a revoked certificate', 403, () => lab.eas(lab.devices['bob-tablet'])],
    [
      "another user's token",
      200,
      async () => lab.eas(lab.devices['ann-phone'], { token: lab.token('bob@example.com') }),
    ],
    ["another device's id", 200, () => lab.eas(lab.devices['ann-phone'], { deviceId: 'BOBPHONE0003' })],
    ['no token', 401, () => lab.eas(lab.devices['ann-phone'], { token: null })],
    ['a malformed query', 400, () => lab.eas(lab.devices['ann-phone'], { query: 'Cmd=Sync&cmd=SendMail' })],
  ]
  test('T64 report mode refuses failures of identity and form all the same, UP=0', async () => {
    await lab.policy.publish((draft) => {
      draft.mode = 'report'
      draft.revokedCertificates.push(lab.devices['bob-tablet'].identity.fingerprint)
    })
    await lab.policy.applied()
    const received = lab.exchange.receivedCount
    for (const [title, status, send] of failures) {
      const reply = await send()
      assert.equal(reply.status, status, title)
      if (status === 200) assertWbxml(reply, FOLDER_SYNC.accessDenied130)
      assert.equal((await auditOf(lab.sentry, reply)).decision, 'refuse', title)
    }
    assert.equal(lab.exchange.receivedCount, received)
  })
})
