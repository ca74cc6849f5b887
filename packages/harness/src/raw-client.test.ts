import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createServer } from 'node:tls'
import type { Server, TLSSocket } from 'node:tls'
import { createCa } from './ca.ts'
import { connectRaw } from './raw-client.ts'
import type { RawClient, RawClientOptions } from './raw-client.ts'

describe('raw client', () => {
  let server: Server
  let ca = ''
  let device = { cert: '', key: '' }
  const arrivals: TLSSocket[] = []

  before(async () => {
    const authority = await createCa()
    ca = authority.certPem
    const { certPem, keyPem } = await authority.issueServer({ names: ['sentry.example.com'] })
    const issued = await authority.issueDevice({ upn: 'ann@example.com' })
    device = { cert: issued.certPem, key: issued.keyPem }
    server = createServer({
      cert: certPem,
      key: keyPem,
      ca,
      requestCert: true,
      allowHalfOpen: true,
      ALPNProtocols: ['http/1.1'],
    })
    server.on('secureConnection', (socket) => {
      arrivals.push(socket)
      socket.on('error', () => socket.destroy())
    })
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => {
    for (const socket of arrivals) socket.destroy()
    server.close()
  })

  const open = async (options: Partial<RawClientOptions> = {}): Promise<{ client: RawClient; peer: TLSSocket }> => {
    const { port } = server.address() as AddressInfo
    const client = await connectRaw({ port, ca, ...device, ...options })
    while (arrivals.length === 0) await once(server, 'secureConnection')
    const peer = arrivals.shift()
    assert.ok(peer)
    return { client, peer }
  }

  const failures: { title: string; act: (client: RawClient, peer: TLSSocket) => void; code: string }[] = [
    { title: 'no answer', act: () => undefined, code: 'TIMEOUT' },
    { title: 'half an answer, then the end', act: (_c, peer) => peer.end('HTTP/1.1 200 OK\r\n'), code: 'CLOSED' },
    { title: 'a connection cut', act: (_c, peer) => peer.destroy(), code: 'CLOSED' },
    { title: 'an answer that is no HTTP', act: (_c, peer) => peer.write('SSH-2.0-x\r\n\r\n'), code: 'MALFORMED' },
  ]
  for (const { title, act, code } of failures) {
    test(`${title} is ${code}`, async () => {
      const { client, peer } = await open()
      await using _closing = client
      act(client, peer)
      await assert.rejects(client.readResponse({ timeoutMs: 200 }), { name: 'RawClientError', code })
      peer.destroy()
    })
  }

  test('a server of another CA is not spoken to', async () => {
    const other = await createCa()
    const { port } = server.address() as AddressInfo
    await assert.rejects(connectRaw({ port, ca: other.certPem }), { code: 'CONNECT' })
  })

  test('sends exactly its bytes, reads answers one by one, and tells when it ended', async () => {
    const { client, peer } = await open({ servername: 'not.the.name', alpn: ['h2', 'http/1.1'] })
    await client.send('GET / HTTP/1.1\nA:\u00ff\r\n')
    assert.equal(String(peer.servername), 'not.the.name')
    assert.equal(client.alpn, 'http/1.1')
    assert.equal(((await once(peer, 'data')) as [Buffer])[0].toString('latin1'), 'GET / HTTP/1.1\nA:\u00ff\r\n')
    peer.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.equal((await client.readResponse()).status, 100)
    assert.equal((await client.readResponse()).body.toString(), 'ok')
    client.halfClose()
    assert.equal((await client.closed).error, null)
  })

  test('half close: the server sees the end and can still answer', async () => {
    const { client, peer } = await open()
    await using _closing = client
    peer.resume()
    client.halfClose()
    await once(peer, 'end')
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    assert.equal((await client.readResponse()).status, 200)
  })

  test('sends slowly, and stops when the connection is gone', async () => {
    const { client, peer } = await open()
    const since = performance.now()
    await Promise.all([client.sendSlowly('abcdef', 100), once(peer, 'data')])
    assert.ok(performance.now() - since >= 50)
    peer.destroy()
    await client.sendSlowly('x'.repeat(1_000), 1_000)
    await client.closed
    assert.ok(performance.now() - since < 2_000)
  })

  test('a closed window holds the server back', async () => {
    const { client, peer } = await open()
    client.pauseReading()
    const chunk = Buffer.alloc(1 << 20)
    let written = 0
    while (peer.write(chunk) && written < 64) written += 1
    const drained = await Promise.race([
      once(peer, 'drain').then(() => true),
      new Promise((r) => setTimeout(r, 150, false)),
    ])
    assert.equal(drained && peer.writableLength === 0 && written >= 64, false)
    client.destroy()
    peer.destroy()
  })

  test('resumes a session under either version of TLS', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await open({ maxVersion })
      first.peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      await first.client.readResponse()
      const session = await first.client.session()
      first.client.destroy()
      const second = await open({ maxVersion, session })
      assert.equal(second.client.resumed, true, maxVersion)
      second.client.destroy()
    }
  })
})
