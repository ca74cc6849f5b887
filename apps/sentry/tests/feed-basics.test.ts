/**
 * A registered Sentry and its Core: first configuration, posture, changes, reports.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { SentryProcess } from '@postern/harness/sentry-process'
import { hex } from './support/golden.ts'
import { until, workerPids } from './support/observe.ts'
import { type RegisteredLab, startRegisteredLab } from './support/registered-lab.ts'

const PING = hex('03 01 6A 00 00 0D 45 47 03 32 00 01 01')

let it: RegisteredLab
let sentry: SentryProcess

before(async () => {
  it = await startRegisteredLab()
  const { document } = it.core.state
  it.core.state.document = null
  const launched = it.launch({ workers: 2 })
  await until('it waits', () => launched.stdout().includes('"event":"waiting-for-configuration"'))
  assert.match(launched.stdout(), /"sentryId":"sentry-1","name":"North gate","fingerprint":"sha256:[0-9a-f]{64}"/)
  await until('the feed is open', () => it.core.asked.length > 0)
  it.core.configure('first', document?.document)
  sentry = await launched.listening()
  it.lab.net.map('gate.example.com:443', '127.0.0.1', sentry.port)
})

after(() => it[Symbol.asyncDispose]())

describe('the first configuration', () => {
  test('comes while it waits, and devices are served', async () => {
    assert.equal(await it.sync('ann-phone'), 200)
  })
  test('is reported as applied, with the posture that every worker decides from', async () => {
    const report = await it.core.report(({ config, posture }) => config.applied === 'first' && posture.seq === 1)
    assert.deepEqual([report.posture.epoch, report.config.refused], ['epoch-1', null])
  })
})

/** A Ping that waits at the mail server; resolves when it ends, however it ends. */
async function heldPing(device: 'ann-phone' | 'bob-phone'): Promise<{ ended: Promise<unknown> }> {
  const before = it.lab.exchange.receivedCount
  it.lab.exchange.script({ match: 'Ping', times: 1, action: { kind: 'hang' } })
  const ended = it.lab
    .eas(it.lab.devices[device], { sentry: 'gate.example.com', command: 'Ping', body: PING })
    .catch(() => null)
  await until('the Ping waits', () => it.lab.exchange.receivedCount > before)
  return { ended }
}

