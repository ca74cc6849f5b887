/**
 * Protocol document 9.6, T71 to T73: the account-only wipe of 5.2, byte for byte, and who may not stop it.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import { assertWbxml, BLOCKED_129, FOLDER_SYNC, hex, PING_7, PING_REQUEST, type Reply, WIPE } from './support/golden.ts'
import { afterEvent, auditOf, servedBy } from './support/observe.ts'
import { type ShiftedClock, shiftedClock } from './support/shifted-clock.ts'

const HOUR_MS = 3_600_000

let lab: Lab
let clock: ShiftedClock
let device: LabDevice
/** What the server had received when a test began: a wipe forwards nothing. */
let received: number

before(async () => {
  clock = await shiftedClock()
  const policy = { file: 'policy.json', unknownDevices: 'block', staleAfterSeconds: 31_536_000 }
  lab = await startLab({ exchange: { requirePolicy: false }, config: { policy }, env: clock.env })
  device = lab.devices['ann-phone']
})

beforeEach(async () => {
  await clock.setAhead(0)
  await setPosture('allow')
  await setPosture('wipe')
  received = lab.exchange.receivedCount
})

after(async () => {
  await lab[Symbol.asyncDispose]()
  await clock[Symbol.asyncDispose]()
})

async function setPosture(value: 'allow' | 'block' | 'wipe', id = 'ann-phone'): Promise<void> {
  await lab.policy.posture(id, value)
  await lab.policy.applied()
}

function provision(body: string, options: Parameters<Lab['eas']>[1] = {}): Promise<Reply> {
  return lab.eas(device, { command: 'Provision', body: hex(body), policyKey: '0', ...options })
}

const folderSync = (options: Parameters<Lab['eas']>[1] = {}): Promise<Reply> =>
  lab.eas(device, { policyKey: '3942919513', ...options })

/** The reasons and the event of a reply's audit line. Writing it takes a moment, in which all workers hear of the step. */
async function recorded(reply: Reply): Promise<[event: string, decision: string, reasons: readonly string[]]> {
  const { event, decision, reasons } = await auditOf(lab.sentry, reply)
  return [event, decision, reasons]
}

/** Up to the directive. */
async function directed(): Promise<void> {
  assertWbxml(await folderSync(), FOLDER_SYNC.wipeRequested140)
  const reply = await provision(WIPE.emptyProvision)
  assertWbxml(reply, WIPE.directive)
  await recorded(reply)
}

