import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startExchange } from '@postern/harness/exchange'
import type { ExchangeStandIn } from '@postern/harness/exchange'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { auditOf, reconfigure } from './support/observe.ts'

type Reply = Awaited<ReturnType<Lab['eas']>>

const NAMES = ['mail1.example.com', 'mail2.example.com', 'mail3.example.com'] as const
/** Failures within 30 s after which a server is left out. */
const DEAD_THRESHOLD = 3

describe('several ActiveSync servers', () => {
  let lab: Lab
  let servers: ExchangeStandIn[]
  const down = new Set<number>()
  let round = 0
  before(async () => {
    lab = await startLab({ workers: 1 }) // so that turns and failures are counted in one place
    servers = await Promise.all(NAMES.map((_name, index) => startServer(index)))
  })
  afterEach(async () => {
    for (const [index, server] of servers.entries()) {
      server.clearScript()
      server.clearReceived()
      if (down.has(index)) await reopen(index)
    }
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await Promise.all(servers.map((server) => server.close()))
  })

  test('priority: the first takes everything', async () => {
    await serve('priority')
    for (let count = 0; count < 5; count += 1) assert.equal((await ask()).status, 200)
    assert.deepEqual(counts(), [5, 0, 0])
  })

  test('roundRobin: each in turn', async () => {
    await serve('roundRobin')
    for (let count = 0; count < 9; count += 1) assert.equal((await ask()).status, 200)
    assert.deepEqual(counts(), [3, 3, 3])
  })

  test('priority: a server that cannot be reached fails nobody, and after three failures it is not tried any more', async () => {
    await serve('priority')
    await close(0)
    for (let count = 0; count < DEAD_THRESHOLD; count += 1) {
      const { reasons } = await auditOf(lab.sentry, await ask())
      assert.ok(reasons.includes('UPSTREAM_UNREACHABLE'), 'it was tried first')
    }
    for (let count = 0; count < 3; count += 1) {
      assert.deepEqual((await auditOf(lab.sentry, await ask())).reasons, ['ALLOWED'])
    }
    assert.deepEqual(counts().slice(1), [DEAD_THRESHOLD + 3, 0])
  })

  test('roundRobin: a dead server is left out of the round', async () => {
    await serve('roundRobin')
    await close(1)
    for (let count = 0; count < 3 * DEAD_THRESHOLD; count += 1) assert.equal((await ask()).status, 200)
    servers[0]?.clearReceived()
    servers[2]?.clearReceived()
    for (let count = 0; count < 6; count += 1) {
      assert.deepEqual((await auditOf(lab.sentry, await ask())).reasons, ['ALLOWED'])
    }
    assert.deepEqual([counts()[0], counts()[2]], [3, 3])
  })

  test('a server that answers 503 without Retry-After three times is left out; each answer is the device’s', async () => {
    await serve('priority')
    servers[0]?.script({ times: Infinity, action: { kind: 'respond', status: 503 } })
    const statuses: number[] = []
    for (let count = 0; count < DEAD_THRESHOLD + 2; count += 1) statuses.push((await ask()).status)
    assert.deepEqual(statuses, [503, 503, 503, 200, 200])
    assert.deepEqual(counts(), [DEAD_THRESHOLD, 2, 0])
  })

  test('a server that throttles is not dead', async () => {
    await serve('priority')
    servers[0]?.script({ times: Infinity, action: { kind: 'throttled' } })
    for (let count = 0; count < DEAD_THRESHOLD + 2; count += 1) assert.equal((await ask()).status, 503)
    assert.deepEqual(counts(), [DEAD_THRESHOLD + 2, 0, 0])
  })

  test('failures with successes between them do not add up', async () => {
    await serve('priority')
    for (let round = 0; round < 4; round += 1) {
      servers[0]?.script({ times: DEAD_THRESHOLD - 1, action: { kind: 'respond', status: 502 } })
      for (let count = 0; count < DEAD_THRESHOLD; count += 1) await ask()
    }
    assert.deepEqual(counts(), [4 * DEAD_THRESHOLD, 0, 0])
  })

  test('a request that a server may have seen is not given to another', async () => {
    await serve('priority')
    servers[0]?.script({ action: { kind: 'reset' } })
    const reply = await ask()
    assert.equal(reply.status, 503)
    assert.equal((await auditOf(lab.sentry, reply)).reasons[0], 'UPSTREAM_RESET')
    assert.deepEqual(counts(), [1, 0, 0])
  })

  test('a dead server comes back: it is tried when no other is left, and then is first again', async () => {
    await serve('priority')
    await close(0)
    for (let count = 0; count < DEAD_THRESHOLD; count += 1) await ask()
    await reopen(0)
    servers[1]?.clearReceived()
    assert.equal((await ask()).status, 200)
    assert.deepEqual(counts(), [0, 1, 0], 'still left out')
    await close(1)
    await close(2)
    assert.equal((await ask()).status, 200)
    assert.equal(counts()[0], 1)
    await reopen(1)
    for (let count = 0; count < 3; count += 1) assert.equal((await ask()).status, 200)
    assert.equal(counts()[0], 4, 'first again, though the second is back')
  })

  test('with every server gone the device gets 503 and Retry-After', async () => {
    await serve('roundRobin')
    for (const index of servers.keys()) await close(index)
    const reply = await ask()
    assert.equal(reply.status, 503)
    assert.ok(Number(reply.headers['retry-after']) >= 30)
  })

  test('a server whose certificate is another’s is not used', async () => {
    const stranger = await startExchange({
      cert: await lab.serverCa.issueServer({ names: ['elsewhere.example.com'] }),
      audience: lab.destinationResource,
    })
    await serve('priority', `${NAMES[0]}:${stranger.port}`)
    const reply = await ask()
    assert.equal(reply.status, 200)
    assert.ok((await auditOf(lab.sentry, reply)).reasons.includes('UPSTREAM_TLS'))
    assert.equal(stranger.receivedCount, 0)
    await stranger.close()
  })

  async function startServer(index: number, port = 0): Promise<ExchangeStandIn> {
    const cert = await lab.serverCa.issueServer({ names: [NAMES[index] ?? ''] })
    down.delete(index)
    return startExchange({ cert, port, audience: lab.destinationResource, requirePolicy: false })
  }

  async function close(index: number): Promise<void> {
    down.add(index)
    await servers[index]?.close()
  }

  /** Starts a server again on the port that it had. */
  async function reopen(index: number): Promise<void> {
    servers[index] = await startServer(index, servers[index]?.port)
  }

  /** New settings of the same Sentry, and with them a group of servers that has seen nothing yet. */
  async function serve(scheduling: string, first?: string): Promise<void> {
    round += 1
    const all = servers.map((server, index) => `${NAMES[index] ?? ''}:${server.port}`)
    await reconfigure(lab, {
      ...lab.config,
      activeSync: {
        servers: first === undefined ? all : [first, ...all.slice(1)],
        scheduling,
        caFile: 'server-ca.crt',
        redirectHosts: [`round-${round}.example.com`],
      },
      hosts: Object.fromEntries([...NAMES, 'login.windows.net'].map((name) => [name, '127.0.0.1'])),
    })
  }

  function ask(): Promise<Reply> {
    return lab.eas(lab.devices['ann-phone'])
  }

  function counts(): number[] {
    return servers.map(({ received }) => received.length)
  }
})
