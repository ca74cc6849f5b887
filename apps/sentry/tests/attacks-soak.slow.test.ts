/**
 * A minute of everything at once, by twelve attackers on four devices' certificates and none, while the policy changes:
 * no process ends, every request has exactly one audit line, descriptors and memory come back.
 * @module
 */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { eventCount, until, workerPids } from './support/observe.ts'
import { settledRss } from './support/process-memory.ts'
import { rawHead } from './support/raw-request.ts'

const SOAK_MS = 60_000
const WARM_MS = 60_000
const ATTACKERS = 12
/** What the workers may have grown by together. Bytes. */
const GROWTH = 192 * 1_048_576

/** Does one thing on a fresh connection and tells how many requests that were. */
type Attack = (lab: Lab, device: LabDevice, client: RawClient) => Promise<number>

const cut = (client: RawClient): void => {
  ;(client.socket as unknown as { _parent: { resetAndDestroy(): void } })._parent.resetAndDestroy()
}
const answered = async (client: RawClient, bytes: string, requests = 1): Promise<number> => {
  await client.send(bytes)
  for (let i = 0; i < requests; i += 1) await client.readResponse({ timeoutMs: 20_000 })
  return requests
}

const ATTACKS: Record<string, Attack> = {
  'an honest request': async (lab, device, client) => answered(client, await rawHead(lab, device)),
  'two requests at once': async (lab, device, client) => answered(client, (await rawHead(lab, device)).repeat(2), 2),
  'a Ping that is cut off': async (lab, device, client) => {
    await client.send(await rawHead(lab, device, { command: 'Ping' }))
    await Promise.race([delay(50), client.closed])
    cut(client)
    return 1
  },
  'a Sync that is cut off': async (lab, device, client) => {
    await client.send(await rawHead(lab, device, { command: 'Sync' }))
    await delay(10)
    cut(client)
    return 1
  },
  'half a body': async (lab, device, client) => {
    await client.send((await rawHead(lab, device, { command: 'SendMail', body: 200_000 })) + 'x'.repeat(70_000))
    await delay(30)
    cut(client)
    return 1
  },
  'a whole message': async (lab, device, client) =>
    answered(client, (await rawHead(lab, device, { command: 'SendMail', body: 100_000 })) + 'x'.repeat(100_000)),
  'a chunk that is none': async (lab, device, client) =>
    answered(client, `${await rawHead(lab, device, { command: 'SendMail', body: 'chunked' })}5\r\nhello\r\nzz\r\n`),
  trailers: async (lab, device, client) =>
    answered(client, `${await rawHead(lab, device, { body: 'chunked' })}1\r\nx\r\n0\r\nAuthorization: x\r\n\r\n`),
  'a wait for 100': async (lab, device, client) => {
    await client.send(await rawHead(lab, device, { body: 10, lines: ['Expect: 100-continue'] }))
    await delay(5)
    cut(client)
    return 1
  },
  'no HTTP': (_lab, _device, client) => answered(client, '\0\0\0\r\n\r\n'),
  CONNECT: (_lab, _device, client) => answered(client, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'),
  'half a head': async (_lab, _device, client) => {
    await client.send('POST /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: ')
    cut(client)
    return 0
  },
  'another path': (lab, _device, client) => answered(client, `GET /x HTTP/1.1\r\nHost: ${lab.sentryName}\r\n\r\n`),
  'a bad grant': (lab, _device, client) =>
    answered(
      client,
      `POST /proxyservice/oauth2/token HTTP/1.1\r\nHost: ${lab.sentryName}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 19\r\n\r\ngrant_type=password`,
    ),
  'another device': async (lab, device, client) =>
    answered(client, (await rawHead(lab, device)).replace(device.easDeviceId, 'SOMEBODYELSE')),
}

async function descriptors(pids: readonly number[]): Promise<number> {
  const all = await Promise.all(pids.map((pid) => readdir(`/proc/${String(pid)}/fd`)))
  return all.flat().length
}

test('soak: a minute of mixed hostile traffic', { timeout: SOAK_MS * 5 }, async () => {
  await using lab = await startLab({ exchange: { requirePolicy: false } })
  lab.exchange.script({ match: 'Ping', times: Infinity, action: { kind: 'hang' } })
  const names = Object.keys(lab.devices) as (keyof typeof lab.devices)[]
  const devices = names.map((name) => lab.devices[name])
  const pids = await workerPids(lab.sentry)
  const all = [lab.sentry.pid, ...pids]
  const attacks = Object.entries(ATTACKS)
  const requests = new Map(attacks.map(([title]) => [title, 0]))
  const failures: string[] = []
  let halves = 0
  const attack = async (turn: number): Promise<void> => {
    const [title, act] = attacks[turn % attacks.length] ?? ['', async () => Promise.resolve(0)]
    const device = devices[turn % devices.length]
    if (device === undefined) return
    const client = await lab.raw(turn % 17 === 0 ? null : device)
    const sent = await act(lab, device, client).catch((error: unknown) => {
      failures.push(`${title}: ${String(error)}`)
      return 0
    })
    if (title === 'half a head') halves += 1
    requests.set(title, (requests.get(title) ?? 0) + sent)
    await client[Symbol.asyncDispose]()
  }
  const attacker = async (first: number, end: number): Promise<void> => {
    for (let turn = first; performance.now() < end; turn += ATTACKERS + 1) {
      await attack(turn)
      await delay(15)
    }
  }
  // The heap grows to what the load needs; what counts is what it does from then on.
  const warm = performance.now() + WARM_MS
  await Promise.all(Array.from({ length: ATTACKERS }, (_, i) => attacker(i * 7, warm)))
  const before = { fds: await descriptors(all), rss: await settledRss(lab.sentry.pid) }
  const end = performance.now() + SOAK_MS
  const flips = (async () => {
    for (let i = 0; performance.now() < end; i += 1) {
      await lab.policy.posture(names[i % names.length] ?? 'bob-phone', i % 3 === 0 ? 'block' : 'allow')
      await delay(500)
    }
  })()
  await Promise.all([flips, ...Array.from({ length: ATTACKERS }, (_, i) => attacker(i * 7, end))])
  const total = [...requests.values()].reduce((sum, count) => sum + count, 0)
  await until('connections are gone', async () => (await lab.sentry.metric('postern_sentry_connections')) === 0, 30_000)
  await delay(12_000) // bodies that are thrown away, idle connections to the server
  const lines = await lab.sentry.auditLines()
  const after = { fds: await descriptors(all), rss: await settledRss(lab.sentry.pid) }
  console.log(JSON.stringify({ total, lines: lines.length, halves, before, after, failures: failures.slice(0, 5) }))
  assert.deepEqual(failures, [])
  assert.deepEqual(await workerPids(lab.sentry), pids)
  assert.equal(
    eventCount(lab.sentry, 'worker-fault') + eventCount(lab.sentry, 'fault'),
    0,
    lab.sentry.stderr().slice(-1_000),
  )
  assert.equal(new Set(lines.map(({ id }) => id)).size, lines.length, 'a line is there twice')
  // Half a head and a reset may be seen as its end or as nothing.
  const more = lines.length - total
  assert.ok(more >= 0 && more <= halves, `${String(lines.length)} lines of ${String(total)} requests`)
  assert.equal(await lab.sentry.metric('postern_sentry_held'), 0)
  assert.ok(after.fds <= before.fds + 40, `${String(before.fds)} descriptors became ${String(after.fds)}`)
  assert.ok(after.rss < before.rss + GROWTH, `${String(before.rss)} bytes became ${String(after.rss)}`)
})