describe('T71 the conversation', () => {
  test('T71 from FolderSync: 140, directive, acknowledgement, then 129 for ever; UP=0', async () => {
    const announced = await folderSync()
    assertWbxml(announced, FOLDER_SYNC.wipeRequested140)
    assert.deepEqual(await recorded(announced), ['wipe', 'refuse', ['WIPE_PENDING', 'WIPE_ANNOUNCED']])
    const directive = await provision(WIPE.emptyProvision)
    assertWbxml(directive, WIPE.directive)
    assert.deepEqual(await recorded(directive), ['wipe', 'refuse', ['WIPE_PENDING', 'WIPE_DIRECTIVE_SENT']])
    const acknowledged = await provision(WIPE.acknowledgeSuccess)
    assertWbxml(acknowledged, WIPE.acknowledged)
    assert.deepEqual(await recorded(acknowledged), ['wipe', 'refuse', ['WIPE_PENDING', 'WIPE_ACKNOWLEDGED']])
    assertWbxml(await folderSync(), FOLDER_SYNC.blocked129)
    assertWbxml(await provision(WIPE.emptyProvision), BLOCKED_129.Provision)
    assertWbxml(await lab.eas(device, { command: 'Ping', body: hex(PING_REQUEST) }), BLOCKED_129.Ping)
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T71 from Ping: Status 7, FolderSync 140, directive, acknowledgement, then 129; UP=0', async () => {
    const ping = await lab.eas(device, { command: 'Ping', body: hex(PING_REQUEST) })
    assertWbxml(ping, PING_7)
    await directed()
    const acknowledged = await provision(WIPE.acknowledgeSuccess)
    assertWbxml(acknowledged, WIPE.acknowledged)
    await recorded(acknowledged)
    assertWbxml(await folderSync(), FOLDER_SYNC.blocked129)
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T71 a Provision that was under way with the server gets the directive and not the policy', async () => {
    const phaseOne =
      '03 01 6A 00 00 0E 45 46 47 48 03 4D 53 2D 45 41 53 2D 50 72 6F 76 69 73 69 6F 6E 69 6E 67 2D 57 42 58 4D 4C 00 01 01 01 01'
    assertWbxml(await provision(phaseOne), WIPE.directive)
    assertWbxml(await provision(''), WIPE.directive)
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T71 each step on another worker', async () => {
    const on = <T>(worker: number, act: () => Promise<T>): Promise<T> => servedBy(lab.sentry, worker, act)
    assertWbxml(await on(0, () => folderSync()), FOLDER_SYNC.wipeRequested140)
    assertWbxml(await on(1, () => provision(WIPE.emptyProvision)), WIPE.directive)
    assertWbxml(await on(0, () => provision(WIPE.acknowledgeSuccess)), WIPE.acknowledged)
    assertWbxml(await on(1, () => folderSync()), FOLDER_SYNC.blocked129)
    assertWbxml(await on(0, () => folderSync()), FOLDER_SYNC.blocked129)
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T71 a new version of the policy, and a reload of the settings, do not start it anew', async () => {
    await directed()
    const acknowledged = await provision(WIPE.acknowledgeSuccess)
    assertWbxml(acknowledged, WIPE.acknowledged)
    await recorded(acknowledged)
    await lab.policy.publish((draft) => {
      draft.devices.reverse()
    })
    await lab.policy.applied()
    assertWbxml(await folderSync(), FOLDER_SYNC.blocked129)
    await afterEvent(lab.sentry, 'settings-applied', () => lab.sentry.signal('SIGHUP'))
    assertWbxml(await folderSync(), FOLDER_SYNC.blocked129)
  })

  test('T71 posture back to allow works again; a later wipe starts anew', async () => {
    await directed()
    await recorded(await provision(WIPE.acknowledgeSuccess))
    await setPosture('allow')
    assert.equal((await folderSync()).status, 200)
    assert.equal(lab.exchange.receivedCount, received + 1)
    await setPosture('wipe')
    await directed()
    assertWbxml(await provision(WIPE.acknowledgeSuccess), WIPE.acknowledged)
    assert.equal(lab.exchange.receivedCount, received + 1)
  })

  test('T71 another device of the same user is not touched', async () => {
    assert.equal((await lab.eas(lab.devices['ann-tablet'])).status, 200)
    assert.equal(lab.exchange.receivedCount, received + 1)
  })
})

describe('T72 acknowledgements that are none, or odd', () => {
  test('T72 Status 2: Status 2 and the directive again; blocked meanwhile', async () => {
    await directed()
    const failed = await provision(WIPE.acknowledgeFailure)
    assertWbxml(failed, WIPE.directiveAgain)
    assert.deepEqual(await recorded(failed), ['wipe', 'refuse', ['WIPE_PENDING', 'WIPE_DEVICE_FAILED']])
    assertWbxml(await folderSync(), FOLDER_SYNC.wipeRequested140)
    assertWbxml(await provision(WIPE.acknowledgeSuccess), WIPE.acknowledged)
    assert.equal(lab.exchange.receivedCount, received)
  })

  test('T72 never acknowledged: timed out after a day, but blocked; a Provision still gets the directive', async () => {
    await directed()
    await clock.setAhead(23 * HOUR_MS)
    assertWbxml(await folderSync(), FOLDER_SYNC.wipeRequested140)
    await clock.setAhead(25 * HOUR_MS)
    const late = await folderSync()
    assertWbxml(late, FOLDER_SYNC.blocked129)
    const [, decision, reasons] = await recorded(late)
    assert.equal(decision, 'refuse')
    assert.ok(reasons.includes('WIPE_TIMED_OUT'))
    assertWbxml(await lab.eas(device, { command: 'Ping', body: hex(PING_REQUEST) }), BLOCKED_129.Ping)
    assertWbxml(await provision(WIPE.emptyProvision), WIPE.directive)
    assertWbxml(await provision(WIPE.acknowledgeSuccess), WIPE.acknowledged)
    assert.equal(lab.exchange.receivedCount, received)
  })

  const odd: [title: string, body: string][] = [
    ['the odd shape of old iOS', WIPE.acknowledgeOldIos],
    ['inside RemoteWipe', '03 01 6A 00 00 0E 45 4C 4B 03 31 00 01 01 01'],
    ['beside the element', '03 01 6A 00 00 0E 45 3B 4B 03 31 00 01 01'],
    ['beneath Policies', '03 01 6A 00 00 0E 45 46 7B 4B 03 31 00 01 01 01 01'],
  ]
  for (const [title, body] of odd) {
    test(`T72 acknowledgement in ${title}: accepted`, async () => {
      await directed()
      const reply = await provision(body)
      assertWbxml(reply, WIPE.acknowledged)
      await recorded(reply)
      assertWbxml(await folderSync(), FOLDER_SYNC.blocked129)
      assert.equal(lab.exchange.receivedCount, received)
    })
  }
})

