/**
 * Two Cores on one PostgreSQL with a Sentry, one of them killed under load: who notices, and what goes on.
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { stepUp } from '@postern/harness/core-administrator'
import { CoreClient } from '@postern/harness/core-client'
import { changesUntil } from './support/feed-times.ts'
import { startFleet } from './support/fleet.ts'

/** Programs that write to the Core that is killed, and to the one that stays. */
const WRITERS = { killed: 3, staying: 3 } as const
/** A posture change acts within so long, also while the Sentry must look for another Core. Milliseconds. */
const ACTS_MS = 2_000

interface Written {
  readonly done: string[]
  readonly failed: string[]
}

test('SIGKILL of one of two Cores fails nothing but what was in flight there, and the Sentry goes on', async (t) => {
  await using receiver = await startReceiver()
  await using fleet = await startFleet({ sentries: 1, devices: 20, phones: 5, cores: 2 })
  const { lab, other, client, administration } = fleet
  assert.ok(other)
  await stepUp(client, administration.credentials)
  const permissions = ['label:view', 'label:manage', 'device:view', 'device:block', 'audit:view'] as const
  const body = { name: 'writers', permissions: [...permissions], expiresInSeconds: 86_400 }
  const token = (await client.call('createApiToken', { body })).body.secret
  const syslog = { enabled: true, host: '127.0.0.1', port: receiver.port, tls: false, plainOverNetwork: false }
  await client.call('updateSyslog', { body: { ...syslog, caPem: null, facility: 13 }, ifMatch: 0 })
  const staying = new CoreClient({ origin: other.adminUrl, token })

  const stop = new AbortController()
  const killed = writeLabels(lab.core.adminUrl, token, 'killed', WRITERS.killed, stop.signal)
  const stayed = writeLabels(other.adminUrl, token, 'staying', WRITERS.staying, stop.signal)
  const watched = changesUntil(fleet, staying, stop.signal)
  await sleep(800)
  await lab.core.kill()
  const before = receiver.newest()
  await sleep(2_500)
  stop.abort()
  const [lost, kept, changes] = await Promise.all([killed, stayed, watched])

  assert.deepEqual(kept.failed, [], 'a client of the other Core noticed')
  assert.ok(kept.done.length > 50, `${kept.done.length} writes through the other Core`)
  assert.ok(lost.failed.length <= WRITERS.killed, `${lost.failed.length} failed at the killed one`)
  const slowest = Math.max(...changes.map(({ actedMs }) => actedMs))
  t.diagnostic(`${changes.length} posture changes, the slowest acted after ${slowest.toFixed(0)} ms`)
  assert.ok(changes.length >= 10)
  assert.ok(slowest < ACTS_MS, JSON.stringify(changes))

  for (const name of lost.failed) await writeLabel(staying, name)
  const written = [...lost.done, ...lost.failed, ...kept.done].sort()
  assert.deepEqual(await labelNames(staying), written)
  assert.equal((await staying.call('verifyAudit', { body: {} })).body.ok, true)
  const newest = (await staying.call('listAudit', { query: { limit: 1 } })).body.items[0]?.seq ?? 0
  assert.ok(newest > before)
  await until(() => receiver.newest() >= newest, 'the other Core sends the rest of the audit log')
  assert.deepEqual(receiver.missing(), [], 'rows that never came')
})

async function writeLabel(client: CoreClient, name: string): Promise<void> {
  await client.call('createLabel', { body: { name, filter: null }, idempotencyKey: name })
}

/** Each writer ends with its first failure. */
async function writeLabels(
  origin: string,
  token: string,
  prefix: string,
  writers: number,
  stop: AbortSignal,
): Promise<Written> {
  const written: Written = { done: [], failed: [] }
  const write = async (n: number): Promise<void> => {
    const client = new CoreClient({ origin, token })
    for (let i = 0; !stop.aborted; i += 1) {
      const name = `two-${prefix}-${n}-${i}`
      const ok = await writeLabel(client, name).then(
        () => true,
        () => false,
      )
      ;(ok ? written.done : written.failed).push(name)
      if (!ok) return
      await sleep(5)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, n) => write(n)))
  return written
}

async function labelNames(client: CoreClient): Promise<string[]> {
  const names: string[] = []
  let cursor: string | undefined
  do {
    const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) }
    const page = (await client.call('listLabels', { query })).body
    names.push(...page.items.map(({ name }) => name).filter((name) => name.startsWith('two-')))
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return names.sort()
}

interface Receiver extends AsyncDisposable {
  readonly port: number
  newest(): number
  /** Numbers below the newest that did not come. */
  missing(): number[]
}

/** A syslog receiver that keeps the numbers of the rows. */
async function startReceiver(): Promise<Receiver> {
  const seen = new Set<number>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('error', () => undefined)
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      for (const [, seq] of text.matchAll(/\[posternAudit@32473 seq="(\d+)" /g)) seen.add(Number(seq))
      text = text.slice(-100)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const newest = (): number => Math.max(0, ...seen)
  return {
    port: (server.address() as AddressInfo).port,
    newest,
    missing: () => Array.from({ length: newest() }, (_, n) => n + 1).filter((seq) => !seen.has(seq)),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > deadline) assert.fail(`not within 10 s: ${what}`)
    await sleep(20)
  }
}
