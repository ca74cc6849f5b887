import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import type { Issued } from '@postern/harness/ca'
import { createCa } from '@postern/harness/ca'
import { createPinnedLookup } from '../../src/servers/pinned-lookup.ts'
import { startHealthCheck } from '../../src/servers/health-check.ts'
import { createServerGroup } from '../../src/servers/server-group.ts'
import { authority, HOST, newBench, newClient, textOf, toRequest, until } from './bench.ts'
import { startPeer } from './scripted-peer.ts'

const PAST = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') }
const FUTURE = { notBefore: new Date('2090-01-01'), notAfter: new Date('2090-02-01') }

describe('T59 upstream certificates that are refused: no request byte leaves', () => {
  const rows: { title: string; issue: () => Promise<Issued> }[] = [
    {
      title: 'self-signed',
      issue: async () => (await authority()).ca.issueServer({ names: [HOST], overrides: { selfSigned: true } }),
    },
    { title: 'expired', issue: async () => (await authority()).ca.issueServer({ names: [HOST], overrides: PAST }) },
    {
      title: 'not yet valid',
      issue: async () => (await authority()).ca.issueServer({ names: [HOST], overrides: FUTURE }),
    },
    { title: 'wrong name', issue: async () => (await authority()).ca.issueServer({ names: ['other.test'] }) },
    {
      title: 'address instead of the name',
      issue: async () => (await authority()).ca.issueServer({ names: ['127.0.0.1'] }),
    },
    {
      title: 'for clients only',
      issue: async () => (await authority()).ca.issueServer({ names: [HOST], overrides: { eku: 'clientAuth' } }),
    },
    { title: 'another authority', issue: async () => (await createCa()).issueServer({ names: [HOST] }) },
  ]
  for (const { title, issue } of rows) {
    test(title, async () => {
      const { certPem, keyPem } = await issue()
      await using peer = await startPeer({ cert: certPem, key: keyPem })
      await using client = await newClient()
      const call = client.request(toRequest(peer, { body: { kind: 'bytes', bytes: Buffer.from('secret') } }))
      await assert.rejects(call.response, { name: 'UpstreamError', code: 'UPSTREAM_TLS', sent: false })
      assert.equal(call.sent(), false)
      await assert.rejects(client.probe({ host: HOST, port: peer.port }, 5_000), { code: 'UPSTREAM_TLS' })
      assert.equal(peer.received, 0)
      assert.equal(peer.dialled, 2)
    })
  }

  test('the environment cannot turn verification off', async () => {
    const { certPem, keyPem } = await (await createCa()).issueServer({ names: [HOST] })
    await using peer = await startPeer({ cert: certPem, key: keyPem })
    await using client = await newClient()
    const name = ['NODE_TLS_REJECT', 'UNAUTHORIZED'].join('_')
    process.env[name] = '0'
    try {
      await assert.rejects(client.request(toRequest(peer)).response, { code: 'UPSTREAM_TLS' })
    } finally {
      Reflect.deleteProperty(process.env, name)
    }
    assert.equal(peer.received, 0)
  })

  test('a session of one name is not used for another', async () => {
    await using bench = await newBench()
    const { peer, client } = bench
    const call = client.request(bench.request())
    const connection = await peer.connection()
    connection.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    await textOf((await call.response).body)
    const other = client.request(bench.request({ target: { host: 'other.test', port: peer.port } }))
    await assert.rejects(other.response, { code: 'UPSTREAM_TLS', sent: false })
  })

  test('TLS 1.1 is refused', async () => {
    const { good } = await authority()
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
    await using peer = await startPeer({ cert: good.certPem, key: good.keyPem, ...old })
    await using client = await newClient()
    await assert.rejects(client.request(toRequest(peer)).response, { code: 'UPSTREAM_TLS', sent: false })
  })

  test('a server that speaks HTTP/2 only is refused', async () => {
    const { good } = await authority()
    await using peer = await startPeer({ cert: good.certPem, key: good.keyPem, ALPNProtocols: ['h2'] })
    await using client = await newClient()
    await assert.rejects(client.request(toRequest(peer)).response, { code: 'UPSTREAM_TLS', sent: false })
  })

  test('the start-up self-test reports a bad certificate', async () => {
    const { certPem, keyPem } = await (await createCa()).issueServer({ names: [HOST] })
    await using peer = await startPeer({ cert: certPem, key: keyPem })
    await using bench = await newBench()
    const servers = [peer, bench.peer].map(({ port }) => ({ host: HOST, port }))
    const rules = { deadThreshold: 1, failureWindowMs: 30_000, deadMs: 60_000, liveThreshold: 2 }
    const group = createServerGroup({ servers, scheduling: 'priority', rules, now: Date.now })
    const probe = bench.client.probe.bind(bench.client)
    using check = startHealthCheck({ group, probe, intervalMs: 60_000, timeoutMs: 5_000 })
    const results = await check.firstRound
    assert.deepEqual(
      results.map(({ error }) => error === null),
      [false, true],
    )
    assert.deepEqual(group.order(), [servers[1], servers[0]])
    assert.equal(peer.received + bench.peer.received, 0)
  })
})

