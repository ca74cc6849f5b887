/**
 * Attacks on one connection: requests behind requests, tunnels, resets at the worst moment. A worker carries hundreds
 * of phones, so one of them must not end it; and every request has one audit line, no more and no less.
 * @module
 */
import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { after, afterEach, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import type { AuditLine } from '@postern/harness/sentry-process'
import { eventCount, until, workerPids } from './support/observe.ts'
import { rawHead } from './support/raw-request.ts'

/** Until a line that must not come would be in the file. Milliseconds. */
const QUIET_MS = 300

let lab: Lab
let device: LabDevice
const open: RawClient[] = []

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false }, workers: 1 })
  device = lab.devices['ann-phone']
})
afterEach(async () => {
  for (const client of open.splice(0)) await client[Symbol.asyncDispose]()
  lab.exchange.clearScript()
  await delay(QUIET_MS)
  lab.exchange.clearReceived()
})
after(() => lab[Symbol.asyncDispose]())

async function connected(who: LabDevice | null = device): Promise<RawClient> {
  const client = await lab.raw(who)
  open.push(client)
  return client
}

/** The audit lines that come while something is done, and shortly after. */
async function linesOf(act: () => Promise<unknown>): Promise<AuditLine[]> {
  await delay(QUIET_MS)
  const before = (await lab.sentry.auditLines()).length
  await act()
  await delay(QUIET_MS)
  return (await lab.sentry.auditLines()).slice(before)
}

/** Ends TCP below TLS by a reset, as a phone that loses its radio does. */
function cut(client: RawClient): void {
  const tcp = (client.socket as unknown as { _parent: { resetAndDestroy(): void } })._parent
  tcp.resetAndDestroy()
}

describe('no-device-ends-a-worker', () => {
  const openings = {
    CONNECT: (): Promise<string> => Promise.resolve('CONNECT outlook.office365.com:443 HTTP/1.1\r\nHost: x\r\n\r\n'),
    'CONNECT with bytes behind it': (): Promise<string> =>
      Promise.resolve(`CONNECT a:443 HTTP/1.1\r\nHost: x\r\n\r\n${'\0'.repeat(100_000)}`),
    'no HTTP': (): Promise<string> => Promise.resolve('\x16\x03\x01\r\n\r\n'),
    'half a head': (): Promise<string> => Promise.resolve('POST /Microsoft-Server-ActiveSync HTTP/1.1\r\n'),
    Upgrade: (): Promise<string> =>
      Promise.resolve(`GET / HTTP/1.1\r\nHost: ${lab.sentryName}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`),
    'half a body': (): Promise<string> => rawHead(lab, device, { body: 1_000 }),
    'a chunk that is none': async (): Promise<string> =>
      `${await rawHead(lab, device, { command: 'SendMail', body: 'chunked' })}zz\r\n`,
  }
  for (const [title, opening] of Object.entries(openings)) {
    test(`${title}, then a reset: the same worker goes on`, async () => {
      const pids = await workerPids(lab.sentry)
      for (const wait of [0, 0, 1, 1, 5, 20]) {
        const client = await connected()
        void client.send(await opening())
        await delay(wait)
        cut(client)
      }
      await delay(QUIET_MS)
      assert.equal(eventCount(lab.sentry, 'worker-fault'), 0, lab.sentry.stderr().slice(-1500))
      assert.deepEqual(await workerPids(lab.sentry), pids)
    })
  }
})

