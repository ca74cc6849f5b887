import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createCa } from '../ca.ts'
import { LabNet, request } from '../lab-net.ts'
import type { LabReply } from '../lab-net.ts'
import { writeBase64Query } from '../wire/base64-query.ts'
import { findAll, readWbxml, tag, textOf, writeWbxml } from '../wire/wbxml.ts'
import type { WbxmlNode } from '../wire/wbxml.ts'
import { BACKEND_COOKIES, startExchange } from './exchange.ts'

const HOST = 'outlook.office365.com'
const ca = await createCa()
const cert = await ca.issueServer({ names: [HOST] })
const exchange = await startExchange({ cert, secondMs: 5 })
after(() => exchange.close())
const net = new LabNet([ca.certPem])
net.map(HOST, '127.0.0.1', exchange.port)

let tokens = 0
/** A token as far as the stand-in reads one; each is new. */
function token(upn: string, claims: Record<string, unknown> = {}): string {
  tokens += 1
  const body = { aud: `https://${HOST}`, upn, exp: Math.floor(Date.now() / 1000) + 3600, jti: tokens, ...claims }
  return `e30.${Buffer.from(JSON.stringify(body)).toString('base64url')}.c2ln`
}

interface Device {
  user: string
  id: string
  key: string
  bearer: string
}

let devices = 0
function newDevice(user = `user${String((devices += 1))}@example.com`): Device {
  return { user, id: `DEVICE${String((devices += 1))}`, key: '0', bearer: token(user) }
}

