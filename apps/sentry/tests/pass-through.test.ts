import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { hex } from './support/golden.ts'
import { AUTHORIZE, REFRESH, V1_AUTHORIZE, V1_TOKEN } from './support/oauth-requests.ts'
import { rawHead } from './support/raw-request.ts'

const WBXML: [string, string] = ['Content-Type', 'application/vnd.ms-sync.wbxml']

describe('what passes untouched', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab()
  })
  afterEach(() => {
    lab.exchange.clearScript()
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T87 OPTIONS shows the server’s versions and commands', async () => {
    const versions = '2.5,12.0,12.1,14.0,14.1,16.0,16.1'
    const commands = 'Sync,SendMail,SmartForward,SmartReply,GetAttachment,FolderSync,Ping,Provision,Find'
    offer(versions, commands)
    const reply = await lab.eas(lab.devices['ann-phone'], { method: 'OPTIONS' })
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['ms-asprotocolversions'], versions)
    assert.equal(reply.headers['ms-asprotocolcommands'], commands)
  })

  for (const [allowed, offered, shown] of [
    [['16.1'], '2.5,12.0,12.1,14.0,14.1,16.0,16.1', '16.1'],
    [['14.1', '16.1'], '12.1,14.0,14.1', '14.1'],
    [['14.1', '16.0', '16.1'], '16.1, 14.1', '16.1,14.1'],
  ] as const) {
    const name = `v${allowed.join('-')}.example.com`
    test(`T87 with versions ${allowed.join(', ')} allowed and ${offered} offered, ${shown} is shown`, async () => {
      await lab.addSentry(name, { config: { activeSync: { versions: allowed } } })
      offer(offered, 'Sync,Ping')
      const reply = await lab.eas(lab.devices['ann-phone'], { method: 'OPTIONS', sentry: name })
      assert.equal(reply.status, 200)
      assert.equal(reply.headers['ms-asprotocolversions'], shown)
      assert.equal(reply.headers['ms-asprotocolcommands'], 'Sync,Ping')
    })
  }

  for (const command of ['Sync', 'SendMail', 'Ping']) {
    test(`T94 an empty 200 to ${command} stays empty`, async () => {
      lab.exchange.script({ match: command, action: { kind: 'respond', status: 200 } })
      const reply = await lab.eas(lab.devices['ann-phone'], { command })
      assert.equal(reply.status, 200)
      assert.equal(reply.headers['content-length'], '0')
      assert.equal(reply.body.length, 0)
      assert.equal(reply.headers['content-type'], undefined)
      assert.equal(reply.headers['transfer-encoding'], undefined)
    })
  }

  for (const chunked of [false, true]) {
    test(`T95 a multipart answer of three parts is the same byte for byte, ${chunked ? 'chunked' : 'with its length'}`, async () => {
      const body = multipart()
      const headers: [string, string][] = [['Content-Type', 'application/vnd.ms-sync.multipart']]
      lab.exchange.script({ action: { kind: 'respond', status: 200, headers, body, chunked } })
      const reply = await lab.eas(lab.devices['ann-phone'], {
        command: 'ItemOperations',
        headers: { 'MS-ASAcceptMultiPart': 'T' },
      })
      assert.equal(reply.status, 200)
      assert.equal(reply.headers['content-type'], 'application/vnd.ms-sync.multipart')
      assert.equal(reply.headers['content-length'], chunked ? undefined : String(body.length))
      assert.deepEqual(reply.body, body)
      assert.equal(lab.exchange.received.at(-1)?.headers['ms-asacceptmultipart'], 'T')
    })
  }

  for (const [title, asked, forwarded] of [
    ['gzip', 'gzip', 'gzip'],
    ['gzip, deflate and br', 'gzip, deflate, br', 'gzip'],
    ['br before gzip', 'br;q=1.0, gzip;q=0.5', 'gzip'],
    ['br alone', 'br', undefined],
    ['zstd and br', 'zstd, br', undefined],
    ['gzip refused by its weight', 'br, gzip;q=0', undefined],
    ['nothing', null, undefined],
  ] as const) {
    test(`T96 a client that takes ${title}: the server is asked for ${forwarded ?? 'no coding'}`, async () => {
      const plain = Buffer.concat([hex('03 01 6A 00 45 5C 4F 00 11'), Buffer.alloc(20_000, 0x41)])
      const body = forwarded === undefined ? plain : gzipSync(plain)
      const coding: [string, string][] = forwarded === undefined ? [] : [['Content-Encoding', 'gzip']]
      lab.exchange.script({ action: { kind: 'respond', status: 200, headers: [WBXML, ...coding], body } })
      const headers = asked === null ? {} : { 'Accept-Encoding': asked }
      const reply = await lab.eas(lab.devices['ann-phone'], { command: 'Sync', headers })
      assert.equal(lab.exchange.received.at(-1)?.headers['accept-encoding'], forwarded)
      assert.equal(reply.headers['content-encoding'], forwarded)
      assert.deepEqual(reply.body, body)
      if (forwarded !== undefined) assert.deepEqual(gunzipSync(reply.body), plain)
    })
  }

  test('T97 three User-Agents for sign-in, token and sync are accepted, and each arrives as it was', async () => {
    const web =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148'
    const settings = 'com.apple.Preferences/1214 CFNetwork/1568.1 Darwin/24.6.0'
    const mail = 'Apple-iPhone15C4/2207.62'
    const resource = `resource=${encodeURIComponent(`https://${lab.sentryName}/`)}`
    const signIn = await lab.oauth(`${V1_AUTHORIZE}?${AUTHORIZE}&${resource}`, { headers: { 'User-Agent': web } })
    assert.equal(signIn.status, 302)
    lab.entra.fail({
      status: 200,
      body: { token_type: 'Bearer', access_token: 'x', resource: lab.destinationResource },
    })
    const token = await lab.oauth(V1_TOKEN, {
      method: 'POST',
      body: `${REFRESH}&${resource}`,
      headers: { 'User-Agent': settings, 'Content-Type': 'application/x-www-form-urlencoded' },
    })
    assert.equal(token.status, 200)
    assert.equal(lab.entra.tokenRequests().at(-1)?.headers['user-agent'], settings)
    const sync = await lab.eas(lab.devices['ann-phone'], { headers: { 'User-Agent': mail } })
    assert.equal(sync.status, 200)
    assert.equal(lab.exchange.received.at(-1)?.headers['user-agent'], mail)
  })

  test('T97 iOS Mail as a whole: each of its three processes arrives under its own name', async () => {
    await using phone = lab.mailPhone('ann-phone')
    lab.entra.clearReceived()
    lab.exchange.clearReceived()
    await phone.signIn()
    await phone.eas.setUp()
    const agents = [
      agentsOf(lab.entra.received.filter(({ method }) => method === 'GET')),
      agentsOf(lab.entra.tokenRequests()),
      agentsOf(lab.exchange.received),
    ]
    assert.deepEqual(
      agents.map((names) => names.length),
      [1, 1, 1],
    )
    assert.equal(new Set(agents.flat()).size, 3, agents.flat().join(' | '))
  })

  test('T102 a Provision of two phases passes untouched both ways', async () => {
    const device = lab.devices['ann-phone']
    // DeviceInformation inside, from 14.1 on; Policies/Policy/PolicyType MS-EAS-Provisioning-WBXML.
    const type = Buffer.from('MS-EAS-Provisioning-WBXML').toString('hex')
    const model = Buffer.from('iPhone15C4').toString('hex')
    const first = hex(
      `03 01 6A 00 00 0E 45 00 12 56 48 57 03 ${model} 00 01 01 01 00 0E 46 47 48 03 ${type} 00 01 01 01 01`,
    )
    const key = Buffer.from('1307199584').toString('hex')
    const offer1 = hex(
      `03 01 6A 00 00 0E 45 4B 03 31 00 01 46 47 48 03 ${type} 00 01 4B 03 31 00 01 49 03 ${key} 00 01 4A 4D 4E 03 31 00 01 01 01 01 01 01`,
    )
    const second = hex(`03 01 6A 00 00 0E 45 46 47 48 03 ${type} 00 01 49 03 ${key} 00 01 4B 03 31 00 01 01 01 01`)
    const final = hex(
      `03 01 6A 00 00 0E 45 4B 03 31 00 01 46 47 48 03 ${type} 00 01 4B 03 31 00 01 49 03 ${key} 00 01 01 01 01`,
    )
    for (const [policyKey, body, answer] of [
      ['0', first, offer1],
      ['1307199584', second, final],
    ] as const) {
      lab.exchange.script({
        match: 'Provision',
        action: { kind: 'respond', status: 200, headers: [WBXML], body: answer },
      })
      const reply = await lab.eas(device, { command: 'Provision', body, policyKey })
      const arrived = lab.exchange.received.at(-1)
      assert.deepEqual(arrived?.body, body)
      assert.equal(arrived.headers['x-ms-policykey'], policyKey)
      assert.equal(reply.status, 200)
      assert.deepEqual(reply.body, answer)
      assert.equal(reply.headers['content-type'], 'application/vnd.ms-sync.wbxml')
    }
  })

  for (const coding of ['gzip', 'GZIP', 'br', 'deflate', 'identity, gzip', 'x-gzip']) {
    test(`T52 a request body in ${coding} is refused by 415`, async () => {
      const before = lab.exchange.receivedCount
      const body = gzipSync(Buffer.alloc(1_048_576))
      const reply = await lab.eas(lab.devices['ann-phone'], { body, headers: { 'Content-Encoding': coding } })
      assert.equal(reply.status, 415)
      assert.equal(lab.exchange.receivedCount, before)
    })
  }

  test('T52 a request body that says it is not encoded passes', async () => {
    const reply = await lab.eas(lab.devices['ann-phone'], { headers: { 'Content-Encoding': 'identity' } })
    assert.equal(reply.status, 200)
  })

  test('T99 a FolderSync of 10 MB is refused by 413 before it was sent', async () => {
    const device = lab.devices['ann-phone']
    const before = lab.exchange.receivedCount
    await using client = await lab.raw(device)
    await client.send(await rawHead(lab, device, { body: 10_485_760 }))
    const reply = await client.readResponse()
    assert.equal(reply.status, 413)
    assert.equal(reply.header('connection'), 'close')
    assert.equal(lab.exchange.receivedCount, before)
    await client.closed
  })

  test('T99 a chunked FolderSync of 10 MB is refused by 413 when it is too much, and nothing reaches the server', async () => {
    const device = lab.devices['ann-phone']
    const before = lab.exchange.receivedCount
    await using client = await lab.raw(device)
    await client.send(await rawHead(lab, device, { body: 'chunked' }))
    const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    let sent = 0
    for (; sent < 10_485_760 && client.socket.writable && client.unread.length === 0; sent += 65_536)
      await client.send(piece)
    assert.equal((await client.readResponse()).status, 413)
    await client.closed
    assert.ok(sent < 10_485_760, `${sent} bytes were taken`)
    assert.equal(lab.exchange.receivedCount, before)
  })

  test('T99 sizes are those of the command: a Sync of 1 MB passes whole', async () => {
    const body = Buffer.alloc(1_048_576, 0x5a)
    lab.exchange.script({ match: 'Sync', action: { kind: 'respond', status: 200 } })
    assert.equal((await lab.eas(lab.devices['ann-phone'], { command: 'Sync', body })).status, 200)
    assert.deepEqual(lab.exchange.received.at(-1)?.body, body)
  })

  function offer(versions: string, commands: string): void {
    lab.exchange.script({
      match: 'OPTIONS',
      action: {
        kind: 'respond',
        status: 200,
        headers: [
          ['MS-ASProtocolVersions', versions],
          ['MS-ASProtocolCommands', commands],
        ],
      },
    })
  }
})

function agentsOf(requests: readonly { headers: Record<string, string> }[]): string[] {
  return [...new Set(requests.map(({ headers }) => headers['user-agent'] ?? ''))]
}

/** PartsCount, offset and length of each (int32 LE), then a WBXML document and two parts with every byte value. */
function multipart(): Buffer {
  const parts = [
    hex('03 01 6A 00 00 14 45 4D 03 31 00 01 01'),
    Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i)),
    Buffer.alloc(70_000, 0x0d),
  ]
  const head = Buffer.alloc(4 + 8 * parts.length)
  head.writeInt32LE(parts.length, 0)
  let offset = head.length
  for (const [index, part] of parts.entries()) {
    head.writeInt32LE(offset, 4 + 8 * index)
    head.writeInt32LE(part.length, 8 + 8 * index)
    offset += part.length
  }
  return Buffer.concat([head, ...parts])
}