describe('pipelined-requests-wait-or-end', () => {
  test('what stands behind a refused request on the same connection is not served', async () => {
    await lab.eas(device) // leaves an idle connection to the server, so that nothing has to be waited for
    lab.exchange.clearReceived()
    const client = await connected()
    const refused = (await rawHead(lab, device))
      .replace('Connection', 'X')
      .replace('Host:', 'Connection: x-hop\r\nHost:')
    await client.send(refused + (await rawHead(lab, device)))
    assert.equal((await client.readResponse()).status, 400)
    await client.closed
    await delay(QUIET_MS)
    assert.equal(lab.exchange.received.length, 0)
  })
  test('a hundred requests at once on one connection: one at a time with the server', async () => {
    lab.exchange.script({ match: 'FolderSync', times: Infinity, action: { kind: 'hang' } })
    const client = await connected()
    await client.send((await rawHead(lab, device)).repeat(100))
    await delay(1_000)
    assert.ok(lab.exchange.received.length <= 1, `${String(lab.exchange.received.length)} are with the server`)
  })
  test('a disguised coding in the second of two requests at once is not taken for a plain one', async () => {
    const client = await connected()
    const head = await rawHead(lab, device, { body: 'chunked' })
    const disguised = head.replace('Transfer-Encoding: chunked', 'Transfer-Encoding:\tchunked')
    await client.send((await rawHead(lab, device)) + disguised.slice(0, -2))
    await delay(100)
    await client.send('\r\n17\r\n\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'.replace('17', '1e'))
    await delay(QUIET_MS)
    const chunked = lab.exchange.received.filter(({ body }) => body.length > 0)
    assert.equal(chunked.length, 0)
  })
})

describe('one-request-one-audit-line', () => {
  test('Host is missing', async () => {
    const lines = await linesOf(async () => {
      const client = await connected()
      await client.send('GET /x HTTP/1.1\r\n\r\n')
      assert.equal((await client.readResponse()).status, 400)
    })
    assert.equal(lines.length, 1)
  })
  test('CONNECT', async () => {
    const lines = await linesOf(async () => {
      const client = await connected()
      await client.send('CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n')
      assert.equal((await client.readResponse()).status, 501)
    })
    assert.equal(lines.length, 1)
  })
  test('a phone is cut off while its Ping waits: one line, and it says so', async () => {
    lab.exchange.script({ match: 'Ping', action: { kind: 'hang' } })
    const lines = await linesOf(async () => {
      const client = await connected()
      await client.send(await rawHead(lab, device, { command: 'Ping' }))
      await until('it waits', () => lab.exchange.received.length === 1)
      cut(client)
    })
    assert.deepEqual(
      lines.map(({ reasons }) => reasons),
      [['CLIENT_GONE']],
    )
  })
  test('a connection without a request is cut off: no line', async () => {
    const lines = await linesOf(async () => {
      const client = await connected()
      await delay(50)
      cut(client)
    })
    assert.deepEqual(lines, [])
  })
  test('the framing of a body breaks: one line', async () => {
    const lines = await linesOf(async () => {
      const client = await connected()
      await client.send(`${await rawHead(lab, device, { command: 'SendMail', body: 'chunked' })}5\r\nhello\r\nzz\r\n`)
      await client.closed
    })
    assert.equal(lines.length, 1, JSON.stringify(lines.map(({ reasons }) => reasons)))
  })
  test('garbage behind a Ping that waits: one line for each', async () => {
    lab.exchange.script({ match: 'Ping', action: { kind: 'hang' } })
    const lines = await linesOf(async () => {
      const client = await connected()
      await client.send(await rawHead(lab, device, { command: 'Ping' }))
      await until('it waits', () => lab.exchange.received.length === 1)
      await client.send('\x00garbage\r\n\r\n')
      await client.closed
    })
    assert.equal(lines.length, 2)
  })
})

describe('local-listener-by-another-name', () => {
  const ask = (host: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTcp(lab.sentry.localPort, '127.0.0.1', () => {
        socket.write(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      })
      let text = ''
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
      socket.once('error', reject).once('end', () => {
        resolve(text)
      })
    })
  for (const host of [
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example:9464',
    'x@localhost',
  ])
    test(`a page that calls itself ${host} gets nothing`, async () => {
      assert.doesNotMatch(await ask(host), /postern_sentry/)
    })
  for (const host of ['127.0.0.1', 'localhost:9464', '[::1]:9464'])
    test(`${host} is served`, async () => assert.match(await ask(host), /postern_sentry_connections/))
})
