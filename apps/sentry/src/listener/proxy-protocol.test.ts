import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { decodeProxyHeader, isListed, takeProxyHeader, toBlockList } from './proxy-protocol.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
/** 192.0.2.7:1000 to 198.51.100.1:443; proxy-protocol.txt 2.2. */
const IPV4 = hex(`${SIGNATURE} 21 11 000c c0000207 c6336401 03e8 01bb`)
const IPV6 = hex(`${SIGNATURE} 21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 03e8 01bb`)
const WITH_TLV = hex(`${SIGNATURE} 21 11 0011 c0000207 c6336401 03e8 01bb 04 0002 abcd`)
const LOCAL = hex(`${SIGNATURE} 20 00 0000`)

describe('PROXY protocol version 2, 2.2', () => {
  const rejects: readonly (readonly [title: string, bytes: Buffer])[] = [
    ['T107 absent: TLS begins at once', hex('16030100')],
    ['T107 bad signature', hex('0d0a0d0a000d0a515549540b 21 11 000c')],
    ['T107 bad signature in its first byte', hex('00')],
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 1000 443\r\n')],
    ['version 1 in the version nibble', hex(`${SIGNATURE} 11 11 000c c0000207 c6336401 03e8 01bb`)],
    ['version 3', hex(`${SIGNATURE} 31 11 000c c0000207 c6336401 03e8 01bb`)],
    ['command 2', hex(`${SIGNATURE} 22 11 000c c0000207 c6336401 03e8 01bb`)],
    ['T107 length 65535', hex(`${SIGNATURE} 21 11 ffff`)],
    ['length 4097', hex(`${SIGNATURE} 21 11 1001`)],
    ['LOCAL with length 65535', hex(`${SIGNATURE} 20 00 ffff`)],
    ['datagrams', hex(`${SIGNATURE} 21 12 000c c0000207 c6336401 03e8 01bb`)],
    ['unix sockets', Buffer.concat([hex(`${SIGNATURE} 21 31 00d8`), Buffer.alloc(216)])],
    ['IPv4 too short', hex(`${SIGNATURE} 21 11 000b c0000207 c6336401 03e8 01`)],
    ['IPv6 too short', hex(`${SIGNATURE} 21 21 000c c0000207 c6336401 03e8 01bb`)],
  ]
  for (const [title, bytes] of rejects) test(title, () => assert.deepEqual(decodeProxyHeader(bytes), { kind: 'bad' }))
  const accepts: readonly (readonly [title: string, bytes: Buffer, remote: string | null])[] = [
    ['no family: the balancer does not know', hex(`${SIGNATURE} 21 00 0000`), null],
    ['IPv4', IPV4, '192.0.2.7'],
    ['IPv6', IPV6, '2001:db8:0:0:0:0:0:1'],
    ['with a TLV', WITH_TLV, '192.0.2.7'],
    ['LOCAL: the balancer speaks for itself', LOCAL, null],
  ]
  for (const [title, bytes, remote] of accepts) {
    test(title, () => {
      const expected = { kind: 'header', length: bytes.length, remote }
      assert.deepEqual(decodeProxyHeader(bytes), expected)
      assert.deepEqual(decodeProxyHeader(Buffer.concat([bytes, hex('160301')])), expected)
    })
    test(`${title}, cut at every byte`, () => {
      for (let length = 0; length < bytes.length; length += 1) {
        assert.deepEqual(decodeProxyHeader(bytes.subarray(0, length)), { kind: 'more' }, `${length} bytes`)
      }
    })
  }
  test('the longest that is accepted', () => {
    const bytes = Buffer.concat([hex(`${SIGNATURE} 21 11 1000 c0000207 c6336401 03e8 01bb`), Buffer.alloc(4_084)])
    assert.deepEqual(decodeProxyHeader(bytes), { kind: 'header', length: 4_112, remote: '192.0.2.7' })
  })
})