async function send(
  device: Device,
  command: string,
  root: WbxmlNode | null,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<LabReply> {
  const user = encodeURIComponent(device.user)
  return request(net, {
    method: 'POST',
    url: `https://${HOST}/Microsoft-Server-ActiveSync?Cmd=${command}&User=${user}&DeviceId=${device.id}&DeviceType=iPhone`,
    headers: {
      Authorization: `Bearer ${device.bearer}`,
      'MS-ASProtocolVersion': '16.1',
      'X-MS-PolicyKey': device.key,
      ...headers,
    },
    body: root === null ? '' : writeWbxml(root),
    ...(signal === undefined ? {} : { signal }),
  })
}

/** Text of an element of the answer. */
const word = (reply: LabReply, name: string): string | null => textOf(readWbxml(reply.body), name)

const information = tag('Settings:DeviceInformation', tag('Settings:Set', tag('Settings:Model', 'iPhone15C4')))
const POLICY_TYPE = tag('Provision:PolicyType', 'MS-EAS-Provisioning-WBXML')
const policies = (...children: WbxmlNode[]): WbxmlNode =>
  tag('Provision:Policies', tag('Provision:Policy', ...children))

async function provision(device: Device): Promise<void> {
  const first = await send(device, 'Provision', tag('Provision:Provision', information, policies(POLICY_TYPE)))
  const temporary = word(first, 'Provision:PolicyKey') ?? ''
  const acknowledged = policies(POLICY_TYPE, tag('Provision:PolicyKey', temporary), tag('Provision:Status', '1'))
  device.key = temporary
  const second = await send(device, 'Provision', tag('Provision:Provision', acknowledged))
  device.key = word(second, 'Provision:PolicyKey') ?? ''
  assert.notEqual(device.key, temporary)
}

const folderSync = tag('FolderHierarchy:FolderSync', tag('FolderHierarchy:SyncKey', '0'))
const collection = (key: string, ...rest: WbxmlNode[]): WbxmlNode =>
  tag('AirSync:Collection', tag('AirSync:SyncKey', key), tag('AirSync:CollectionId', '1'), ...rest)
const sync = (key: string, ...rest: WbxmlNode[]): WbxmlNode =>
  tag('AirSync:Sync', tag('AirSync:Collections', collection(key)), ...rest)
const ping = (seconds: number, ids = ['1']): WbxmlNode =>
  tag(
    'Ping:Ping',
    tag('Ping:HeartbeatInterval', String(seconds)),
    tag('Ping:Folders', ...ids.map((id) => tag('Ping:Folder', tag('Ping:Id', id), tag('Ping:Class', 'Email')))),
  )

/** A device that has provisioned and taken its first Sync key. */
async function readyDevice(): Promise<Device> {
  const device = newDevice()
  await provision(device)
  await send(device, 'Sync', sync('0'))
  return device
}

describe('2.1, 2.2, 2.5 who is let in', () => {
  const url = `https://${HOST}/Microsoft-Server-ActiveSync`
  const options = (headers: Record<string, string>): Promise<LabReply> =>
    request(net, { method: 'OPTIONS', url, headers })

  test('no Authorization: 451 to the host for certificates', async () => {
    const { status, headers } = await options({})
    assert.equal(status, 451)
    assert.equal(headers['x-ms-location'], 'https://outlook-cba.office365.com/Microsoft-Server-ActiveSync')
  })
  const rejects = [
    { title: 'empty', authorization: 'Bearer ' },
    { title: 'Basic', authorization: 'Basic YTpi' },
    { title: 'no token at all', authorization: 'Bearer nonsense' },
    {
      title: 'another audience',
      authorization: `Bearer ${token('a@example.com', { aud: 'https://graph.microsoft.com' })}`,
    },
    { title: 'expired', authorization: `Bearer ${token('a@example.com', { exp: 1 })}` },
    { title: 'no user', authorization: `Bearer ${token('a@example.com', { upn: 7 })}` },
  ]
  for (const { title, authorization } of rejects)
    test(`${title}: 401 with the recorded challenge`, async () => {
      const { status, headers } = await options({ Authorization: authorization })
      assert.equal(status, 401)
      assert.equal(
        headers['www-authenticate'],
        'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="invalid_token"',
      )
    })
  for (const aud of [`https://${HOST}`, `https://${HOST}/`])
    test(`audience ${aud}: OPTIONS names versions and commands`, async () => {
      const { status, headers } = await options({ Authorization: `Bearer ${token('a@example.com', { aud })}` })
      assert.equal(status, 200)
      assert.equal(headers['ms-asprotocolversions'], '14.1,16.1')
      assert.match(headers['ms-asprotocolcommands'] ?? '', /FolderSync/)
    })
  test('2.6 demanded claims: the old token is refused, a new one passes', async () => {
    const device = newDevice()
    await provision(device)
    const claims = exchange.demandClaims(device.user)
    for (let i = 0; i < 2; i += 1) {
      const { status, headers } = await send(device, 'FolderSync', folderSync)
      assert.equal(status, 401)
      assert.match(headers['www-authenticate'] ?? '', new RegExp(`error="insufficient_claims", claims="${claims}"$`))
    }
    device.bearer = token(device.user)
    assert.equal(word(await send(device, 'FolderSync', folderSync), 'FolderHierarchy:Status'), '1')
  })
})

describe('MS-ASPROV 3.1.5.1 Provision', () => {
  test('commands wait for a policy key; a wrong one is told apart', async () => {
    const device = newDevice()
    assert.equal(word(await send(device, 'FolderSync', folderSync), 'FolderHierarchy:Status'), '142')
    assert.equal(word(await send(device, 'Sync', sync('0')), 'AirSync:Status'), '142')
    await provision(device)
    assert.equal(word(await send(device, 'FolderSync', folderSync), 'FolderHierarchy:Status'), '1')
    assert.equal(word(await send({ ...device, key: '7' }, 'FolderSync', folderSync), 'FolderHierarchy:Status'), '144')
    assert.equal(exchange.mailbox(device.user).device(device.id).information['Model'], 'iPhone15C4')
  })
  test('without DeviceInformation: 165; with a key nobody offered: 5', async () => {
    const device = newDevice()
    const bare = await send(device, 'Provision', tag('Provision:Provision', policies(POLICY_TYPE)))
    assert.equal(word(bare, 'Provision:Status'), '165')
    const wrong = policies(POLICY_TYPE, tag('Provision:PolicyKey', '1'), tag('Provision:Status', '1'))
    const answer = readWbxml((await send(device, 'Provision', tag('Provision:Provision', wrong))).body)
    assert.deepEqual(
      findAll(answer, 'Provision:Status').map((node) => node.children[0]),
      ['1', '5'],
    )
  })
  test('a version that is not offered: 138', async () => {
    const answer = await send(newDevice(), 'FolderSync', folderSync, { 'MS-ASProtocolVersion': '14.0' })
    assert.equal(word(answer, 'FolderHierarchy:Status'), '138')
  })
})

describe('MS-ASCMD: folders and mail', () => {
  test('FolderSync names an inbox; a wrong key is Status 9', async () => {
    const device = newDevice()
    await provision(device)
    const root = readWbxml((await send(device, 'FolderSync', folderSync)).body)
    const inbox = findAll(root, 'FolderHierarchy:Add').find((node) => textOf(node, 'FolderHierarchy:Type') === '2')
    assert.equal(inbox && textOf(inbox, 'FolderHierarchy:ServerId'), '1')
    const wrong = tag('FolderHierarchy:FolderSync', tag('FolderHierarchy:SyncKey', '44'))
    assert.equal(word(await send(device, 'FolderSync', wrong), 'FolderHierarchy:Status'), '9')
  })
  test('Sync brings each mail once; a lost answer is given again; nothing new is nothing', async () => {
    const device = await readyDevice()
    exchange.deliver(device.user, { subject: 'Hello', body: 'Text of the mail' })
    const first = await send(device, 'Sync', sync('1'))
    assert.equal(word(first, 'Email:Subject'), 'Hello')
    assert.equal(word(first, 'AirSyncBase:Data'), 'Text of the mail')
    assert.equal(word(first, 'AirSync:SyncKey'), '2')
    assert.equal(word(await send(device, 'Sync', sync('1')), 'Email:Subject'), 'Hello')
    const nothing = await send(device, 'Sync', sync('2'))
    assert.equal(nothing.status, 200)
    assert.equal(nothing.body.length, 0)
    assert.equal(nothing.headers['content-length'], '0')
    assert.equal(word(await send(device, 'Sync', sync('9')), 'AirSync:Status'), '3')
  })
  test('a hanging Sync and an empty one wake for new mail', async () => {
    const device = await readyDevice()
    const wait = sync('1', tag('AirSync:HeartbeatInterval', '3540'))
    for (const [subject, root] of [
      ['One', wait],
      ['Two', null],
    ] as const) {
      exchange.clearReceived()
      const held = send(device, 'Sync', root)
      await exchange.waitForRequest((each) => each.command === 'Sync')
      exchange.deliver(device.user, { subject })
      assert.deepEqual(findAll(readWbxml((await held).body), 'Email:Subject').at(-1)?.children, [subject])
    }
  })
  test('a hanging Sync ends empty; wishes out of range are told the limit', async () => {
    const device = await readyDevice()
    const held = await send(device, 'Sync', sync('1', tag('AirSync:HeartbeatInterval', '60')))
    assert.equal(held.body.length, 0)
    const long = await send(device, 'Sync', sync('1', tag('AirSync:Wait', '60')))
    assert.deepEqual([word(long, 'AirSync:Status'), word(long, 'AirSync:Limit')], ['14', '59'])
    const both = sync('1', tag('AirSync:Wait', '1'), tag('AirSync:HeartbeatInterval', '60'))
    assert.equal(word(await send(device, 'Sync', both), 'AirSync:Status'), '4')
    const fresh = newDevice()
    await provision(fresh)
    assert.equal(word(await send(fresh, 'Sync', null), 'AirSync:Status'), '13')
  })
  test('Ping wakes with Status 2, expires with 1, is remembered', async () => {
    const device = await readyDevice()
    assert.equal(word(await send(device, 'Ping', null), 'Ping:Status'), '3')
    const wrong = await send(device, 'Ping', ping(10))
    assert.deepEqual([word(wrong, 'Ping:Status'), word(wrong, 'Ping:HeartbeatInterval')], ['5', '60'])
    assert.equal(word(await send(device, 'Ping', ping(60, ['99'])), 'Ping:Status'), '7')
    assert.equal(word(await send(device, 'Ping', ping(60)), 'Ping:Status'), '1')
    exchange.clearReceived()
    const held = send(device, 'Ping', null)
    await exchange.waitForRequest((each) => each.command === 'Ping')
    exchange.deliver(device.user, { subject: 'Wake' })
    const woken = await held
    assert.deepEqual([word(woken, 'Ping:Status'), word(woken, 'Ping:Folder')], ['2', '1'])
    // The mail still waits for a Sync: the next Ping answers at once.
    assert.equal(word(await send(device, 'Ping', null), 'Ping:Status'), '2')
  })
  test('a client that leaves a Ping is seen to be gone', async () => {
    const device = await readyDevice()
    exchange.clearReceived()
    const leave = new AbortController()
    const held = send(device, 'Ping', ping(3540), {}, leave.signal)
    const entry = await exchange.waitForRequest((each) => each.command === 'Ping')
    leave.abort()
    await assert.rejects(held, { name: 'AbortError' })
    await exchange.waitForRequest((each) => each === entry && each.aborted)
    assert.equal(entry.finished, false)
  })
  test('SendMail reaches the recipient once', async () => {
    const [ann, bob] = [await readyDevice(), await readyDevice()]
    const mime = `From: <${ann.user}>\r\nTo: Bob\r\n <${bob.user}>\r\nSubject: Lunch\r\n\r\nAt one?\r\n`
    const mail = tag(
      'ComposeMail:SendMail',
      tag('ComposeMail:ClientId', 'M1'),
      tag('ComposeMail:SaveInSentItems'),
      tag('ComposeMail:Mime', Buffer.from(mime)),
    )
    const sent = await send(ann, 'SendMail', mail)
    assert.deepEqual([sent.status, sent.body.length], [200, 0])
    assert.equal(word(await send(ann, 'SendMail', mail), 'ComposeMail:Status'), '118')
    const got = await send(bob, 'Sync', sync('1'))
    assert.deepEqual([word(got, 'Email:Subject'), word(got, 'Email:From')], ['Lunch', ann.user])
    assert.equal(exchange.mailbox(ann.user).folder('4').length, 1)
  })
  test('ItemOperations: one document, or parts', async () => {
    const device = await readyDevice()
    const mail = exchange.deliver(device.user, { subject: 'Long', body: 'Grüße, all of it' })
    const missing = { ...mail, serverId: '1:999' }
    const fetches = [mail, missing].map((each) =>
      tag(
        'ItemOperations:Fetch',
        tag('ItemOperations:Store', 'Mailbox'),
        tag('AirSync:CollectionId', '1'),
        tag('AirSync:ServerId', each.serverId),
      ),
    )
    const root = tag('ItemOperations:ItemOperations', ...fetches)
    const whole = await send(device, 'ItemOperations', root)
    assert.equal(word(whole, 'AirSyncBase:Data'), 'Grüße, all of it')
    assert.deepEqual(
      findAll(readWbxml(whole.body), 'ItemOperations:Status').map((node) => node.children[0]),
      ['1', '1', '6'],
    )
    const { headers, body } = await send(device, 'ItemOperations', root, { 'MS-ASAcceptMultiPart': 'T' })
    assert.equal(headers['content-type'], 'application/vnd.ms-sync.multipart')
    assert.equal(body.readInt32LE(0), 2)
    const part = (n: number): Buffer =>
      body.subarray(body.readInt32LE(4 + 8 * n)).subarray(0, body.readInt32LE(8 + 8 * n))
    assert.equal(textOf(readWbxml(part(0)), 'ItemOperations:Part'), '1')
    assert.equal(part(1).toString(), 'Grüße, all of it')
  })
  test('Settings keeps the device and tells the address; base64 queries do', async () => {
    const device = await readyDevice()
    const query = writeBase64Query({
      version: '16.1',
      command: 'Settings',
      deviceId: device.id,
      policyKey: Number(device.key),
      deviceType: 'iPhone',
    })
    const root = tag('Settings:Settings', information, tag('Settings:UserInformation', tag('Settings:Get')))
    const answer = await request(net, {
      method: 'POST',
      url: `https://${HOST}/Microsoft-Server-ActiveSync?${query}`,
      headers: { Authorization: `Bearer ${device.bearer}` },
      body: writeWbxml(root),
    })
    assert.equal(word(answer, 'Settings:PrimarySmtpAddress'), device.user)
  })
  test('commands that it does not speak are 501, other paths 404', async () => {
    const device = await readyDevice()
    assert.equal((await send(device, 'Search', null)).status, 501)
    assert.equal((await request(net, { url: `https://${HOST}/owa/` })).status, 404)
  })
})

describe('answers on demand', () => {
  test('own answer, with repeated headers, in chunks', async () => {
    const headers = [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ] as const
    exchange.script({
      match: 'FolderSync',
      action: { kind: 'respond', status: 200, headers, body: 'x'.repeat(9), chunked: true },
    })
    const answer = await send(newDevice(), 'FolderSync', folderSync)
    assert.equal(answer.headers['transfer-encoding'], 'chunked')
    assert.equal(answer.headers['set-cookie'], 'a=1, b=2')
    assert.equal(answer.body.toString(), 'x'.repeat(9))
  })
  test('451, throttling, a busy front-end', async () => {
    const device = newDevice()
    const away = 'https://outlook.office.com/Microsoft-Server-ActiveSync'
    exchange.script({ action: { kind: 'redirect', location: away } })
    exchange.script({ action: { kind: 'throttled' } })
    exchange.script({ action: { kind: 'busy' } })
    const moved = await send(device, 'FolderSync', folderSync)
    assert.deepEqual([moved.status, moved.headers['x-ms-location']], [451, away])
    const slow = await send(device, 'FolderSync', folderSync)
    assert.deepEqual(
      [slow.status, slow.headers['retry-after'], slow.headers['x-ms-asthrottle']],
      [503, '120', 'CommandFrequency'],
    )
    const busy = await send(device, 'FolderSync', folderSync)
    assert.deepEqual(
      [busy.status, busy.body.toString(), busy.headers['ms-server-activesync']],
      [503, 'The network is busy.', undefined],
    )
  })
  const breaks = [
    { title: 'reset', action: { kind: 'reset' } },
    { title: 'cut in the middle', action: { kind: 'cut', length: 100, body: 'half' } },
    { title: 'no HTTP', action: { kind: 'raw', bytes: 'GARBAGE\r\n\r\n' } },
  ] as const
  for (const { title, action } of breaks)
    test(`${title}: the client sees it, the body was received`, async () => {
      exchange.clearReceived()
      exchange.script({ match: (each) => each.command === 'FolderSync', action })
      await assert.rejects(send(newDevice(), 'FolderSync', folderSync))
      assert.deepEqual(exchange.received[0]?.body, writeWbxml(folderSync))
      assert.equal(exchange.receivedCount, 1)
    })
  test('silence, a delay, a standing rule', async () => {
    exchange.script({ action: { kind: 'hang' } })
    await assert.rejects(send(newDevice(), 'FolderSync', folderSync, {}, AbortSignal.timeout(50)))
    exchange.script({ delayMs: 60, action: { kind: 'pass' } })
    const since = performance.now()
    assert.equal((await send(newDevice(), 'FolderSync', folderSync)).status, 200)
    assert.ok(performance.now() - since >= 50)
    const remove = exchange.script({ times: Infinity, action: { kind: 'respond', status: 507 } })
    for (let i = 0; i < 3; i += 1) assert.equal((await send(newDevice(), 'FolderSync', folderSync)).status, 507)
    remove()
    assert.equal((await send(newDevice(), 'FolderSync', folderSync)).status, 200)
  })
  test('more headers on the true answer, cookies, compression', async () => {
    const device = await readyDevice()
    exchange.cookies = BACKEND_COOKIES
    exchange.script({ action: { kind: 'decorate', headers: [['Alt-Svc', 'h3=":443"']] } })
    exchange.deliver(device.user, { subject: 'Big', body: 'A'.repeat(4_000) })
    const answer = await send(device, 'Sync', sync('1'), { 'Accept-Encoding': 'gzip, deflate, br' })
    exchange.cookies = []
    assert.equal(answer.headers['alt-svc'], 'h3=":443"')
    assert.equal(answer.rawHeaders.filter((name) => name === 'Set-Cookie').length, 2)
    assert.equal(answer.headers['content-encoding'], 'gzip')
    assert.equal(textOf(readWbxml(gunzipSync(answer.body)), 'Email:Subject'), 'Big')
    assert.equal((await send(device, 'Sync', sync('1'))).headers['content-encoding'], undefined)
  })
  test('closing ends what hangs, at once', async () => {
    const own = await startExchange({ cert, requirePolicy: false })
    net.map(`${HOST}:8443`, '127.0.0.1', own.port)
    const held = request(net, {
      method: 'POST',
      url: `https://${HOST}:8443/Microsoft-Server-ActiveSync?Cmd=Ping&User=a&DeviceId=A&DeviceType=SP`,
      headers: { Authorization: `Bearer ${token('a@example.com')}`, 'MS-ASProtocolVersion': '16.1' },
      body: writeWbxml(ping(3540)),
    })
    const broken = assert.rejects(held)
    await own.waitForRequest((each) => each.command === 'Ping')
    assert.deepEqual([own.connections, own.openConnections], [1, 1])
    await own.close()
    await own.close()
    await broken
  })
})
