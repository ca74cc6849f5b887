import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startExchange } from '@postern/harness/exchange'
import type { ExchangeStandIn } from '@postern/harness/exchange'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { hex, PING_REQUEST, WIPE } from './support/golden.ts'
import { auditOf } from './support/observe.ts'

type Snapshot = Lab['policy']['snapshot']
type Reply = Awaited<ReturnType<Lab['eas']>>

const STALE = 'stale.example.com'
/** Every way in which a policy can speak of ann-phone; each starts from a snapshot that allows everything. */
const STATES: [name: string, change: (draft: Snapshot) => void][] = [
  ['allowed', () => undefined],
  ['blocked', (draft) => posture(draft, 'block')],
  ['to be wiped', (draft) => posture(draft, 'wipe')],
  ['unknown', (draft) => (draft.devices = draft.devices.filter(({ id }) => id !== 'ann-phone'))],
  ['of a blocked user', (draft) => (draft.blockedUsers = ['ann@example.com'])],
  ['of another user', (draft) => draft.devices.forEach((device) => (device.user = 'bob@example.com'))],
  ['with a revoked certificate', (draft) => (draft.revokedCertificates = draft.devices[0]?.certificates ?? [])],
  [
    'blocked in report mode',
    (draft) => {
      posture(draft, 'block')
      draft.mode = 'report'
    },
  ],
  [
    'to be wiped in report mode',
    (draft) => {
      posture(draft, 'wipe')
      draft.mode = 'report'
    },
  ],
]

describe('policy states', () => {
  let lab: Lab
  let allowed: Snapshot
  before(async () => {
    lab = await startLab({ exchange: { secondMs: 1 } })
    await lab.addSentry(STALE, { config: { policy: { staleAfterSeconds: 1 } } })
    allowed = lab.policy.snapshot
    await delay(1_100)
  })
  after(() => lab[Symbol.asyncDispose]())

  for (const [name, change] of STATES) {
    test(`T103 a device that is ${name}: Ping and OPTIONS never get Status 142 to 144`, async () => {
      await lab.policy.publish((draft) => {
        Object.assign(draft, structuredClone({ ...allowed, version: draft.version }))
        change(draft)
      })
      await lab.policy.applied()
      await askEverything()
    })
  }

  test('T103 a device whose wipe is acknowledged: Ping and OPTIONS never get Status 142 to 144', async () => {
    await lab.policy.publish((draft) => {
      Object.assign(draft, structuredClone({ ...allowed, version: draft.version }))
      posture(draft, 'wipe')
    })
    await lab.policy.applied()
    const device = lab.devices['ann-phone']
    const body = hex(WIPE.acknowledgeSuccess)
    assert.deepEqual((await lab.eas(device, { command: 'Provision', body })).body, hex(WIPE.acknowledged))
    await askEverything()
  })

  test('T103 a policy that is too old: Ping and OPTIONS never get Status 142 to 144', async () => {
    await delay(1_100)
    const reply = await askEverything(STALE)
    assert.ok(reply.every(({ status }) => status !== 449))
    const device = lab.devices['ann-phone']
    const stale = await lab.eas(device, { command: 'Ping', sentry: STALE, body: hex(PING_REQUEST) })
    assert.deepEqual(stale.body, hex('03 01 6A 00 00 0D 45 47 03 31 31 31 00 01 01'))
  })

  async function askEverything(sentry?: string): Promise<Reply[]> {
    const device = lab.devices['ann-phone']
    const to = sentry === undefined ? {} : { sentry }
    const replies: Reply[] = []
    for (const version of ['16.1', '14.1', '12.1']) {
      for (const policyKey of [undefined, '0', '1307199584']) {
        const usual = { version, ...(policyKey === undefined ? {} : { policyKey }), ...to }
        replies.push(await lab.eas(device, { ...usual, method: 'OPTIONS' }))
        replies.push(await lab.eas(device, { ...usual, command: 'Ping', body: hex(PING_REQUEST) }))
      }
    }
    for (const { status, body } of replies) {
      assert.notEqual(status, 449)
      for (const digits of ['140', '142', '143', '144'])
        assert.ok(!body.includes(Buffer.from(`\x03${digits}\x00`, 'latin1')), `Status ${digits}`)
    }
    return replies
  }
})

