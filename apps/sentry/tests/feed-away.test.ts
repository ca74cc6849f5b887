/**
 * Core is away: what a Sentry does by its copy, and that a restart changes no decision.
 * @module
 */
import assert from 'node:assert/strict'
import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { LabDevice } from '@postern/harness/lab'
import type { RegisteredSentry, SentryProcess } from '@postern/harness/sentry-process'
import { until } from './support/observe.ts'
import { GATE, type RegisteredLab, startRegisteredLab } from './support/registered-lab.ts'
import { type ShiftedClock, shiftedClock } from './support/shifted-clock.ts'

const HOUR_MS = 3_600_000

let it: RegisteredLab
let clock: ShiftedClock
let sentry: SentryProcess
let stranger: LabDevice

before(async () => {
  it = await startRegisteredLab()
  clock = await shiftedClock()
  const identity = await it.lab.deviceCa.issueDevice({ upn: 'ann@example.com' })
  stranger = { id: 'ann-phone', user: 'ann@example.com', easDeviceId: 'STRANGER0009', identity }
  it.core.state.document = { etag: 'first', document: it.document() }
  sentry = await it.start({ env: clock.env })
})

after(async () => {
  await it[Symbol.asyncDispose]()
  await clock[Symbol.asyncDispose]()
})

/** The first reason of what is decided about one request. */
async function decided(device: LabDevice): Promise<string> {
  const from = (await sentry.auditLines()).length
  await it.lab.eas(device, { sentry: GATE })
  const line = await sentry.waitForAudit(({ event }) => event !== 'request', 3_000, from)
  return `${line.decision} ${line.reasons[0] ?? ''}`
}

/** One of each kind, and what is decided about it. */
async function decisions(): Promise<Record<string, string>> {
  const { 'ann-phone': allowed, 'ann-tablet': blocked, 'bob-phone': wiped, 'bob-tablet': revoked } = it.lab.devices
  const all = { allowed, blocked, wiped, revoked, stranger }
  const found: Record<string, string> = {}
  for (const [kind, device] of Object.entries(all)) found[kind] = await decided(device)
  return found
}

const EXPECTED = {
  allowed: 'allow ALLOWED',
  blocked: 'refuse DEVICE_BLOCKED',
  wiped: 'refuse WIPE_PENDING',
  revoked: 'refuse CERTIFICATE_REVOKED',
  stranger: 'refuse DEVICE_UNKNOWN',
}

async function restart(how: NodeJS.Signals, more: { waits?: boolean } = {}): Promise<RegisteredSentry> {
  sentry.signal(how)
  await sentry.exited
  const launched = it.launch({ env: clock.env })
  if (more.waits === true) return launched
  sentry = await launched.listening()
  it.lab.net.map(`${GATE}:443`, '127.0.0.1', sentry.port)
  return launched
}