describe('T73 wipes that must not happen, and reports that do not count', () => {
  const foreign: [title: string, id: 'ann-tablet' | 'bob-phone'][] = [
    ["the user's other device", 'ann-tablet'],
    ["another user's device", 'bob-phone'],
  ]
  for (const [title, id] of foreign) {
    test(`T73 acknowledged with the certificate of ${title}: 130, alarm, and the wipe goes on`, async () => {
      await directed()
      const { identity, user } = lab.devices[id]
      const forged = await provision(WIPE.acknowledgeSuccess, { identity, token: lab.token(user), user })
      assertWbxml(forged, '03 01 6A 00 00 0E 45 4B 03 31 33 30 00 01 01')
      assert.deepEqual(await recorded(forged), ['alarm', 'refuse', ['DEVICE_ID_MISMATCH']])
      assertWbxml(await folderSync(), FOLDER_SYNC.wipeRequested140)
      assertWbxml(await provision(WIPE.emptyProvision), WIPE.directive)
      assert.equal(lab.exchange.receivedCount, received)
    })
  }

  test('T73 a policy that asks for a full wipe is refused whole; the one before stays', async () => {
    const { version } = lab.policy.snapshot
    const asking = structuredClone(lab.policy.snapshot)
    for (const each of asking.devices) if (each.id === 'bob-phone') Object.assign(each, { posture: 'remoteWipe' })
    await afterEvent(lab.sentry, 'policy-rejected', () => lab.sentry.writePolicy({ ...asking, version: version + 50 }))
    assert.equal(await lab.sentry.appliedVersion(), version)
    assert.equal((await lab.eas(lab.devices['bob-phone'])).status, 200)
    assert.equal(lab.exchange.receivedCount, received + 1)
    assertWbxml(await provision(WIPE.emptyProvision), WIPE.directive)
  })

  for (const version of ['14.1', '14.0']) {
    test(`T73 asked for a ${version} device: blocked instead, with the reason; no directive, UP=0`, async () => {
      const reply = await folderSync({ version })
      assertWbxml(reply, FOLDER_SYNC.blocked129)
      const [, decision, reasons] = await recorded(reply)
      assert.deepEqual([decision, reasons[0]], ['refuse', 'WIPE_NOT_SUPPORTED'])
      assertWbxml(await provision(WIPE.emptyProvision, { version }), BLOCKED_129.Provision)
      assertWbxml(await lab.eas(device, { command: 'Ping', version }), BLOCKED_129.Ping)
      assert.equal(lab.exchange.receivedCount, received)
    })
  }

  test('T73 asked for a 12.1 device: 403, UP=0', async () => {
    assert.equal((await folderSync({ version: '12.1' })).status, 403)
    assert.equal(lab.exchange.receivedCount, received)
  })
})
