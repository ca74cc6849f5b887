/**
 * Protocol document 9.1, T07 to T10, T14 and T15: heads that say more than a phone would (A2, A3, A25, A30).
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import { connectRaw } from '@postern/harness/raw-client'
import { assertNothingUpstream, assertRefused, converse, EAS, folderSyncQuery, wireRequest } from './support/wire.ts'
import type { WireRequest } from './support/wire.ts'

/** Names that the server's certificate of the lab is not for, and that Sentry is not called. */
const DESTINATION = 'outlook.office365.com'
const CANARY = 'canary-5f2a'

let lab: Lab
let device: LabDevice

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  device = lab.devices['ann-phone']
})

after(() => lab[Symbol.asyncDispose]())

async function refused(request: WireRequest, statuses: readonly number[]): Promise<void> {
  await assertRefused(lab, device, wireRequest(lab, device, request), statuses)
}

/** Sends it and gives what the server received, which is one request. */
async function passed(request: WireRequest): Promise<{ headers: Record<string, string>; rawHeaders: string[] }> {
  const before = lab.exchange.receivedCount
  const { responses } = await converse(lab, device, wireRequest(lab, device, request))
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200],
  )
  const received = lab.exchange.received.slice(before)
  assert.equal(received.length, 1)
  return received[0] ?? assert.fail()
}

describe('T07 Connection names what is not its business', () => {
  const values: string[][] = [
    ['Connection: close, Authorization'],
    ['Connection: Authorization'],
    ['Connection: keep-alive, X-MS-PolicyKey'],
    ['Connection: close,content-length'],
    ['Connection: close', 'Connection: Authorization'],
    ['Connection: Cookie', 'Cookie: a=b'],
    ['Connection: Host'],
    ['Connection: "close"'],
  ]
  for (const lines of values) {
    test(`T07 ${lines.join(' | ')}: 400, UP=0`, () => refused({ lines }, [400]))
  }

  for (const value of ['close', 'Close', 'keep-alive', 'Keep-Alive', 'keep-alive, close']) {
    test(`T07 Connection: ${value} passes, with its Authorization`, async () => {
      const { headers } = await passed({ lines: [`Connection: ${value}`] })
      assert.match(headers['authorization'] ?? '', /^Bearer eyJ/)
    })
  }
})

describe('T08 headers of a proxy that is not there', () => {
  const names = [
    'Client-Cert',
    'Client-Cert-Chain',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Client-Cert',
    'X-ARR-ClientCert',
    'X-SSL-Client-Cert',
    'X-Real-IP',
    'X-User-Identity',
    'X-AnchorMailbox',
    'X-MS-Forwarded-Client-IP',
    'X-MS-Client-Principal-Name',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'Via',
    'Forwarded',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Keep-Alive',
    'TE',
    'Origin',
    'Referer',
    'Range',
    'If-None-Match',
  ]

  test('T08 all at once: 200, and the server saw none of them', async () => {
    const { headers, rawHeaders } = await passed({ lines: names.map((name) => `${name}: ${CANARY}`) })
    assert.equal(rawHeaders.join('\n').includes(CANARY), false)
    for (const name of names) assert.equal(headers[name.toLowerCase()], undefined, name)
  })

  test('T08 the server sees these fields and no others', async () => {
    const { headers } = await passed({ lines: ['Accept-Language: de', 'Accept-Encoding: gzip', 'Cookie: a=b'] })
    assert.deepEqual(Object.keys(headers).toSorted(), [
      'accept-encoding',
      'accept-language',
      'authorization',
      'content-length',
      'content-type',
      'cookie',
      'host',
      'ms-asprotocolversion',
      'user-agent',
    ])
    assert.equal(headers['host'], `${DESTINATION}:${lab.exchange.port}`)
  })
})

describe('T09 two Authorization headers', () => {
  test('T09 the same twice: 400, UP=0', async () => {
    const line = `Authorization: Bearer ${lab.token(device.user)}`
    await refused({ authorization: [line, line] }, [400])
  })

  const seconds = [
    'Authorization: Basic YW5uOnB3',
    'authorization: Bearer x',
    'Authorization:',
    'AUTHORIZATION: Bearer',
  ]
  for (const second of seconds) {
    for (const order of ['first', 'last']) {
      test(`T09 ${second} comes ${order}: 400, UP=0`, async () => {
        const good = `Authorization: Bearer ${lab.token(device.user)}`
        await refused({ authorization: order === 'last' ? [good, second] : [second, good] }, [400])
      })
    }
  }
})

describe('T10 two of a header that has one value', () => {
  const version = 'MS-ASProtocolVersion: 16.1'
  const cases: [title: string, request: WireRequest][] = [
    ['MS-ASProtocolVersion, different', { version: [version, 'MS-ASProtocolVersion: 14.1'] }],
    ['MS-ASProtocolVersion, equal', { version: [version, version] }],
    ['MS-ASProtocolVersion in two spellings', { version: [version, 'ms-asprotocolversion: 14.1'] }],
    ['X-MS-PolicyKey, different', { lines: ['X-MS-PolicyKey: 1', 'X-MS-PolicyKey: 2'] }],
    ['X-MS-PolicyKey, equal', { lines: ['X-MS-PolicyKey: 1', 'X-MS-PolicyKey: 1'] }],
    ['X-MS-PolicyKey in two spellings', { lines: ['X-MS-PolicyKey: 1', 'X-Ms-Policykey: 2'] }],
    ['Content-Type', { lines: ['Content-Type: text/plain'] }],
    ['User-Agent', { lines: ['User-Agent: another'] }],
    ['MS-ASAcceptMultiPart', { lines: ['MS-ASAcceptMultiPart: T', 'MS-ASAcceptMultiPart: F'] }],
    ['Cookie', { lines: ['Cookie: a=1', 'Cookie: b=2'] }],
  ]
  for (const [title, request] of cases) test(`T10 ${title}: 400, UP=0`, () => refused(request, [400]))
})

