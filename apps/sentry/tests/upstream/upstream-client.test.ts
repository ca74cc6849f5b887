import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import type { UpstreamBody } from '../../src/transport/upstream/upstream-client.ts'
import type { PeerConnection } from './scripted-peer.ts'
import { newBench, textOf, until, wait } from './bench.ts'

const EMPTY_OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const MIB = 1_048_576
const quick = { connectMs: 5_000, responseHeadMs: 60, responseIdleMs: 60 }
const bytes = (text: string): UpstreamBody => ({ kind: 'bytes', bytes: Buffer.from(text) })

function pattern(length: number): Buffer {
  const buffer = Buffer.alloc(length)
  for (let i = 0; i < length; i++) buffer[i] = (i * 31 + (i >> 8)) & 0xff
  return buffer
}

const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex')

describe('responses that are failures', () => {
  const rows: { title: string; send: string; then: 'end' | 'reset' | 'nothing'; code: string }[] = [
    { title: 'closed without a word', send: '', then: 'end', code: 'UPSTREAM_RESET' },
    { title: 'reset without a word (T75)', send: '', then: 'reset', code: 'UPSTREAM_RESET' },
    { title: 'closed inside the head', send: 'HTTP/1.1 200 OK\r\nCont', then: 'end', code: 'UPSTREAM_RESET' },
    {
      title: 'closed after an interim response',
      send: 'HTTP/1.1 100 Continue\r\n\r\n',
      then: 'end',
      code: 'UPSTREAM_RESET',
    },
    { title: 'not HTTP', send: '220 mail.test ESMTP\r\n\r\n', then: 'nothing', code: 'UPSTREAM_MALFORMED' },
    {
      title: 'bare LF, refused before the head ends',
      send: 'HTTP/1.1 200 OK\n',
      then: 'nothing',
      code: 'UPSTREAM_MALFORMED',
    },
    {
      title: 'length and chunked',
      send: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      then: 'nothing',
      code: 'UPSTREAM_MALFORMED',
    },
    {
      title: 'response splitting (A31)',
      send: 'HTTP/1.1 200 OK\r\nX-MS-Location: a\nSet-Cookie: b\r\n\r\n',
      then: 'nothing',
      code: 'UPSTREAM_MALFORMED',
    },
    { title: 'no head in time', send: '', then: 'nothing', code: 'UPSTREAM_TIMEOUT' },
    { title: 'half a head in time', send: 'HTTP/1.1 200 OK\r\nA: b\r\n', then: 'nothing', code: 'UPSTREAM_TIMEOUT' },
    { title: 'interim responses only', send: 'HTTP/1.1 102 Wait\r\n\r\n', then: 'nothing', code: 'UPSTREAM_TIMEOUT' },
  ]
  for (const { title, send, then, code } of rows)
    test(title, async () => {
      await using bench = await newBench()
      const call = bench.client.request(bench.request({ body: bytes('B0DY'), timeouts: quick }))
      const connection = await bench.peer.connection()
      await connection.take('B0DY')
      if (send !== '') connection.send(send)
      if (then === 'end') connection.socket.end()
      if (then === 'reset') connection.reset()
      await assert.rejects(call.response, { name: 'UpstreamError', code, sent: true })
      await connection.untilClosed()
      assert.equal(bench.peer.dialled, 1) // nothing was sent again (A36)
      assert.equal(connection.kept, '')
      await until(() => bench.client.stats().active === 0)
    })

  const bodies: { title: string; send: string; then: 'end' | 'reset' | 'nothing'; code: string }[] = [
    {
      title: 'upstream-reset-mid-body',
      send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
      then: 'reset',
      code: 'UPSTREAM_RESET',
    },
    {
      title: 'closed mid body',
      send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
      then: 'end',
      code: 'UPSTREAM_RESET',
    },
    {
      title: 'closed mid chunk',
      send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello',
      then: 'end',
      code: 'UPSTREAM_RESET',
    },
    {
      title: 'no last chunk',
      send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      then: 'end',
      code: 'UPSTREAM_RESET',
    },
    {
      title: 'bad second chunk, in the same write',
      send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz',
      then: 'nothing',
      code: 'UPSTREAM_MALFORMED',
    },
    {
      title: 'body stands still',
      send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
      then: 'nothing',
      code: 'UPSTREAM_TIMEOUT',
    },
  ]
  for (const { title, send, then, code } of bodies)
    test(title, async () => {
      await using bench = await newBench()
      const call = bench.client.request(bench.request({ timeouts: { ...quick, responseHeadMs: 5_000 } }))
      const connection = await bench.peer.connection()
      await connection.take('\r\n\r\n')
      connection.send(send)
      const response = await call.response
      assert.equal(response.status, 200)
      if (then === 'end') connection.socket.end()
      if (then === 'reset') setTimeout(() => connection.reset(), 10)
      await assert.rejects(textOf(response.body), { code, sent: true })
      await connection.untilClosed()
    })
})