describe('old clients', () => {
  const ONLY_16 = 'only16.example.com'
  let lab: Lab
  let only16: ExchangeStandIn
  before(async () => {
    lab = await startLab({ exchange: { versions: ['12.1', '14.1', '16.1'] } })
    const cert = await lab.serverCa.issueServer({ names: ['outlook.office.com'] })
    only16 = await startExchange({ cert, audience: lab.destinationResource, versions: ['16.1'], requirePolicy: false })
    await lab.addSentry(ONLY_16, { config: { activeSync: { servers: [`outlook.office.com:${only16.port}`] } } })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await only16.close()
  })

  for (const [name, kind] of [
    ['ann-phone', 'block'],
    ['bob-phone', 'wipe'],
  ] as const) {
    for (const policyKey of ['1307199584', undefined]) {
      for (const command of ['FolderSync', 'Ping', 'Provision', 'Sync']) {
        const key = policyKey === undefined ? 'without a policy key' : 'with a policy key'
        test(`T104 a 12.1 client to be ${kind === 'block' ? 'blocked' : 'wiped'} gets 403 for ${command}, ${key}`, async () => {
          const device = lab.devices[name]
          await ensure(name, kind)
          const count = lab.exchange.receivedCount
          const reply = await lab.eas(device, {
            command,
            version: '12.1',
            ...(policyKey === undefined ? {} : { policyKey }),
          })
          assert.equal(reply.status, 403)
          assert.ok(reply.headers['content-type']?.startsWith('text/plain'))
          assert.equal(reply.headers['www-authenticate'], undefined)
          assert.equal(lab.exchange.receivedCount, count)
          const { reasons } = await auditOf(lab.sentry, reply)
          assert.equal(reasons[0], kind === 'block' ? 'DEVICE_BLOCKED' : 'WIPE_NOT_SUPPORTED')
        })
      }
    }
  }

  test('T104 an unprovisioned 12.1 client is told so by the server’s own 449', async () => {
    lab.exchange.script({
      match: 'FolderSync',
      action: { kind: 'respond', status: 449, body: 'Retry after provisioning' },
    })
    const reply = await lab.eas(lab.devices['ann-tablet'], { version: '12.1' })
    assert.equal(reply.status, 449)
    assert.equal(reply.body.toString(), 'Retry after provisioning')
    assert.equal((await auditOf(lab.sentry, reply)).upstreamStatus, 449)
  })

  test('T105 a 14.1 client of a server that offers 16.1 only: Status 138 is relayed', async () => {
    const reply = await lab.eas(lab.devices['ann-tablet'], { version: '14.1', sentry: ONLY_16 })
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, hex('03 01 6A 00 00 07 56 4C 03 31 33 38 00 01 01'))
    assert.equal(only16.received.at(-1)?.headers['ms-asprotocolversion'], '14.1')
  })

  test('T105 its OPTIONS shows the server’s list', async () => {
    const reply = await lab.eas(lab.devices['ann-tablet'], { method: 'OPTIONS', version: null, sentry: ONLY_16 })
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['ms-asprotocolversions'], '16.1')
  })

  async function ensure(name: string, kind: 'block' | 'wipe'): Promise<void> {
    if (lab.policy.snapshot.devices.some(({ id, posture: now }) => id === name && now === kind)) return
    await lab.policy.posture(name, kind)
    await lab.policy.applied()
  }
})

function posture(draft: Snapshot, kind: 'block' | 'wipe'): void {
  for (const device of draft.devices) if (device.id === 'ann-phone') device.posture = kind
}