describe('Core is away', () => {
  test('a restart changes no decision: kill -9 right after a change was applied', async () => {
    it.core.change(it.entry('ann-tablet', { posture: 'block' }))
    it.core.change(it.entry('bob-phone', { posture: 'wipe' }))
    const { fingerprint } = it.lab.devices['bob-tablet'].identity
    const seq = it.core.change({ kind: 'certificate', fingerprint, revoked: true })
    await it.core.report(({ posture }) => posture.seq === seq)
    assert.deepEqual(await decisions(), EXPECTED)
    await it.core.goAway()
    await until('it notices', () => sentry.stderr().includes('"event":"core-away"'))
    assert.match(sentry.stderr(), /"knownDevicesUntil":"\d{4}-/)
    assert.deepEqual(await decisions(), EXPECTED)
    await restart('SIGKILL')
    assert.match(sentry.stdout(), /"event":"posture-read","time":"[^"]+","from":"disk","devices":4/)
    assert.deepEqual(await decisions(), EXPECTED)
    assert.equal(await sentry.appliedVersion(), seq)
  })
  test('its state is seen: readiness, metrics, log', async () => {
    const { status, body } = await sentry.health('/readyz')
    assert.equal(status, 200)
    assert.match(body, /^ready\nCore is away, last heard .*; devices that are known are served until /)
    assert.equal(await sentry.metric('postern_sentry_core_connected'), 0)
    assert.ok(((await sentry.metric('postern_sentry_core_contact_age_seconds')) ?? -1) >= 0)
  })
  test('a line that was cut off is taken away; what stands before it holds', async () => {
    const journal = join(it.dir, 'posture.journal')
    const whole = await readFile(journal)
    await appendFile(
      journal,
      whole
        .subarray(0, whole.length / 2 - 1)
        .toString('utf8')
        .replaceAll('\n', ''),
    )
    await restart('SIGKILL')
    assert.deepEqual(await decisions(), EXPECTED)
    assert.deepEqual(await readFile(journal), whole)
  })
  test('an orderly stop and an hour: known devices are served as before', async () => {
    await clock.setAhead(HOUR_MS)
    await restart('SIGTERM')
    assert.deepEqual(await decisions(), EXPECTED)
  })
  test('longer than was agreed: nobody is served, and it says so', async () => {
    await clock.setAhead(25 * HOUR_MS)
    await restart('SIGTERM')
    await until('it says so', () => sentry.stderr().includes('"event":"posture-stale"'))
    const revoked = 'refuse CERTIFICATE_REVOKED'
    const stale = 'refuse POLICY_STALE'
    assert.deepEqual(await decisions(), { allowed: stale, blocked: stale, wiped: stale, revoked, stranger: stale })
    assert.equal((await sentry.health('/readyz')).status, 503)
    await clock.setAhead(0)
  })
  test('a clock that was set back does not make an old copy young', async () => {
    await writeFile(join(it.dir, 'contact'), `${Date.now() + HOUR_MS}\n`)
    await restart('SIGKILL')
    assert.equal(await decided(it.lab.devices['ann-phone']), 'refuse POLICY_STALE')
    await writeFile(join(it.dir, 'contact'), `${Date.now()}\n`)
  })
  test('a copy that somebody changed is not used: it waits for Core, and is served by it again', async () => {
    const file = join(it.dir, 'posture.ndjson')
    const text = await readFile(file, 'utf8')
    assert.ok(text.includes('"posture":"allow"'))
    await writeFile(file, text.replace('"posture":"allow"', '"posture":"block"'))
    const launched = await restart('SIGKILL', { waits: true })
    await until('it says so', () => launched.stderr().includes('"event":"disk-copy-unusable"'))
    await until('it waits', () => launched.stdout().includes('"lacks":["posture"]'))
    await assert.rejects(it.sync('ann-phone'))
    await it.core.comeBack()
    sentry = await launched.listening()
    it.lab.net.map(`${GATE}:443`, '127.0.0.1', sentry.port)
    assert.equal(await it.sync('ann-phone'), 200)
    assert.deepEqual([it.core.asked.at(-1)?.epoch, it.core.asked.at(-1)?.etag], ['', 'first'])
    await until('a new copy', async () => (await stat(file).catch(() => null)) !== null)
  })
  test('new devices by their own rule while it is away, and by the usual one before and after', async () => {
    it.core.configure(
      'lenient',
      it.document((draft) => (draft.policy.unknownWhenCoreIsAway = 'allow')),
    )
    await it.core.report(({ config }) => config.applied === 'lenient')
    assert.equal(await decided(stranger), 'refuse DEVICE_UNKNOWN')
    await it.core.goAway()
    await clock.setAhead(61_000)
    assert.equal(await decided(stranger), 'allow ALLOWED')
    assert.equal(await decided(it.lab.devices['ann-tablet']), 'refuse DEVICE_BLOCKED')
    await restart('SIGKILL')
    assert.equal(await decided(stranger), 'allow ALLOWED')
    await it.core.comeBack()
    await until('Core is back', async () => (await sentry.metric('postern_sentry_core_connected')) === 1, 15_000)
    assert.equal(await decided(stranger), 'refuse DEVICE_UNKNOWN')
    await clock.setAhead(0)
  })
  test('a Core of another life: its posture replaces the one that is known, however it counts', async () => {
    it.core.state.epoch = 'epoch-2'
    it.core.state.seq = 0
    it.core.state.posture = [it.entry('ann-phone'), it.entry('ann-tablet')]
    it.core.drop()
    await it.core.report(({ posture }) => posture.epoch === 'epoch-2' && posture.seq === 0)
    await until('it holds', async () => (await sentry.appliedVersion()) === 0)
    assert.equal(await decided(it.lab.devices['ann-tablet']), 'allow ALLOWED')
    assert.equal(await decided(it.lab.devices['bob-phone']), 'refuse DEVICE_UNKNOWN')
    const seq = it.core.change(it.entry('ann-tablet', { posture: 'block' }))
    await it.core.report(({ posture }) => posture.epoch === 'epoch-2' && posture.seq === seq)
    await it.core.goAway()
    await restart('SIGKILL')
    assert.equal(await decided(it.lab.devices['ann-tablet']), 'refuse DEVICE_BLOCKED')
    assert.equal(await decided(it.lab.devices['bob-phone']), 'refuse DEVICE_UNKNOWN')
  })
  test('without its document nothing starts: it waits, though it has a posture', async () => {
    await rm(join(it.dir, 'document.json'))
    const launched = await restart('SIGKILL', { waits: true })
    await until('it waits', () => launched.stdout().includes('"lacks":["configuration"]'))
    await assert.rejects(it.sync('ann-phone'))
  })
})
