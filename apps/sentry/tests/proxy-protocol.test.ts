import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { AuditLine } from '@postern/harness/sentry-process'
import * as proxy from './support/proxy-protocol.ts'
import { rawHead } from './support/raw-request.ts'

/** 3 s are allowed; a timer is a little late. Milliseconds. */
const DROPPED_WITHIN = 3_300
const UNTRUSTED = 'untrusted.example.com'

describe('PROXY protocol version 2', { concurrency: true }, () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({ config: { listen: { proxyProtocolFrom: ['127.0.0.1/32'] } } })
    await lab.addSentry(UNTRUSTED, { config: { listen: { proxyProtocolFrom: ['10.0.0.0/8', '192.0.2.1'] } } })
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T107 without a header: dropped at its first byte', async () => {
    const ms = await dropped(await proxy.dial(lab.sentry.port), [
      Buffer.from('16 03 01 02 00 01'.replaceAll(' ', ''), 'hex'),
    ])
    assert.ok(ms < 1_000, `after ${ms} ms`)
  })

  test('T107 a phone that speaks TLS at once gets no handshake', async () => {
    await assert.rejects(lab.raw(lab.devices['ann-phone']), { code: 'CONNECT' })
  })

  for (const [title, bytes] of proxy.BAD) {
    test(`T107 ${title}: dropped`, async () => {
      const ms = await dropped(await proxy.dial(lab.sentry.port), [bytes])
      assert.ok(ms < 1_000, `after ${ms} ms`)
    })
  }

  for (const [title, bytes] of [
    ['no byte at all', Buffer.alloc(0)],
    ['half a signature', proxy.FROM_IPV4.subarray(0, 6)],
    ['a header without its last byte', proxy.FROM_IPV4.subarray(0, -1)],
  ] as const) {
    test(`T107 ${title}: dropped within 3 s`, async () => {
      const ms = await dropped(await proxy.dial(lab.sentry.port), [bytes])
      assert.ok(ms > 2_000 && ms < DROPPED_WITHIN, `after ${ms} ms`)
    })
  }

  test('T107 a header whose bytes trickle gets no more time', async () => {
    const pieces = Array.from(proxy.FROM_IPV4, (byte) => Buffer.of(byte))
    const ms = await dropped(await proxy.dial(lab.sentry.port), pieces, 400)
    assert.ok(ms > 2_000 && ms < DROPPED_WITHIN, `after ${ms} ms`)
  })

  test('T107 a good header from a source that is not trusted: dropped', async () => {
    const { port } = lab.net.lookup(UNTRUSTED, 443)
    const ms = await dropped(await proxy.dial(port), [proxy.FROM_IPV4])
    assert.ok(ms < 1_000, `after ${ms} ms`)
  })

  for (const [title, bytes, remote] of [
    ['IPv4', proxy.FROM_IPV4, '203.0.113.7'],
    ['IPv6', proxy.FROM_IPV6, '2001:db8:0:0:0:0:0:7'],
    ['IPv4 with a TLV', proxy.WITH_TLV, '203.0.113.7'],
    ['LOCAL', proxy.LOCAL, '127.0.0.1'],
  ] as const) {
    test(`T107 a good header, ${title}: the audit line names ${remote}`, async () => {
      const line = await served(lab.devices['ann-phone'], bytes)
      assert.equal(line.remote, remote)
      assert.equal(line.status, 200)
      assert.equal(line.device, 'ann-phone')
    })
  }

  test('T107 a good header in single bytes', async () => {
    const device = lab.devices['ann-tablet']
    const tcp = await proxy.dial(lab.sentry.port)
    for (const byte of proxy.FROM_IPV4) {
      tcp.write(Buffer.of(byte))
      await delay(5)
    }
    tcp.pause()
    tcp.removeAllListeners('error')
    assert.equal((await request(device, await proxy.handshake(tcp, options(device)))).remote, '203.0.113.7')
  })

  test('T107 a good header in one segment with the ClientHello', async () => {
    const device = lab.devices['bob-phone']
    const tcp = await proxy.dial(lab.sentry.port)
    const socket = await proxy.tlsInOneSegment(tcp, proxy.FROM_IPV4, options(device))
    assert.equal((await request(device, socket)).remote, '203.0.113.7')
  })

  test('T107 a second header inside is not taken for one', async () => {
    const tcp = await proxy.dial(lab.sentry.port)
    const ms = await dropped(tcp, [Buffer.concat([proxy.FROM_IPV4, proxy.FROM_IPV6])])
    assert.ok(ms < DROPPED_WITHIN, `after ${ms} ms`)
  })

  async function served(device: LabDevice, preamble: Buffer): Promise<AuditLine> {
    await using client = await lab.raw(device, { preamble })
    await client.send(await rawHead(lab, device))
    const id = (await client.readResponse()).header('x-request-id')
    return await lab.sentry.waitForAudit((line) => line.id === id)
  }

  async function request(device: LabDevice, socket: Awaited<ReturnType<typeof proxy.handshake>>): Promise<AuditLine> {
    socket.write(await rawHead(lab, device))
    const [first] = (await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
    socket.destroy()
    const id = /x-request-id: (\S+)/i.exec(first.toString('latin1'))?.[1]
    assert.ok(id !== undefined)
    return lab.sentry.waitForAudit((line) => line.id === id)
  }

  function options(device: LabDevice): proxy.TlsOver {
    const { certPem: cert, keyPem: key } = device.identity
    return { ca: lab.net.ca, servername: lab.sentryName, cert, key }
  }
})

/** Sends the pieces and waits for the end; milliseconds from the first piece. */
async function dropped(socket: Socket, pieces: readonly Buffer[], everyMs = 0): Promise<number> {
  const since = performance.now()
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(6_000) })
  for (const piece of pieces) {
    if (socket.writable && piece.length > 0) socket.write(piece)
    if (everyMs > 0) await Promise.race([delay(everyMs), closed])
  }
  await closed
  return performance.now() - since
}
