/**
 * Protocol document 9.6, T60, T61 and T70: cookies, and headers that would lead a device past the gateway.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import { auditOf, reconfigure } from './support/observe.ts'
import { type RecordingServer, startRecordingServer } from './support/recording-server.ts'

const COOKIES = [
  'X-BackEndCookie=u56Lnp2ejJqBx; expires=Wed, 01 Jan 2098 00:00:00 GMT; domain=outlook.office365.com; path=/Microsoft-Server-ActiveSync; secure; HttpOnly',
  'ClientId=4B1B0D7A; Domain=.office365.com; Path=/; HttpOnly',
]

let lab: Lab
let idp: RecordingServer

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  idp = await startRecordingServer(await lab.serverCa.issueServer({ names: ['login.windows.net'] }))
  const login = `https://login.windows.net:${idp.port}/common/oauth2`
  const endpoints = { authorizationEndpoint: `${login}/authorize`, tokenEndpoint: `${login}/token` }
  await reconfigure(lab, { ...lab.config, oauth: { ...(lab.config['oauth'] as ConfigFile), ...endpoints } })
})

after(async () => {
  await lab[Symbol.asyncDispose]()
  await idp[Symbol.asyncDispose]()
})

/** Set-Cookie values of a reply, each as it came. */
function cookiesOf({ rawHeaders }: { rawHeaders: string[] }): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'set-cookie')
}

/** Attributes of a cookie, lower case, without the pair. */
function attributesOf(cookie: string): string[] {
  return cookie
    .split(';')
    .slice(1)
    .map((part) => part.trim().toLowerCase())
}

describe('T60 cookies of the server', () => {
  test('T60 two Set-Cookie with Domain and Path: both arrive without Domain, Secure; they come back with the next request', async () => {
    lab.exchange.script({
      match: 'FolderSync',
      action: { kind: 'decorate', headers: COOKIES.map((value) => ['Set-Cookie', value] as const) },
    })
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 200)
    const cookies = cookiesOf(reply)
    assert.deepEqual(
      cookies.map((cookie) => cookie.split(';')[0]),
      ['X-BackEndCookie=u56Lnp2ejJqBx', 'ClientId=4B1B0D7A'],
    )
    for (const cookie of cookies) {
      const attributes = attributesOf(cookie)
      assert.equal(
        attributes.some((attribute) => attribute.startsWith('domain')),
        false,
      )
      assert.ok(attributes.includes('secure'))
      assert.ok(attributes.includes('httponly'))
    }
    assert.ok(attributesOf(cookies[0] ?? '').includes('path=/microsoft-server-activesync'))
    assert.ok(attributesOf(cookies[0] ?? '').includes('expires=wed, 01 jan 2098 00:00:00 gmt'))
    const Cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ')
    await lab.eas(lab.devices['ann-phone'], { headers: { Cookie } })
    assert.equal(lab.exchange.received.at(-1)?.headers['cookie'], 'X-BackEndCookie=u56Lnp2ejJqBx; ClientId=4B1B0D7A')
  })

  test('T60 Sentry sets no cookie of its own', async () => {
    const replies = [await lab.eas(lab.devices['ann-phone']), await lab.eas(lab.devices['ann-phone'], { token: null })]
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 401],
    )
    assert.deepEqual(replies.flatMap(cookiesOf), [])
  })
})

describe('T61 cookies on the OAuth paths', () => {
  const Cookie = 'X-BackEndCookie=u56Lnp2ejJqBx; ClientId=4B1B0D7A'
  const client = 'f8d98a96-0999-43f5-8af3-69971c7bb423'

  test('T61 a cookie sent to token is not forwarded, and none of the identity provider comes back', async () => {
    const before = idp.requests.length
    idp.answer = { headers: { 'Set-Cookie': ['esctx=PAQ; domain=.login.windows.net; path=/', 'fpc=An; path=/'] } }
    const reply = await lab.oauth('/proxyservice/oauth2/token', {
      form: { grant_type: 'refresh_token', client_id: client, refresh_token: '0.AX' },
      headers: { Cookie },
    })
    assert.equal(idp.requests.length, before + 1)
    assert.equal(idp.requests.at(-1)?.url, '/common/oauth2/token')
    assert.equal('cookie' in (idp.requests.at(-1)?.headers ?? {}), false)
    assert.equal(reply.status, 200)
    assert.deepEqual(cookiesOf(reply), [])
  })

  const redirect_uri = 'com.apple.Preferences://oauth-redirect/'
  const gets: [path: string, query: Record<string, string>, status: number][] = [
    ['/proxyservice/oauth2/authorize', { client_id: client, response_type: 'code', redirect_uri }, 302],
    ['/proxyservice/.well-known/openid-configuration', {}, 200],
    ['/common/discovery/instance', { 'api-version': '1.1' }, 200],
  ]
  for (const [path, query, status] of gets) {
    test(`T61 a cookie sent to ${path} changes nothing and leads to none`, async () => {
      const [without, withCookie] = [
        await lab.oauth(path, { query }),
        await lab.oauth(path, { query, headers: { Cookie } }),
      ]
      if (path !== '/common/discovery/instance') assert.equal(without.status, status)
      assert.equal(withCookie.status, without.status)
      assert.equal(withCookie.headers['location'], without.headers['location'])
      assert.deepEqual(withCookie.body, without.body)
      assert.deepEqual(cookiesOf(withCookie), [])
    })
  }
})

