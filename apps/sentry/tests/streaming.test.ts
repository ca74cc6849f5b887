import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { SentryProcess } from '@postern/harness/sentry-process'
import { settledRss, workersRss } from './support/process-memory.ts'
import { rawHead, rawTo } from './support/raw-request.ts'

const MIB = 1_048_576
const MAIL_BYTES = 30 * MIB
const SLOW = 'slow.example.com'

describe('large bodies, one worker', () => {
  let lab: Lab
  let server: SlowServer
  let sentry: SentryProcess
  before(async () => {
    lab = await startLab({ workers: 1 })
    server = await startSlowServer(lab)
    const activeSync = { servers: [`outlook.office.com:${server.port}`] }
    sentry = await lab.addSentry(SLOW, { config: { activeSync }, workers: 1 })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  test('T98 a chunked SendMail of 30 MB is streamed to a slow server: less than 10 MB of memory', async () => {
    await sendMail(lab.devices['ann-phone']) // the first one makes the process grow to its working size
    const before = await settledRss(sentry.pid)
    const watch = watchRss(sentry.pid)
    await sendMail(lab.devices['bob-phone'])
    const most = await watch()
    const settled = await settledRss(sentry.pid)
    assert.ok(settled - before < 10 * MIB, `settled at ${(settled - before) / MIB} MB more`)
    assert.ok(most - before < 24 * MIB, `${(most - before) / MIB} MB more on the way: it was not streamed`)
  })

  test('T52 a body that would inflate to 256 MB costs no memory', async () => {
    const body = gzipSync(Buffer.alloc(256 * MIB), { level: 9 })
    assert.ok(body.length < 262_144, 'small enough for its size alone not to be refused')
    const before = await settledRss(lab.sentry.pid, 5)
    const watch = watchRss(lab.sentry.pid)
    const reply = await lab.eas(lab.devices['ann-phone'], { body, headers: { 'Content-Encoding': 'gzip' } })
    assert.equal(reply.status, 415)
    assert.equal(lab.exchange.receivedCount, 0)
    assert.ok((await watch()) - before < 32 * MIB)
  })

  /** Sends 30 MB in chunks of 64 KiB; the server must get every byte in order, and not all at once. */
  async function sendMail(device: LabDevice): Promise<void> {
    const hash = createHash('sha256')
    await using client = await rawTo(lab, sentry.port, device, SLOW)
    await client.send(await rawHead(lab, device, { command: 'SendMail', body: 'chunked', host: SLOW }))
    let ahead = 0
    for (let sent = 0; sent < MAIL_BYTES; sent += 65_536) {
      const chunk = Buffer.alloc(65_536, sent >> 16)
      hash.update(chunk)
      await client.send(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]))
      ahead = Math.max(ahead, sent - server.receivedBytes())
    }
    await client.send('0\r\n\r\n')
    const reply = await client.readResponse({ timeoutMs: 30_000 })
    assert.equal(reply.status, 200)
    assert.equal(reply.body.toString(), hash.digest('hex'))
    assert.ok(ahead < MAIL_BYTES - MIB, `the device was ${ahead} bytes ahead of the server`)
  }
})

/** Starts sampling; the returned function ends it and tells the most there was. */
function watchRss(pid: number): () => Promise<number> {
  const end = new AbortController()
  const sampling = (async () => {
    let seen = 0
    while (!end.signal.aborted) {
      seen = Math.max(seen, await workersRss(pid))
      await delay(20)
    }
    return seen
  })()
  return () => {
    end.abort()
    return sampling
  }
}

interface SlowServer extends AsyncDisposable {
  port: number
  /** Body bytes of the request that came last. */
  receivedBytes(): number
}

/** A mail server that takes 64 KiB at a time, about 15 MB a second, and answers with the SHA-256 of the body. */
async function startSlowServer(lab: Lab): Promise<SlowServer> {
  const cert = await lab.serverCa.issueServer({ names: ['outlook.office.com'] })
  let bytes = 0
  const digest = async (incoming: IncomingMessage): Promise<string> => {
    bytes = 0
    const hash = createHash('sha256')
    for await (const chunk of incoming) {
      hash.update(chunk as Buffer)
      const earlier = Math.floor(bytes / 65_536)
      bytes += (chunk as Buffer).length
      if (Math.floor(bytes / 65_536) > earlier) await delay(4)
    }
    return hash.digest('hex')
  }
  const server: Server = createServer({ cert: cert.certPem, key: cert.keyPem }, (incoming, outgoing) => {
    digest(incoming).then(
      (text) => outgoing.end(text),
      () => outgoing.destroy(),
    )
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    receivedBytes: () => bytes,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