describe('T14 a name that is not ours', () => {
  const hosts: [title: string, host: string[]][] = [
    [`Host: ${DESTINATION}`, [`Host: ${DESTINATION}`]],
    ['no Host', []],
    ['an empty Host', ['Host:']],
    ['two Hosts, different', ['Host: sentry.example.com', `Host: ${DESTINATION}`]],
    ['two Hosts, ours last', [`Host: ${DESTINATION}`, 'Host: sentry.example.com']],
    ['two Hosts, equal', ['Host: sentry.example.com', 'Host: sentry.example.com']],
    ['two names in one Host', [`Host: sentry.example.com, ${DESTINATION}`]],
    ['a name before ours', ['Host: x.sentry.example.com']],
    ['a name behind ours', ['Host: sentry.example.com.evil.test']],
    ['ours with a dot at its end', ['Host: sentry.example.com.']],
    ['user information', ['Host: ann@sentry.example.com']],
    ['a path behind it', ['Host: sentry.example.com/owa']],
    ['an address', ['Host: 127.0.0.1']],
    ['a port that is none', ['Host: sentry.example.com:443x']],
  ]
  for (const [title, host] of hosts) test(`T14 ${title}: 400 or 421, UP=0`, () => refused({ host }, [400, 421]))

  const targets: [title: string, target: string][] = [
    ['absolute-form with our name', `https://sentry.example.com${EAS}`],
    ['absolute-form with the name of the destination', `https://${DESTINATION}${EAS}`],
    ['absolute-form with http', `http://sentry.example.com${EAS}`],
    ['a target without a slash', EAS.slice(1)],
  ]
  for (const [title, target] of targets) {
    test(`T14 ${title}: 400 or 421, UP=0`, () =>
      refused({ target: `${target}?${folderSyncQuery(device)}` }, [400, 421]))
  }

  test('T14 OPTIONS *: 400 or 421, UP=0', () => refused({ method: 'OPTIONS', target: '*' }, [400, 421]))

  const serverNames: [title: string, servername: string | undefined][] = [
    ['the destination', DESTINATION],
    ['another name of ours', 'x.sentry.example.com'],
    ['none', undefined],
  ]
  for (const [title, servername] of serverNames) {
    test(`T14 TLS server name: ${title}, Host ours: 400 or 421, UP=0`, async () => {
      const { certPem: cert, keyPem: key } = device.identity
      const tls = { port: lab.sentry.port, ca: lab.net.ca, cert, key }
      const text = wireRequest(lab, device)
      await assertNothingUpstream(lab, async () => {
        await using client = await connectRaw(servername === undefined ? tls : { ...tls, servername })
        await client.send(text)
        assert.equal((await client.readResponse()).status, 421)
      })
    })
  }

  for (const host of ['Host: sentry.example.com', 'Host: SENTRY.example.com', 'Host: sentry.example.com:443']) {
    test(`T14 ${host} passes`, async () => {
      await passed({ host: [host] })
    })
  }
})

describe('T15 methods and protocols that have no place here', () => {
  const methods = ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'TRACE', 'PROPFIND', 'MKCOL', 'SEARCH', 'post', 'FROB']
  for (const method of methods) {
    test(`T15 ${method}: 405 or 501, UP=0`, async () => {
      const text = wireRequest(lab, device, { method, framing: [], body: '' })
      await assertNothingUpstream(lab, async () => {
        await using client = await lab.raw(device)
        await client.send(text)
        const { status } = await client.readResponse({ bodyless: method === 'HEAD' })
        assert.ok([405, 501].includes(status), String(status))
      })
    })
  }

  const tunnels: [title: string, request: WireRequest][] = [
    [`CONNECT ${DESTINATION}:443`, { method: 'CONNECT', target: `${DESTINATION}:443`, framing: [], body: '' }],
    ['CONNECT with a path', { method: 'CONNECT', framing: [], body: '' }],
    ['Upgrade: websocket', { lines: ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'] }],
    ['Upgrade: websocket without Connection', { lines: ['Upgrade: websocket'] }],
    ['Upgrade: h2c', { lines: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'] }],
    ['Upgrade: h2c on OPTIONS', { method: 'OPTIONS', lines: ['Connection: Upgrade', 'Upgrade: h2c'] }],
    ['Upgrade: TLS/1.3', { lines: ['Connection: Upgrade', 'Upgrade: TLS/1.3'] }],
  ]
  for (const [title, request] of tunnels) {
    test(`T15 ${title}: 405 or 501 and no 101, UP=0`, () => refused(request, [405, 501]))
  }

  test('T15 PRI * HTTP/2.0: 405 or 501, closed, UP=0', async () => {
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
    const { closed } = await assertRefused(lab, device, preface, [405, 501])
    assert.equal(closed, true)
  })

  const versions: [protocol: string, statuses: number[]][] = [
    ['HTTP/1.0', [400, 505]],
    ['HTTP/0.9', [400, 505]],
    ['HTTP/1.2', [400, 505]],
    ['HTTP/2.0', [400, 501, 505]],
    ['RTSP/1.0', [400, 501, 505]],
  ]
  for (const [protocol, statuses] of versions) {
    test(`T15 POST with ${protocol} is refused, UP=0`, () => refused({ protocol }, statuses))
  }
})