describe('T70 headers of the server', () => {
  const unwanted = {
    'Alt-Svc': 'h3=":443"; ma=86400',
    'Alternate-Protocol': '443:quic',
    'Public-Key-Pins': 'pin-sha256="AAAA"; max-age=5184000',
    Server: 'Microsoft-IIS/10.0',
    'X-FEServer': 'AM0PR01CA0001',
    'X-BEServer': 'AM0PR01MB0001',
    'X-CalculatedBETarget': 'am0pr01mb0001.eurprd01.prod.exchangelabs.com',
    'X-CalculatedFETarget': 'am0pr01cu001.internal.outlook.com',
    'X-DiagInfo': 'AM0PR01MB0001',
    'X-Powered-By': 'ASP.NET',
    'X-AspNet-Version': '4.0.30319',
    Via: '1.1 balancer.example.net',
    Location: 'https://evil.test/',
    'X-MS-Location': 'https://evil.test/Microsoft-Server-ActiveSync',
    'Access-Control-Allow-Origin': '*',
    'Strict-Transport-Security': 'max-age=0',
    Link: '<https://evil.test>; rel=preload',
    Refresh: '0; url=https://evil.test/',
  }

  test('T70 Alt-Svc, Server, X-FEServer, Public-Key-Pins and their kind are absent; HSTS is ours', async () => {
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'decorate', headers: Object.entries(unwanted) } })
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['ms-server-activesync'], '15.21')
    const { 'Strict-Transport-Security': _ours, ...absent } = unwanted
    for (const name of Object.keys(absent)) assert.equal(name.toLowerCase() in reply.headers, false, name)
    assert.equal(reply.headers['strict-transport-security'], 'max-age=31536000')
  })

  test('T70 every answer of our own carries HSTS and names no product', async () => {
    const replies = [
      await lab.eas(lab.devices['ann-phone'], { token: null }),
      await lab.eas(lab.devices['ann-phone'], { identity: null }),
      await lab.oauth('/nowhere'),
      await lab.oauth('/proxyservice/.well-known/openid-configuration'),
    ]
    assert.deepEqual(
      replies.map(({ status }) => status),
      [401, 403, 404, 200],
    )
    for (const { headers } of replies) {
      assert.equal(headers['strict-transport-security'], 'max-age=31536000')
      for (const name of ['server', 'x-powered-by', 'alt-svc']) assert.equal(name in headers, false)
    }
  })

  const poison = [
    ['a bare LF in X-MS-RP', 'X-MS-RP: a\nSet-Cookie: evil=1\r\n'],
    ['a bare CR in X-MS-RP', 'X-MS-RP: a\rSet-Cookie: evil=1\r\n'],
    ['a NUL in X-MS-RP', 'X-MS-RP: a\0b\r\n'],
  ] as const
  for (const [title, line] of poison) {
    test(`T70 ${title}: 503, and nothing of it arrives`, async () => {
      const bytes = `HTTP/1.1 200 OK\r\nMS-Server-ActiveSync: 15.21\r\n${line}Content-Length: 0\r\n\r\n`
      lab.exchange.script({ match: 'FolderSync', action: { kind: 'raw', bytes } })
      const reply = await lab.eas(lab.devices['ann-phone'])
      assert.equal(reply.status, 503)
      assert.deepEqual(cookiesOf(reply), [])
      assert.equal('x-ms-rp' in reply.headers, false)
      assert.equal((await auditOf(lab.sentry, reply)).reasons[0], 'UPSTREAM_MALFORMED')
    })
  }
})
