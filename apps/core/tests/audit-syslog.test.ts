/**
 * The audit log sent to a syslog receiver: in order, every row, whatever happens to the receiver.
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { createCa } from '@postern/harness/ca'
import type { CoreClient } from '@postern/harness/core-client'
import type { AuditEntry, SyslogSettings } from '@postern/contract/api/audit'
import { startTestCore, type TestCore } from './support/test-core.ts'

interface Receiver extends AsyncDisposable {
  readonly port: number
  /** Rows of each connection. */
  readonly connections: number[][]
}

/** Takes frames apart by their length; a frame that is none fails the test. `most`: closes after so many rows. */
async function startReceiver(
  options: { tls?: { key: string; cert: string }; port?: number; most?: number } = {},
): Promise<Receiver> {
  const connections: number[][] = []
  const sockets = new Set<Socket>()
  const serve = (socket: Socket): void => {
    const seqs: number[] = []
    connections.push(seqs)
    sockets.add(socket)
    let rest = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (;;) {
        const space = rest.indexOf(' ')
        const length = Number(rest.subarray(0, space).toString())
        if (space < 0 || rest.length < space + 1 + length) return
        seqs.push(seqOf(rest.subarray(space + 1, space + 1 + length)))
        rest = rest.subarray(space + 1 + length)
        if (seqs.length === options.most) return void socket.resetAndDestroy()
      }
    })
  }
  const server: Server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve)
  server.on('tlsClientError', () => undefined)
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function seqOf(message: Buffer): number {
  const text = message.toString()
  assert.match(text, /^<109>1 \d{4}-[^ ]+Z [^ ]+ postern-core - [a-z-]+\.[a-z-]+ \[posternAudit@32473 seq="\d+" /)
  const entry = JSON.parse(text.slice(text.indexOf('\uFEFF') + 1)) as AuditEntry
  assert.ok(text.includes(` seq="${entry.seq}" `))
  return entry.seq
}

async function until(holds: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const begun = performance.now()
  while (!(await holds())) {
    if (performance.now() - begun > limitMs) assert.fail(`not within ${limitMs} ms: ${holds.toString()}`)
    await sleep(20)
  }
}

let core: TestCore
let ada: CoreClient
before(async () => {
  core = await startTestCore()
  ada = await core.signIn()
})
after(() => core[Symbol.asyncDispose]())

const plain: SyslogSettings = {
  ...{ enabled: true, host: '127.0.0.1', port: 6514, tls: false, plainOverNetwork: false, caPem: null, facility: 13 },
}
const show = async () => (await ada.call('readSyslog')).body
async function set(change: Partial<SyslogSettings & { resendFrom: number }>): Promise<void> {
  await ada.call('updateSyslog', { body: { ...plain, ...change }, ifMatch: (await show()).version })
}
const newest = async (): Promise<number> =>
  (await ada.call('listAudit', { query: { limit: 1 } })).body.items[0]?.seq ?? 0
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

describe('settings that are refused', () => {
  const refusals = [
    { title: 'the metadata address of clouds', change: { host: '169.254.169.254', tls: true }, path: 'host' },
    { title: 'the same within IPv6', change: { host: '::ffff:169.254.169.254', tls: true }, path: 'host' },
    { title: 'every address at once', change: { host: '0.0.0.0', tls: true }, path: 'host' },
    { title: 'a URL', change: { host: 'https://log', tls: true }, path: 'host' },
    { title: 'plain TCP to another machine', change: { host: 'log.example' }, path: 'tls' },
    { title: 'no certificate', change: { caPem: 'text' }, path: 'caPem' },
    {
      title: 'a certificate that cannot be read',
      change: { caPem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' },
      path: 'caPem',
    },
    { title: 'a port that is none', change: { port: 0 }, path: 'port' },
    { title: 'a facility that is none', change: { facility: 24 }, path: 'facility' },
  ]
  for (const { title, change, path } of refusals) {
    test(title, () =>
      assert.rejects(ada.call('updateSyslog', { body: { ...plain, ...change }, ifMatch: 0 }), (error: unknown) => {
        assert.ok(error instanceof Error && 'problems' in error && Array.isArray(error.problems))
        assert.equal((error.problems as { path: string }[])[0]?.path, path)
        return true
      }),
    )
  }
  test('without the version that was read', () =>
    assert.rejects(ada.call('updateSyslog', { body: plain }), { code: 'PRECONDITION_REQUIRED' }))
  test('with another version', () =>
    assert.rejects(ada.call('updateSyslog', { body: plain, ifMatch: 7 }), { code: 'CHANGED' }))
  test('and none of them was stored', async () => assert.deepEqual((await show()).settings, null))
})

describe('sending', () => {
  test('every row comes in order; a receiver that breaks off gets the rest later, and nothing is lost', async () => {
    let port: number
    {
      await using receiver = await startReceiver({ most: 2 })
      ;({ port } = receiver)
      await set({ port })
      await until(async () => (await show()).status.problem !== null)
      assert.match((await show()).status.problem ?? '', /127\.0\.0\.1:\d+ is gone/)
      assert.deepEqual(receiver.connections[0], [1, 2])
      assert.equal((await show()).status.sentSeq, 0) // not known to have arrived: sent again
    }
    await until(async () => /cannot be reached: ECONNREFUSED/.test((await show()).status.problem ?? ''))
    await set({ port, facility: 13 }) // a row while nobody receives
    await using receiver = await startReceiver({ port })
    const last = await newest()
    await until(async () => (await show()).status.sentSeq === last)
    assert.deepEqual(receiver.connections, [upTo(last)])
    const { waiting, problem, sentAt } = (await show()).status
    assert.deepEqual([waiting, problem, typeof sentAt], [0, null, 'string'])
  })

  test('rows are sent again from where the administrator says', async () => {
    await using receiver = await startReceiver()
    await set({ port: receiver.port, resendFrom: 2 })
    const last = await newest()
    await until(async () => (await show()).status.sentSeq === last)
    assert.deepEqual(receiver.connections.at(-1), upTo(last).slice(1))
  })

  test('nothing is sent while it is off', async () => {
    await using receiver = await startReceiver()
    await set({ port: receiver.port, enabled: false })
    await sleep(1_300)
    assert.deepEqual(receiver.connections, [])
    assert.equal((await show()).status.waiting, 1)
  })

  test('over TLS: only to a receiver that a trusted CA names', async () => {
    const [ours, theirs] = [await createCa(), await createCa()]
    const issued = await ours.issueServer({ names: ['localhost', '127.0.0.1'] })
    await using receiver = await startReceiver({ tls: { key: issued.keyPem, cert: issued.certPem } })
    await set({ port: receiver.port, tls: true, caPem: theirs.certPem })
    await until(async () => (await show()).status.problem !== null)
    assert.match(
      (await show()).status.problem ?? '',
      /cannot be reached: [A-Z_]+(SIGNATURE|CERT|ISSUER|LOCALLY)[A-Z_]*/,
    )
    assert.deepEqual(receiver.connections.flat(), [])
    await set({ port: receiver.port, tls: true, host: 'localhost', caPem: ours.certPem })
    const last = await newest()
    await until(async () => (await show()).status.sentSeq === last)
    assert.equal(receiver.connections.flat().at(-1), last)
  })
})
