/**
 * Life of a Sentry: a stop that drains, workers that die and are replaced, and a block that reaches all of them.
 * @module
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type DeviceName, type Lab, startLab } from '@postern/harness/lab'
import { assertWbxml, FOLDER_SYNC, hex, PING_7, PING_REQUEST, type Reply, WIPE } from './support/golden.ts'
import { auditOf, eventCount, servedBy, until, workerPids } from './support/observe.ts'

/** Sentry's timeouts are divided by this: the ends of held requests are spread over one second. */
const SPEED = 5
const SPREAD_MS = 5_000 / SPEED

let lab: Lab

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false }, speed: SPEED })
})

after(() => lab[Symbol.asyncDispose]())

/** Sends a Ping that waits; resolves when the server has it. */
async function hold(name: DeviceName, sentry: string = lab.sentryName): Promise<{ reply: Promise<Reply> }> {
  const from = lab.exchange.receivedCount
  const reply = lab.eas(lab.devices[name], { sentry, command: 'Ping', body: hex(PING_REQUEST) })
  reply.catch(() => undefined) // looked at later
  await lab.exchange.waitForRequest((request) => lab.exchange.received.indexOf(request) >= from)
  return { reply }
}

describe('graceful stop', () => {
  test('stop: an ordinary request finishes, held Pings end within the spread, exit code 0', async (t) => {
    const sentry = 'stopping.sentry.example.com'
    const process = await lab.addSentry(sentry, { workers: 2 })
    const names = ['ann-phone', 'ann-tablet', 'bob-phone', 'bob-tablet'] as const
    const pings = [
      ...(await Promise.all(names.slice(0, 2).map((name) => servedHold(0, name)))),
      ...(await Promise.all(names.slice(2).map((name) => servedHold(1, name)))),
    ]
    const from = lab.exchange.receivedCount
    lab.exchange.script({ match: 'FolderSync', delayMs: 700, action: { kind: 'pass' } })
    const ordinary = lab.eas(lab.devices['ann-phone'], { sentry })
    await lab.exchange.waitForRequest((request) => lab.exchange.received.indexOf(request) >= from)

    const since = performance.now()
    process.signal('SIGTERM')
    const ends = pings.map(async ({ reply }) => {
      const answer = await reply.catch((cause: unknown) => cause)
      return { answer, ms: performance.now() - since }
    })
    assert.equal((await ordinary).status, 200)
    assert.ok(performance.now() - since >= 300, 'it was under way when the stop began')
    const ended = await Promise.all(ends)
    t.diagnostic(`held Pings ended after ${ended.map(({ ms }) => ms.toFixed(0)).join(', ')} ms`)
    for (const { answer, ms } of ended) {
      assert.ok(answer instanceof Error, 'no made-up answer')
      assert.ok(ms < SPREAD_MS + 1_000, `${ms.toFixed(0)} ms`)
    }
    assert.equal(await process.exited, 0)
    assert.ok(performance.now() - since < 6_000)
    await assert.rejects(lab.eas(lab.devices['ann-phone'], { sentry }), { code: 'ECONNREFUSED' })
    const lines = await process.auditLines()
    assert.equal(lines.filter(({ reasons }) => reasons.includes('STOPPING')).length, pings.length)

    // Two at a time on one worker, so that both have some to end.
    async function servedHold(worker: number, name: DeviceName): Promise<{ reply: Promise<Reply> }> {
      return servedBy(process, worker, () => hold(name, sentry))
    }
  })

  test('stop: SIGINT while it stops: at once, whatever is under way', async () => {
    const sentry = 'hasty.sentry.example.com'
    const process = await lab.addSentry(sentry, { workers: 1 })
    const from = lab.exchange.receivedCount
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'hang' } })
    const stuck = assert.rejects(lab.eas(lab.devices['bob-phone'], { sentry }))
    await lab.exchange.waitForRequest((request) => lab.exchange.received.indexOf(request) >= from)
    process.signal('SIGTERM')
    await until('it stops', () => refusesConnections(process.port))
    const since = performance.now()
    process.signal('SIGINT')
    assert.equal(await process.exited, 1)
    await stuck
    assert.ok(performance.now() - since < 2_000)
  })
})

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true))
  }).finally(() => socket.destroy()) as Promise<boolean>
}

describe('workers', () => {
  test('T63 a block reaches all workers: Pings held by each end in under a second', async (t) => {
    const pings = []
    for (const worker of [0, 1]) pings.push(await servedBy(lab.sentry, worker, () => hold('ann-phone')))
    const since = performance.now()
    await lab.policy.posture('ann-phone', 'block')
    for (const { reply } of pings) assertWbxml(await reply, PING_7)
    const ms = performance.now() - since
    t.diagnostic(`both ended after ${ms.toFixed(0)} ms`)
    assert.ok(ms < 1_000)
    for (const worker of [0, 1]) {
      assertWbxml(await servedBy(lab.sentry, worker, () => lab.eas(lab.devices['ann-phone'])), FOLDER_SYNC.blocked129)
    }
    await lab.policy.posture('ann-phone', 'allow')
    await lab.policy.applied()
  })

  test('workers: one is killed: service goes on, it is replaced, and the new one knows what the others know', async () => {
    await lab.policy.posture('bob-tablet', 'wipe')
    await lab.policy.applied()
    const device = lab.devices['bob-tablet']
    for (const body of [WIPE.emptyProvision, WIPE.acknowledgeSuccess]) {
      await auditOf(lab.sentry, await lab.eas(device, { command: 'Provision', body: hex(body) }))
    }
    for (const round of [1, 2]) {
      const before = await workerPids(lab.sentry)
      const [victim = 0] = before
      process.kill(victim, 'SIGKILL')
      await until('the death was noticed', () => eventCount(lab.sentry, 'worker-died') === round)
      assert.equal((await lab.eas(lab.devices['ann-phone'])).status, 200)
      await until('a new worker', async () => (await workerPids(lab.sentry)).length === 2)
      await until('it decides from the policy', async () => (await lab.sentry.metric('postern_sentry_workers')) === 2)
      await until(
        'with the version in force',
        async () => (await lab.sentry.appliedVersion()) === lab.policy.snapshot.version,
      )
      const pids = await workerPids(lab.sentry)
      assert.equal(pids.includes(victim), false)
      const fresh = pids.findIndex((pid) => !before.includes(pid))
      const [works, wiped] = await servedBy(lab.sentry, fresh, async () => [
        await lab.eas(lab.devices['ann-phone']),
        await lab.eas(device),
      ])
      assert.equal(works.status, 200)
      assertWbxml(wiped, FOLDER_SYNC.blocked129)
    }
    assert.equal((await lab.sentry.health('/readyz')).status, 200)
  })

  test('workers: the local listener and the exit code are those of the whole', async () => {
    assert.equal((await lab.sentry.health('/healthz')).status, 200)
    assert.equal(await lab.sentry.stop(), 0)
  })
})