describe('changes of posture', () => {
  test('a block ends a held Ping at once and holds for the next request; another device is not disturbed', async () => {
    const ann = await heldPing('ann-phone')
    const bob = await heldPing('bob-phone')
    const from = performance.now()
    const seq = it.core.change(it.entry('ann-phone', { posture: 'block', reasons: ['LOST'] }))
    await ann.ended
    const tookMs = performance.now() - from
    assert.ok(tookMs < 1_000, `the Ping ended after ${tookMs} ms`)
    await it.core.report(({ posture }) => posture.seq === seq)
    const line = await sentry.waitForAudit(({ reasons }) => reasons.includes('HELD_REQUEST_ENDED'))
    assert.deepEqual([line.device, line.reasons[0], line.snapshot], ['ann-phone', 'DEVICE_BLOCKED', seq])
    assert.equal(await it.sync('ann-phone'), 200) // the refusal is in the protocol
    await sentry.waitForAudit(({ command, reasons }) => command === 'FolderSync' && reasons[0] === 'DEVICE_BLOCKED')
    assert.equal(await sentry.metric('postern_sentry_held'), 1)
    it.core.change(it.entry('bob-phone', { posture: 'block' }))
    await bob.ended
    it.core.change(it.entry('ann-phone'), it.entry('bob-phone'))
  })
  test('a revoked certificate, a blocked user and a removed device are refused, and let in again', async () => {
    const { fingerprint } = it.lab.devices['ann-tablet'].identity
    const changes = [
      ['CERTIFICATE_REVOKED', { kind: 'certificate', fingerprint, revoked: true }],
      ['ALLOWED', { kind: 'certificate', fingerprint, revoked: false }],
      ['USER_BLOCKED', { kind: 'user', user: 'ANN@example.com', blocked: true }],
      ['ALLOWED', { kind: 'user', user: 'ann@example.com', blocked: false }],
      ['DEVICE_UNKNOWN', { kind: 'device-removed', id: 'ann-tablet' }],
      ['ALLOWED', it.entry('ann-tablet')],
    ] as const
    for (const [reason, change] of changes) {
      const seq = it.core.change(change)
      await it.core.report(({ posture }) => posture.seq === seq)
      const from = (await sentry.auditLines()).length
      await it.sync('ann-tablet')
      const line = await sentry.waitForAudit(
        ({ device, easDeviceId }) => {
          return device === 'ann-tablet' || easDeviceId === 'ANNTABLET0002'
        },
        3_000,
        from,
      )
      assert.equal(line.reasons[0], reason)
    }
  })
  test('a change that does not follow: it asks for all of it, and has what was missed', async () => {
    it.core.state.seq += 1 // a change that was lost on the way
    it.core.state.posture.push(it.entry('ann-phone', { posture: 'block' }))
    const feeds = it.core.asked.length
    const seq = it.core.change(it.entry('bob-tablet', { reasons: ['SEEN'] }))
    await it.core.report(({ posture }) => posture.seq === seq)
    const again = it.core.asked[feeds]
    assert.deepEqual([again?.epoch, again?.seq, again?.etag], ['', '', 'first'])
    const from = (await sentry.auditLines()).length
    await it.sync('ann-phone')
    assert.equal(
      (await sentry.waitForAudit(({ device }) => device === 'ann-phone', 3_000, from)).reasons[0],
      'DEVICE_BLOCKED',
    )
    it.core.change(it.entry('ann-phone'))
  })
  test('a stream that ends is dialled again, and asked for nothing that is known', async () => {
    await it.core.report(({ posture }) => posture.seq === it.core.state.seq)
    const feeds = it.core.asked.length
    it.core.drop()
    await until('another feed', () => it.core.asked.length > feeds)
    const again = it.core.asked[feeds]
    assert.deepEqual([again?.epoch, again?.seq, again?.etag], ['epoch-1', String(it.core.state.seq), 'first'])
    const seq = it.core.change(it.entry('bob-tablet', { reasons: ['SEEN'] }))
    await it.core.report(({ posture }) => posture.seq === seq)
  })
})

describe('a Core that falls silent', () => {
  test('three pings that do not come: it dials again; three that come: it stays', async () => {
    it.core.state.pingSeconds = 1
    it.core.drop()
    const feeds = it.core.asked.length
    await until('the feed with the shorter period', () => it.core.asked.length > feeds)
    await delay(3_500)
    assert.equal(it.core.asked.length, feeds + 1)
    it.core.state.mute = true
    await until('another feed', () => it.core.asked.length > feeds + 1, 4_500)
    it.core.state.mute = false
    it.core.state.pingSeconds = 5
    it.core.drop()
  })
})

