/** Rows T62, T76 and T77 of the acceptance list: web pages get nothing, sign-in libraries what they look for. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { AUTHORIZE, jsonOf, post, REFRESH, V1_AUTHORIZE, V1_TOKEN, V2_TOKEN } from './support/oauth-requests.ts'
import type { Reply } from './support/oauth-requests.ts'
import { startScriptedProvider } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

const EAS = '/Microsoft-Server-ActiveSync'
const DISCOVERY = '/common/discovery/instance'
const V1_METADATA = '/proxyservice/.well-known/openid-configuration'
const V2_METADATA = '/proxyservice/v2.0/.well-known/openid-configuration'

describe('web pages and libraries', () => {
  let lab: Lab
  let provider: ScriptedProvider
  before(async () => {
    provider = await startScriptedProvider()
    lab = await startLab({ config: { oauth: provider.oauth } })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    provider.received.length = 0
    lab.exchange.clearReceived()
  })

  const assertNoCors = (reply: Reply): void => {
    assert.deepEqual(
      Object.keys(reply.headers).filter((name) => name.startsWith('access-control-') || name === 'timing-allow-origin'),
      [],
    )
  }

  const preflight = { Origin: 'https://evil.test', 'Access-Control-Request-Method': 'POST' }
  for (const path of [V1_TOKEN, V2_TOKEN, V1_AUTHORIZE, DISCOVERY, V1_METADATA]) {
    test(`T62 preflight on ${path}`, async () => {
      const headers = { ...preflight, 'Access-Control-Request-Headers': 'content-type' }
      const reply = await lab.oauth(path, { method: 'OPTIONS', headers })
      assert.ok([403, 405].includes(reply.status), `${reply.status}`)
      assertNoCors(reply)
      assert.deepEqual(provider.received, [])
    })
  }

  for (const certificate of ['with', 'without']) {
    test(`T62 preflight on the ActiveSync path, ${certificate} certificate`, async () => {
      const device = lab.devices['ann-phone']
      const identity = certificate === 'with' ? device.identity : null
      for (const token of [null, lab.token(device.user)]) {
        const reply = await lab.eas(device, { method: 'OPTIONS', query: '', headers: preflight, identity, token })
        assert.equal(reply.status, 403)
        assertNoCors(reply)
      }
      assert.equal(lab.exchange.receivedCount, 0)
    })
  }

  test('T62 the OPTIONS of a phone, which names no such method, is served', async () => {
    const reply = await lab.eas(lab.devices['ann-phone'], { method: 'OPTIONS', query: '' })
    assert.equal(reply.status, 200)
    assert.match(reply.headers['ms-asprotocolversions'] ?? '', /16\.1/)
    assertNoCors(reply)
  })

  test('T62 a POST with Origin works, and the Origin never reaches the identity provider', async () => {
    for (const origin of ['https://evil.test', 'null', `https://${lab.sentryName}`]) {
      provider.received.length = 0
      const fetched = { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Site': 'cross-site', Referer: `${origin}/page` }
      const reply = await post(lab, REFRESH, { headers: { Origin: origin, ...fetched } })
      assert.equal(reply.status, 200)
      assertNoCors(reply)
      const names = Object.keys(provider.received[0]?.headers ?? {})
      assert.equal(provider.received.length, 1)
      assert.deepEqual(
        names.filter((name) => name === 'origin' || name === 'referer' || name.startsWith('sec-')),
        [],
      )
    }
  })

  test('T62 a command with Origin works, and the Origin never reaches the server', async () => {
    const reply = await lab.eas(lab.devices['ann-phone'], { headers: { Origin: 'https://evil.test' } })
    assert.equal(lab.exchange.receivedCount, 1)
    assert.equal(lab.exchange.received[0]?.headers['origin'], undefined)
    assertNoCors(reply)
  })

  test('T62 no refusal and no constant answer has such a header either', async () => {
    const headers = { Origin: 'https://evil.test' }
    const paths = [
      `${V1_AUTHORIZE}?${AUTHORIZE}`,
      `${V1_AUTHORIZE}?x`,
      DISCOVERY,
      V1_METADATA,
      V2_METADATA,
      EAS,
      '/',
      V1_TOKEN,
    ]
    for (const path of paths) assertNoCors(await lab.oauth(path, { headers }))
  })

  test('T76 instance discovery: exactly invalid_instance, anonymous, within 200 ms', async () => {
    const own = encodeURIComponent(`https://${lab.sentryName}${V1_AUTHORIZE}`)
    const times: number[] = []
    for (let i = 0; i < 3; i++) {
      const reply = await lab.oauth(`${DISCOVERY}?api-version=1.1&authorization_endpoint=${own}`)
      assert.equal(reply.status, 400)
      assert.match(reply.headers['content-type'] ?? '', /^application\/json/)
      assert.equal(jsonOf(reply.body)['error'], 'invalid_instance')
      assert.deepEqual(jsonOf(reply.body)['error_codes'], [50049])
      times.push(reply.ms)
    }
    // One of three: a busy test machine is not what this is about.
    assert.ok(Math.min(...times) < 200, `${times.join()} ms`)
  })

  test('T76 the answer is the same for every question, and nobody else is asked', async () => {
    const usual = (await lab.oauth(DISCOVERY)).body.toString()
    for (const query of ['authorization_endpoint=https%3A%2F%2Fevil.test%2F', '%00', 'a=%zz', '<script>']) {
      const reply = await lab.oauth(`${DISCOVERY}?${query}`)
      assert.deepEqual([reply.status, reply.body.toString()], [400, usual])
    }
    assert.deepEqual(provider.received, [])
  })

  for (const [path, base, issuer] of [
    [V1_METADATA, '/proxyservice/oauth2', 'https://sts.windows.net/{tenantid}/'],
    [V2_METADATA, '/proxyservice/oauth2/v2.0', 'https://login.microsoftonline.com/{tenantid}/v2.0'],
  ] as const) {
    test(`T77 ${path}`, async () => {
      const reply = await lab.oauth(path)
      assert.equal(reply.status, 200)
      assert.match(reply.headers['content-type'] ?? '', /^application\/json/)
      const metadata = jsonOf(reply.body)
      assert.equal(metadata['authorization_endpoint'], `https://sentry.example.com${base}/authorize`)
      assert.equal(metadata['token_endpoint'], `https://sentry.example.com${base}/token`)
      assert.equal(metadata['issuer'], issuer)
      assert.deepEqual(metadata['response_types_supported'], ['code'])
      assert.deepEqual(metadata['grant_types_supported'], ['authorization_code', 'refresh_token'])
      const elsewhere = Object.entries(metadata).filter(
        ([, value]) => typeof value === 'string' && !value.startsWith('https://sentry.example.com/'),
      )
      assert.deepEqual(elsewhere.map(([name]) => name).sort(), ['issuer', 'jwks_uri'])
      assert.deepEqual(provider.received, [], 'the answer needs no network')
    })
  }
})