describe('connecting', () => {
  test('nobody listens', async () => {
    await using bench = await newBench()
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const address = free.address()
    free.close()
    await once(free, 'close')
    const target = { host: HOST, port: typeof address === 'object' && address !== null ? address.port : 1 }
    const call = bench.client.request(bench.request({ target }))
    await assert.rejects(call.response, { code: 'UPSTREAM_UNREACHABLE', sent: false })
    assert.deepEqual(bench.client.stats(), { active: 0, connecting: 0, idle: 0, opened: 0, reused: 0, resumed: 0 })
  })

  test('no such name', async () => {
    await using client = await newClient({
      lookup: (_host, _options, done) => done(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []),
    })
    await assert.rejects(client.probe({ host: 'nowhere.test', port: 443 }, 5_000), { code: 'UPSTREAM_UNREACHABLE' })
  })

  test('T35 a redirect name that resolves to loopback is never contacted', async () => {
    await using bench = await newBench()
    const rules = { redirectHosts: ['*.test'], labHosts: new Set<string>() }
    const resolve = createPinnedLookup(rules, (_host, _options, done) =>
      done(null, [{ address: '127.0.0.1', family: 4 }]),
    )
    await using client = await newClient({ lookup: resolve })
    const call = client.request(bench.request())
    await assert.rejects(call.response, { code: 'UPSTREAM_UNREACHABLE', sent: false })
    assert.equal(bench.peer.dialled, 0)
  })

  test('a server that never finishes the handshake', async () => {
    await using bench = await newBench()
    const sockets = new Set<{ destroy(): void }>()
    const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const target = { host: HOST, port: typeof address === 'object' && address !== null ? address.port : 1 }
    const timeouts = { connectMs: 50, responseHeadMs: 5_000, responseIdleMs: 5_000 }
    const call = bench.client.request(bench.request({ target, timeouts }))
    await assert.rejects(call.response, { code: 'UPSTREAM_TIMEOUT', sent: false })
    const aborted = bench.client.request(bench.request({ target }))
    await until(() => sockets.size === 2)
    aborted.abort()
    await assert.rejects(aborted.response, { code: 'UPSTREAM_ABORTED', sent: false })
    const reset = bench.client.request(bench.request({ target }))
    await until(() => sockets.size === 3)
    for (const socket of sockets) socket.destroy()
    await assert.rejects(reset.response, { code: 'UPSTREAM_UNREACHABLE', sent: false })
    assert.equal(bench.client.stats().connecting, 0)
    silent.close()
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    test(`${version}: sessions are resumed, by requests and not by probes`, async () => {
      const { good } = await authority()
      await using peer = await startPeer({ cert: good.certPem, key: good.keyPem, maxVersion: version })
      await using client = await newClient()
      for (let i = 0; i < 3; i++) {
        const call = client.request(toRequest(peer))
        const connection = await peer.connection()
        await connection.take('\r\n\r\n')
        connection.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')
        assert.equal(await textOf((await call.response).body), 'ok')
      }
      await client.probe({ host: HOST, port: peer.port }, 5_000)
      assert.deepEqual(client.stats(), { active: 0, connecting: 0, idle: 0, opened: 4, reused: 0, resumed: 2 })
    })
})