describe('responses', () => {
  test('arrive whatever the pieces', async () => {
    await using bench = await newBench()
    const text =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n'
    let connection: PeerConnection | null = null
    for (let at = 1; at < text.length; at++) {
      const call = bench.client.request(bench.request())
      connection ??= await bench.peer.connection()
      await connection.take('\r\n\r\n')
      connection.send(text.slice(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      connection.send(text.slice(at))
      const response = await call.response
      assert.deepEqual([response.status, response.bodyLength, await textOf(response.body)], [200, null, 'abcde'])
    }
    assert.equal(bench.peer.dialled, 1)
  })

  test('end with the connection when nothing else ends them', async () => {
    await using bench = await newBench()
    const call = bench.client.request(bench.request())
    const connection = await bench.peer.connection()
    connection.send('HTTP/1.0 200 OK\r\n\r\nhello')
    const response = await call.response
    connection.socket.end(' world')
    assert.equal(response.bodyLength, null)
    assert.equal(await textOf(response.body), 'hello world')
  })

  for (const status of [204, 304])
    test(`${status} has no body and frees the connection`, async () => {
      await using bench = await newBench()
      const call = bench.client.request(bench.request())
      const connection = await bench.peer.connection()
      await connection.take('\r\n\r\n')
      connection.send(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`)
      const response = await call.response
      assert.deepEqual([response.status, response.bodyLength, await textOf(response.body)], [status, 0, ''])
      assert.equal(bench.client.stats().idle, 1)
    })

  test('of a Ping may be silent for longer than any other timeout', async () => {
    await using bench = await newBench()
    const call = bench.client.request(
      bench.request({ timeouts: { connectMs: 50, responseHeadMs: 5_000, responseIdleMs: 20 } }),
    )
    const connection = await bench.peer.connection()
    await connection.take('\r\n\r\n')
    await wait(150)
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.equal(await textOf((await call.response).body), 'ok')
  })

  test('a slow reader holds the server back: less than 1 MiB is buffered', async () => {
    await using bench = await newBench()
    const total = 16 * MIB
    const timeouts = { ...quick, responseHeadMs: 5_000, responseIdleMs: 300 }
    const call = bench.client.request(bench.request({ timeouts }))
    const connection = await bench.peer.connection()
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
    let given = 0
    const piece = pattern(65_536)
    const source = new Readable({
      read() {
        given += piece.length
        this.push(given <= total ? piece : null)
      },
    })
    source.pipe(connection.socket, { end: false })
    const { body } = await call.response
    body.once('readable', () => undefined)
    const inKernel = await settled(() => given)
    assert.ok(given < total, 'the server was never held back')
    assert.ok(body.readableLength <= MIB, `${body.readableLength} bytes buffered`)
    await wait(500) // longer than responseIdleMs: our own pause is not the server's silence
    assert.equal(given, inKernel)
    let received = 0
    for await (const chunk of body) received += (chunk as Buffer).length
    assert.equal(received, total)
  })
})

/** The value once it has not changed for a while. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1; ;) {
    const now = value()
    if (now === last) return now
    last = now
    await wait(40)
  }
}

describe('requests', () => {
  test('head and first bytes go in one write; exactly what was asked is sent', async () => {
    await using bench = await newBench()
    const call = bench.client.request(bench.request({ body: bytes('hello') }))
    const connection = await bench.peer.connection()
    assert.equal(
      await connection.take('hello'),
      'POST /Microsoft-Server-ActiveSync?Cmd=Ping HTTP/1.1\r\nHost: mail.test\r\nAuthorization: Bearer x\r\nContent-Length: 5\r\n\r\nhello',
    )
    assert.equal(call.sent(), true)
    connection.send(EMPTY_OK)
    await textOf((await call.response).body)
  })

  const chunkings: { title: string; chunks: string[]; length: number | null; wire: string }[] = [
    { title: 'counted stream', chunks: ['ab', 'cde'], length: 5, wire: 'Content-Length: 5\r\n\r\nabcde' },
    { title: 'empty counted stream', chunks: [], length: 0, wire: 'Content-Length: 0\r\n\r\n' },
    {
      title: 'chunked stream',
      chunks: ['ab', 'cdefghijklmnopqrs'],
      length: null,
      wire: 'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n11\r\ncdefghijklmnopqrs\r\n0\r\n\r\n',
    },
    { title: 'empty chunked stream', chunks: [], length: null, wire: 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
  ]
  for (const { title, chunks, length, wire } of chunkings)
    test(title, async () => {
      await using bench = await newBench()
      const source = Readable.from(
        chunks.map((chunk) => Buffer.from(chunk)),
        { objectMode: false },
      )
      const call = bench.client.request(bench.request({ body: { kind: 'stream', source, length }, affinity: 'ann' }))
      const connection = await bench.peer.connection()
      const received = await connection.take(wire)
      assert.ok(received.endsWith(`Bearer x\r\n${wire}`), received)
      connection.send(EMPTY_OK)
      await textOf((await call.response).body)
      assert.equal(bench.client.stats().idle, 1)
    })

  for (const kind of ['bytes', 'counted', 'chunked'] as const)
    test(`1 MiB both ways, ${kind}`, async () => {
      await using bench = await newBench()
      const data = pattern(MIB)
      const source = Readable.from([data.subarray(0, 300_000), data.subarray(300_000)], { objectMode: false })
      const body: UpstreamBody =
        kind === 'bytes' ? { kind, bytes: data } : { kind: 'stream', source, length: kind === 'counted' ? MIB : null }
      const call = bench.client.request(bench.request({ body }))
      const connection = await bench.peer.connection()
      const head = await connection.take('\r\n\r\n')
      await connection.untilReceived(head.length + MIB + (kind === 'chunked' ? 23 : 0))
      if (kind === 'chunked') assert.ok(connection.kept.endsWith('\r\n0\r\n\r\n'))
      else assert.equal(sha(Buffer.from(connection.kept, 'latin1')), sha(data))
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${MIB}\r\n\r\n`)
      connection.send(data)
      const response = await call.response
      assert.equal(response.bodyLength, MIB)
      assert.equal(sha(Buffer.from(await textOf(response.body), 'latin1')), sha(data))
      assert.equal(bench.client.stats().idle, 1)
    })

  test('a server that reads slowly holds the source back', async () => {
    await using bench = await newBench()
    let given = 0
    const piece = pattern(65_536)
    const total = 16 * MIB
    const source = new Readable({
      read() {
        if (given === total) return void this.push(null)
        given += piece.length
        this.push(piece)
      },
    })
    const call = bench.client.request(bench.request({ body: { kind: 'stream', source, length: total } }))
    const connection = await bench.peer.connection()
    connection.socket.pause()
    await settled(() => given)
    assert.ok(given < total, 'the source was never held back')
    connection.socket.resume()
    const head = await connection.take('\r\n\r\n')
    await connection.untilReceived(head.length + total)
    connection.send(EMPTY_OK)
    await textOf((await call.response).body)
  })

  test('a server that stops reading is given up', async () => {
    await using bench = await newBench()
    const source = new Readable({ read() { this.push(pattern(65_536)) } }) // prettier-ignore
    const call = bench.client.request(bench.request({ body: { kind: 'stream', source, length: 1e9 }, timeouts: quick }))
    const connection = await bench.peer.connection()
    connection.socket.pause()
    await assert.rejects(call.response, { code: 'UPSTREAM_TIMEOUT', sent: true })
    assert.equal(source.destroyed, false) // it is its owner's
    source.destroy()
  })

  test('an early response is delivered while the body still comes; the connection is not used again', async () => {
    await using bench = await newBench()
    const source = new PassThrough()
    const call = bench.client.request(bench.request({ body: { kind: 'stream', source, length: 100 } }))
    source.write('first')
    const connection = await bench.peer.connection()
    await connection.take('first')
    connection.send('HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nha')
    const response = await call.response
    assert.equal(response.status, 413)
    source.write('second')
    await connection.take('second')
    connection.send('ha')
    assert.equal(await textOf(response.body), 'haha')
    await connection.untilClosed()
    assert.equal(bench.client.stats().idle, 0)
    source.destroy(new Error('nobody minds'))
  })

  const failures: { title: string; feed: (source: PassThrough) => void; length: number | null }[] = [
    { title: 'longer than its length', feed: (source) => source.write('x'.repeat(11)), length: 10 },
    { title: 'shorter than its length', feed: (source) => source.end('x'), length: 10 },
    { title: 'fails', feed: (source) => source.destroy(new Error('phone left')), length: 10 },
    { title: 'is closed without an end', feed: (source) => source.destroy(), length: null },
  ]
  for (const { title, feed, length } of failures)
    test(`a body that ${title}`, async () => {
      await using bench = await newBench()
      const early = new PassThrough()
      const never = bench.client.request(bench.request({ body: { kind: 'stream', source: early, length } }))
      feed(early)
      await assert.rejects(never.response, { code: 'REQUEST_BODY_FAILED', sent: false })
      assert.equal(bench.peer.dialled, 0)
      const source = new PassThrough()
      const call = bench.client.request(bench.request({ body: { kind: 'stream', source, length } }))
      source.write('12345')
      const connection = await bench.peer.connection()
      await connection.take('12345')
      feed(source)
      await assert.rejects(call.response, { code: 'REQUEST_BODY_FAILED', sent: true })
      await connection.untilClosed()
      assert.ok(!connection.kept.includes('0\r\n\r\n'), 'an aborted body must not look complete')
    })
})

describe('connections', () => {
  test('are reused, the last used first', async () => {
    await using bench = await newBench()
    const { client, peer } = bench
    const [one, two] = [client.request(bench.request()), client.request(bench.request())]
    const [first, second] = [await peer.connection(), await peer.connection()]
    for (const [i, connection] of [first, second].entries()) {
      await connection.take('\r\n\r\n')
      connection.send(EMPTY_OK)
      await until(() => client.stats().idle === i + 1)
    }
    await Promise.all([one, two].map(async (call) => textOf((await call.response).body)))
    for (let i = 0; i < 3; i++) {
      const call = client.request(bench.request())
      await second.take('\r\n\r\n')
      second.send(EMPTY_OK)
      await textOf((await call.response).body)
    }
    assert.deepEqual(client.stats(), { active: 0, connecting: 0, idle: 2, opened: 2, reused: 3, resumed: 0 })
    assert.equal(first.kept, '')
  })

  test('are not shared between users with an affinity (A1)', async () => {
    await using bench = await newBench()
    for (const affinity of ['ann', 'bob', null, 'ann']) {
      const call = bench.client.request(bench.request({ affinity, headers: [['X', affinity ?? '-']] }))
      if (bench.client.stats().reused === 0) (await bench.peer.connection()).send(EMPTY_OK)
      else call.abort()
      await call.response.then(({ body }) => textOf(body)).catch(() => '')
    }
    assert.equal(bench.peer.accepted, 3)
    assert.equal(bench.client.stats().reused, 1)
  })

  const spoiled: { title: string; response: string }[] = [
    { title: 'after Connection: close', response: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' },
    { title: 'after HTTP/1.0', response: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n' },
    { title: 'after a surplus byte', response: `${EMPTY_OK}x` },
    { title: 'after a second response (queue poisoning)', response: `${EMPTY_OK}${EMPTY_OK}` },
  ]
  for (const { title, response } of spoiled)
    test(`are not used ${title}`, async () => {
      await using bench = await newBench()
      const call = bench.client.request(bench.request())
      const connection = await bench.peer.connection()
      await connection.take('\r\n\r\n')
      connection.send(response)
      await textOf((await call.response).body)
      await connection.untilClosed()
      assert.equal(bench.client.stats().idle, 0)
    })

  test('that speak or end while idle are closed, and the next request opens another', async () => {
    await using bench = await newBench()
    for (const spoil of ['bytes', 'end', 'reset'] as const) {
      const call = bench.client.request(bench.request())
      const connection = await bench.peer.connection()
      await connection.take('\r\n\r\n')
      connection.send(EMPTY_OK)
      await textOf((await call.response).body)
      assert.equal(bench.client.stats().idle, 1)
      if (spoil === 'bytes') connection.send(EMPTY_OK)
      else if (spoil === 'end') connection.socket.end()
      else connection.reset()
      await until(() => bench.client.stats().idle === 0)
      await connection.untilClosed()
    }
    assert.equal(bench.peer.accepted, 3)
  })

  test('age out and are limited in number', async () => {
    await using bench = await newBench({ maxIdlePerPool: 2, idleMs: 60 })
    const calls = [1, 2, 3].map(() => bench.client.request(bench.request()))
    for (const _ of calls) (await bench.peer.connection()).send(EMPTY_OK)
    await Promise.all(calls.map(async (call) => textOf((await call.response).body)))
    assert.equal(bench.client.stats().idle, 2)
    await until(() => bench.client.stats().idle + bench.client.stats().active === 0)
  })

  test('a body that is not wanted closes its connection', async () => {
    await using bench = await newBench()
    const call = bench.client.request(bench.request())
    const connection = await bench.peer.connection()
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    ;(await call.response).body.destroy()
    await connection.untilClosed()
  })

  test('abort closes at once: waiting, in the body, and after a complete response', async () => {
    await using bench = await newBench()
    const waiting = bench.client.request(bench.request())
    const first = await bench.peer.connection()
    await first.take('\r\n\r\n')
    waiting.abort()
    waiting.abort()
    await assert.rejects(waiting.response, { code: 'UPSTREAM_ABORTED', sent: true })
    await first.untilClosed()

    const inBody = bench.client.request(bench.request())
    const second = await bench.peer.connection()
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    const { body } = await inBody.response
    const copied = pipeline(body, new PassThrough().resume())
    inBody.abort()
    await assert.rejects(copied, { code: 'UPSTREAM_ABORTED' })
    await second.untilClosed()

    const complete = bench.client.request(bench.request())
    const third = await bench.peer.connection()
    await third.take('\r\n\r\n')
    third.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const response = await complete.response
    await until(() => bench.client.stats().idle === 1)
    complete.abort()
    await assert.rejects(textOf(response.body), { code: 'UPSTREAM_ABORTED' })
    assert.equal(bench.client.stats().idle, 1)
  })

  test('close ends everything, and later requests fail', async () => {
    await using bench = await newBench()
    const call = bench.client.request(bench.request())
    const connection = await bench.peer.connection()
    bench.client.close()
    await assert.rejects(call.response, { code: 'UPSTREAM_ABORTED' })
    await connection.untilClosed()
    await assert.rejects(bench.client.request(bench.request()).response, { code: 'UPSTREAM_ABORTED', sent: false })
    await assert.rejects(bench.client.probe({ host: 'mail.test', port: bench.peer.port }, 100), {
      code: 'UPSTREAM_ABORTED',
    })
    assert.deepEqual(bench.client.stats(), { ...bench.client.stats(), active: 0, idle: 0, connecting: 0 })
  })

  test('what cannot be written is our bug, at once', async () => {
    await using bench = await newBench()
    assert.throws(() => bench.client.request(bench.request({ headers: [['A', 'b\r\nC: d']] })), TypeError)
    assert.throws(() => bench.client.request(bench.request({ timeouts: { ...quick, connectMs: 0 } })), TypeError)
    assert.equal(bench.peer.dialled, 0)
  })
})