describe('documents', () => {
  test('one that cannot be used changes nothing, and Core hears what is wrong with it, in its own terms', async () => {
    const bad = it.document((draft) => {
      draft.oauth.tokenEndpoint = 'http://login.example.com/'
      draft.tls.deviceCas = []
    })
    it.core.configure('bad', bad)
    const { config } = await it.core.report((report) => report.config.refused?.etag === 'bad')
    assert.equal(config.applied, 'first')
    assert.deepEqual(config.refused?.problems.map(({ path }) => path).toSorted(), [
      'oauth.tokenEndpoint',
      'tls.deviceCas',
    ])
    assert.equal(await it.sync('ann-phone'), 200)
  })
  test('a key of another certificate, a field that needs a restart, a field that is unknown: all refused', async () => {
    const other = await it.lab.serverCa.issueServer({ names: ['gate.example.com'] })
    const cases: readonly (readonly [etag: string, document: unknown, path: string])[] = [
      ['key', it.document((draft) => (draft.tls.privateKeyPem = other.keyPem)), 'tls.privateKeyPem'],
      [
        'reserve',
        it.document((draft) => (draft.tls.reserve = { certificatePem: 'x', privateKeyPem: 'y' })),
        'tls.reserve.certificatePem',
      ],
      ['balancer', it.document((draft) => (draft.listen.proxyProtocolFrom = ['10.0.0.1'])), 'listen.proxyProtocolFrom'],
      ['unknown', { ...it.document(), more: 1 }, ''],
      ['nothing', null, ''],
    ]
    for (const [etag, document, path] of cases) {
      it.core.configure(etag, document)
      const { config } = await it.core.report((report) => report.config.refused?.etag === etag)
      assert.ok(
        config.refused?.problems.some((problem) => problem.path === path),
        `${etag}: ${JSON.stringify(config)}`,
      )
      assert.equal(config.applied, 'first')
    }
    assert.doesNotMatch(sentry.stdout() + sentry.stderr(), /PRIVATE KEY/)
  })
  test('a good one is applied without a dropped connection, and the refusal is over', async () => {
    const { ended } = await heldPing('ann-phone')
    const from = performance.now()
    it.core.configure(
      'second',
      it.document((draft) => (draft.limits = { heldPerDevice: 1 })),
    )
    const { config } = await it.core.report((report) => report.config.applied === 'second')
    assert.ok(performance.now() - from < 1_000)
    assert.equal(config.refused, null)
    assert.equal(await sentry.metric('postern_sentry_held'), 1)
    it.core.change(it.entry('ann-phone', { posture: 'block' }))
    await ended
    it.core.change(it.entry('ann-phone'))
  })
})

describe('whom it saw', () => {
  test('a new device is told of within a second, with what was decided about it', async () => {
    const from = performance.now()
    await it.sync('bob-tablet')
    const isBob = ({ easDeviceId }: { easDeviceId: string }): boolean => easDeviceId === 'BOBTABLET0004'
    const { associations } = await it.core.report((report) => report.associations.some(isBob))
    assert.ok(performance.now() - from < 1_000)
    const found = associations.find(isBob)
    assert.ok(found !== undefined)
    const { firstSeen, lastSeen, userAgent, ...bob } = found
    assert.match(userAgent ?? '', /iPhone/)
    assert.deepEqual(bob, {
      user: 'bob@example.com',
      easDeviceId: 'BOBTABLET0004',
      deviceType: 'iPhone',
      protocolVersion: '16.1',
      certificate: it.lab.devices['bob-tablet'].identity.fingerprint,
      device: 'bob-tablet',
      decision: 'allow',
      reasons: ['SEEN'],
      wipe: null,
      requests: 1,
    })
    assert.ok(firstSeen <= lastSeen && lastSeen <= Date.now())
  })
  test('another decision about it too, while Core was away for a moment', async () => {
    const seq = it.core.change(it.entry('bob-tablet', { posture: 'block', reasons: ['OLD'] }))
    await it.core.report(({ posture }) => posture.seq === seq)
    await it.core.goAway()
    await it.sync('bob-tablet')
    await it.core.comeBack()
    const { associations } = await it.core.report(
      (report) => report.associations.some((seen) => seen.device === 'bob-tablet' && seen.decision === 'refuse'),
      15_000,
    )
    const bob = associations.find(({ device }) => device === 'bob-tablet')
    assert.deepEqual([bob?.reasons, bob?.requests], [['DEVICE_BLOCKED', 'OLD'], 2])
  })
})

describe('a worker that dies', () => {
  test('its successor is given the whole posture before it listens', async () => {
    const [first] = await workerPids(sentry)
    assert.ok(first !== undefined)
    process.kill(first, 'SIGKILL')
    await until('another one', async () => {
      const pids = await workerPids(sentry)
      return pids.length === 2 && !pids.includes(first) && (await sentry.appliedVersion()) === it.core.state.seq
    })
    const from = (await sentry.auditLines()).length
    for (let i = 0; i < 6; i += 1) await it.sync('ann-phone')
    await until('six lines', async () => (await sentry.auditLines()).length >= from + 6)
    const decisions = (await sentry.auditLines()).slice(from).map(({ decision }) => decision)
    assert.deepEqual(decisions, ['allow', 'allow', 'allow', 'allow', 'allow', 'allow'])
  })
})