describe('who may speak it', () => {
  const list = toBlockList(['10.0.0.0/24', '192.0.2.1', '2001:db8::/32', '::1'])
  const cases: readonly (readonly [address: string, listed: boolean])[] = [
    ['', false],
    ['no address', false],
    ['10.0.1.1', false],
    ['192.0.2.2', false],
    ['2001:db9::1', false],
    ['::ffff:10.0.1.1', false],
    ['10.0.0.255', true],
    ['192.0.2.1', true],
    ['::FFFF:10.0.0.1', true],
    ['2001:db8:1::', true],
    ['::1', true],
  ]
  for (const [address, listed] of cases)
    test(`${JSON.stringify(address)} ${listed ? 'may' : 'may not'}`, () =>
      assert.equal(isListed(list, address), listed))
  test('nobody, when nobody is named', () => assert.equal(isListed(toBlockList([]), '127.0.0.1'), false))
})

interface Taken {
  readonly remote: string
  readonly rest: string
}

/** What a connection became: the device's address and the bytes behind the header, or null when it was ended. */
async function take(
  trusted: readonly string[],
  waitMs: number,
  write: (socket: Socket) => Promise<void> | void,
): Promise<Taken | null> {
  const { promise, resolve } = Promise.withResolvers<Taken | null>()
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    let taken = false
    socket.once('close', () => {
      if (!taken) resolve(null)
    })
    takeProxyHeader(socket, toBlockList(trusted), waitMs, (remote) => {
      taken = true
      let rest = ''
      socket.on('data', (chunk: Buffer) => {
        rest += chunk.toString()
        if (rest.length >= 5) resolve({ remote, rest })
      })
      socket.resume()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.setNoDelay(true)
  client.on('error', () => undefined)
  try {
    await once(client, 'connect')
    await write(client)
    return await promise
  } finally {
    client.destroy()
    server.close()
  }
}

describe('taking the header off a connection', () => {
  const hello = Buffer.from('hello')
  const trusted = ['127.0.0.1']
  const write = (bytes: Uint8Array) => (socket: Socket) => void socket.write(bytes)
  const WAIT = 2_000
  test('T107 from an untrusted source', async () => {
    assert.equal(await take(['10.0.0.1'], WAIT, write(Buffer.concat([IPV4, hello]))), null)
  })
  test('T107 bad signature', async () => assert.equal(await take(trusted, WAIT, write(Buffer.from('GET / '))), null))
  test('T107 length 65535', async () => {
    assert.equal(await take(trusted, WAIT, write(hex(`${SIGNATURE} 21 11 ffff`))), null)
  })
  test('T107 absent: dropped when the time is over', async () => {
    const begun = performance.now()
    assert.equal(await take(trusted, 50, () => undefined), null)
    assert.ok(performance.now() - begun < WAIT)
  })
  test('half of it: dropped when the time is over', async () => {
    assert.equal(await take(trusted, 50, write(IPV4.subarray(0, 20))), null)
  })
  test('header and first bytes in one piece', async () => {
    const taken = await take(trusted, WAIT, write(Buffer.concat([IPV4, hello])))
    assert.deepEqual(taken, { remote: '192.0.2.7', rest: 'hello' })
  })
  test('LOCAL: the address is the balancer itself', async () => {
    const taken = await take(trusted, WAIT, write(Buffer.concat([LOCAL, hello])))
    assert.deepEqual(taken, { remote: '127.0.0.1', rest: 'hello' })
  })
  test('split at every offset', async () => {
    const whole = Buffer.concat([IPV4, hello])
    for (let at = 1; at < whole.length; at += 1) {
      const taken = await take(trusted, WAIT, async (socket) => {
        socket.write(whole.subarray(0, at))
        await new Promise((resolve) => setTimeout(resolve, 2))
        socket.write(whole.subarray(at))
      })
      assert.deepEqual(taken, { remote: '192.0.2.7', rest: 'hello' }, `at ${at}`)
    }
  })
})
