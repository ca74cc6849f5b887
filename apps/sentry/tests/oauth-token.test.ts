/** Rows T42 to T46, T80 to T82, T84 to T86 of the acceptance list, where they are about the token endpoint. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import {
  APPLE,
  assertRefusedToken,
  EMAIL_PLUS,
  jsonOf,
  pairsOf,
  post,
  REDEEM,
  REFRESH,
  V1_TOKEN,
  V2_TOKEN,
} from './support/oauth-requests.ts'
import { startScriptedProvider, V1_ANSWER } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

const DESTINATION = 'https://outlook.office365.com/'
const FORM = 'application/x-www-form-urlencoded'

describe('token', () => {
  let lab: Lab
  let provider: ScriptedProvider
  before(async () => {
    provider = await startScriptedProvider()
    lab = await startLab({
      config: { oauth: provider.oauth, limits: { oauthRequestsPerSecondPerAddress: 100_000 } },
    })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    provider.received.length = 0
  })

  /** The one form that the provider received. */
  const sentForm = (): [string, string][] => {
    assert.equal(provider.received.length, 1)
    return pairsOf(provider.received[0]?.body ?? '')
  }

  describe('refused by Sentry itself; the identity provider receives nothing', () => {
    const refresh = REFRESH.replace('grant_type=refresh_token', '')
    const grants: readonly [grant: string, error: string][] = [
      ['grant_type=password&username=ann%40example.com&password=canary', 'unsupported_grant_type'],
      ['grant_type=client_credentials', 'unsupported_grant_type'],
      ['grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.e30.', 'unsupported_grant_type'],
      [
        'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x',
        'unsupported_grant_type',
      ],
      ['grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=x', 'unsupported_grant_type'],
      ['grant_type=REFRESH_TOKEN', 'unsupported_grant_type'],
      ['grant_type=__proto__', 'unsupported_grant_type'],
      ['grant_type=', 'invalid_request'],
      ['scope=openid', 'invalid_request'],
    ]
    for (const path of [V1_TOKEN, V2_TOKEN]) {
      for (const [grant, error] of grants) {
        test(`T43 ${path} ${grant}`, async () => {
          assertRefusedToken(await post(lab, `${grant}${refresh}`, { path }), 400, error)
          assert.deepEqual(provider.received, [])
        })
      }
    }

    const targets: readonly [path: string, more: string, error: string][] = [
      [V1_TOKEN, 'resource=https%3A%2F%2Fgraph.microsoft.com', 'invalid_target'],
      [V1_TOKEN, 'resource=00000003-0000-0000-c000-000000000000', 'invalid_target'],
      [V1_TOKEN, 'resource=https%3A%2F%2Fgraph.microsoft.com%2F', 'invalid_target'],
      [V2_TOKEN, 'scope=https%3A%2F%2Fgraph.microsoft.com%2FMail.Read+offline_access', 'invalid_scope'],
      [V2_TOKEN, 'scope=00000003-0000-0000-c000-000000000000%2F.default', 'invalid_scope'],
    ]
    for (const grant of [REFRESH, REDEEM]) {
      for (const [path, more, error] of targets) {
        const row = path === V1_TOKEN ? 'T45' : 'T46'
        test(`${row} ${grant.slice(11, 24)} with ${more}`, async () => {
          assertRefusedToken(await post(lab, `${grant}&${more}`, { path }), 400, error)
          assert.deepEqual(provider.received, [])
        })
      }
    }

    const twice: readonly [title: string, body: string][] = [
      ['resource', `${REFRESH}&resource=https%3A%2F%2Fsentry.example.com&resource=https%3A%2F%2Fgraph.microsoft.com`],
      [
        'resource, twice the same',
        `${REFRESH}&resource=https%3A%2F%2Fsentry.example.com&resource=https%3A%2F%2Fsentry.example.com`,
      ],
      ['grant_type', `${REFRESH}&grant_type=password`],
      ['code', `${REDEEM}&code=other`],
      ['refresh_token', `${REFRESH}&refresh_token=other`],
      ['client_id', `${REFRESH}&client_id=other`],
    ]
    for (const [title, body] of twice) {
      test(`T85 duplicate ${title}`, async () => {
        assertRefusedToken(await post(lab, body), 400, 'invalid_request')
        assert.deepEqual(provider.received, [])
      })
    }

    const multipart = [
      '--b',
      'Content-Disposition: form-data; name="grant_type"',
      '',
      'refresh_token',
      '--b--',
      '',
    ].join('\r\n')
    const forms: readonly [title: string, body: string | Uint8Array, headers: Record<string, string | null>][] = [
      ['multipart/form-data', multipart, { 'Content-Type': 'multipart/form-data; boundary=b' }],
      ['JSON', '{"grant_type":"refresh_token"}', { 'Content-Type': 'application/json' }],
      ['a form said to be JSON', REFRESH, { 'Content-Type': 'application/json' }],
      ['text/plain, as a web page may post', REFRESH, { 'Content-Type': 'text/plain' }],
      ['no Content-Type', REFRESH, { 'Content-Type': null }],
      ['another charset', REFRESH, { 'Content-Type': `${FORM}; charset=utf-16` }],
      ['a gzip body', gzipSync(REFRESH), { 'Content-Encoding': 'gzip' }],
      ['a body said to be gzip', REFRESH, { 'Content-Encoding': 'gzip' }],
      ['a gzip body without saying so', gzipSync(REFRESH), {}],
      ['JSON said to be a form', '{"grant_type":"refresh_token"}', {}],
    ]
    for (const [title, body, headers] of forms) {
      test(`T85 ${title}`, async () => {
        const reply = await post(lab, body, { headers })
        assert.ok([400, 415].includes(reply.status), `${reply.status}`)
        assert.deepEqual(provider.received, [])
      })
    }
  })

  test('T44 refresh: the resource is mapped both ways and every other character of the answer stays', async () => {
    const reply = await post(lab, `${REFRESH}&resource=https%3A%2F%2Fsentry.example.com`)
    assert.deepEqual(sentForm(), [...pairsOf(REFRESH), ['resource', DESTINATION]])
    assert.equal(provider.received[0]?.target, '/common/oauth2/token')
    assert.equal(reply.status, 200)
    const expected = V1_ANSWER.replace(
      '"resource":"https://outlook.office365.com/","access_token"',
      '"resource":"https://sentry.example.com","access_token"',
    )
    assert.notEqual(expected, V1_ANSWER)
    assert.equal(reply.body.toString(), expected)
    assert.equal(reply.headers['content-length'], String(Buffer.byteLength(expected)))
    const answer = jsonOf(reply.body)
    assert.equal(answer['resource'], 'https://sentry.example.com')
    assert.equal(answer['expires_in'], '3599')
    assert.equal(answer['foci'], '1')
    assert.match(reply.headers['cache-control'] ?? '', /no-store/)
    assert.equal(reply.headers['pragma'], 'no-cache')
  })

  test('T44 only what the allow-list names goes to the identity provider', async () => {
    await post(lab, REFRESH, {
      headers: {
        'User-Agent': 'Apple-iPhone15C4/2207.62',
        'Accept-Language': 'en-GB',
        'client-request-id': '2f0f0f8c-0b0e-4b36-9a2b-4b9f0a5f3b1c',
        'x-client-SKU': 'iOS',
        'x-ms-PKeyAuth': '1.0',
        Authorization: 'Basic canary',
        Cookie: 'canary=1',
        Referer: 'https://evil.test/',
        'X-Forwarded-For': '10.0.0.1',
        Forwarded: 'for=10.0.0.1',
        'X-User-Identity': 'bob@example.com',
      },
    })
    const headers = provider.received[0]?.headers ?? {}
    const names = Object.keys(headers).filter((name) => !['connection', 'content-length', 'host'].includes(name))
    assert.deepEqual(names.sort(), [
      'accept',
      'accept-language',
      'client-request-id',
      'content-type',
      'user-agent',
      'x-client-sku',
    ])
    assert.equal(headers['host'], new URL(provider.origin).host)
  })

  for (const form of ['https://sentry.example.com/', 'https://SENTRY.example.com', 'https://sentry.example.com:443/']) {
    for (const grant of [REFRESH, REDEEM]) {
      test(`T80 ${grant.slice(11, 24)}: resource ${form} is mapped, and the answer has the client's own form`, async () => {
        const reply = await post(lab, `${grant}&resource=${encodeURIComponent(form)}`)
        assert.deepEqual(sentForm(), [...pairsOf(grant), ['resource', DESTINATION]])
        assert.equal(jsonOf(reply.body)['resource'], form)
      })
    }
  }

  test('T81 a code without resource goes on without one; the answer has the configured form', async () => {
    const body = `grant_type=authorization_code&code=c%2B%2F%3D&client_id=${EMAIL_PLUS.clientId}&redirect_uri=${EMAIL_PLUS.redirectUri}&client_info=1`
    const reply = await post(lab, body)
    assert.deepEqual(sentForm(), pairsOf(body))
    assert.equal(jsonOf(reply.body)['resource'], 'https://sentry.example.com')
  })

  test('T81 a refresh without resource gets one', async () => {
    await post(lab, REFRESH)
    assert.deepEqual(sentForm(), [...pairsOf(REFRESH), ['resource', DESTINATION]])
  })

  test('T42 the verifier is forwarded', async () => {
    for (const path of [V1_TOKEN, V2_TOKEN]) {
      provider.received.length = 0
      await post(lab, `${REDEEM}&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`, { path })
      const verifier = new Map(sentForm()).get('code_verifier')
      assert.equal(verifier, 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
    }
  })

  test('T46 v2.0: the scope is mapped and the numbers of the answer stay numbers', async () => {
    const answer =
      '{"token_type":"Bearer","scope":"https://outlook.office365.com/EAS.AccessAsUser.All","expires_in":3599,"access_token":"opaque"}'
    provider.next({ kind: 'respond', status: 200, body: answer })
    const scope = 'https%3A%2F%2Fsentry.example.com%2FEAS.AccessAsUser.All+offline_access+openid'
    const reply = await post(lab, `${REFRESH}&scope=${scope}`, { path: V2_TOKEN })
    assert.equal(provider.received[0]?.target, '/common/oauth2/v2.0/token')
    const mapped = 'https://outlook.office365.com/EAS.AccessAsUser.All offline_access openid'
    assert.deepEqual(sentForm(), [...pairsOf(REFRESH), ['scope', mapped]])
    assert.equal(reply.body.toString(), answer)
  })

  for (const status of [400, 401]) {
    test(`T82 ${status} invalid_grant with suberror and claims comes back unchanged`, async () => {
      const body =
        '{"error":"invalid_grant","error_description":"AADSTS53003: Access has been blocked.\\r\\nTrace ID: 1","error_codes":[53003],' +
        '"timestamp":"2026-11-23 10:00:00Z","trace_id":"t","correlation_id":"c","error_uri":"https://login.windows.net/error?code=53003",' +
        '"suberror":"message_only","resource":"https://outlook.office365.com/","claims":"{\\"access_token\\":{\\"capolids\\":{\\"essential\\":true}}}"}'
      provider.next({ kind: 'respond', status, body })
      const reply = await post(lab, `${REFRESH}&resource=https%3A%2F%2Fsentry.example.com`)
      assert.equal(reply.status, status)
      assert.equal(reply.body.toString(), body)
    })
  }

  test('T84 cookies and other fields of the identity provider stay there', async () => {
    const headers = {
      'Content-Type': 'application/json; charset=utf-8',
      'Set-Cookie': ['fpc=canary; path=/; secure; HttpOnly', 'x-ms-gateway-slice=estsfd; path=/'],
      'Access-Control-Allow-Origin': '*',
      Server: 'ESTS',
      'Alt-Svc': 'h3=":443"',
      'Cache-Control': 'public, max-age=600',
      'client-request-id': '2f0f0f8c-0b0e-4b36-9a2b-4b9f0a5f3b1c',
      'x-ms-request-id': 'r-1',
      'Retry-After': '7',
    }
    for (const [status, body] of [
      [200, V1_ANSWER],
      [400, '{"error":"invalid_grant"}'],
    ] as const) {
      provider.next({ kind: 'respond', status, headers, body })
      const reply = await post(lab, REFRESH)
      assert.equal(reply.status, status)
      for (const name of ['set-cookie', 'access-control-allow-origin', 'server', 'alt-svc']) {
        assert.equal(reply.headers[name], undefined, name)
      }
      assert.equal(reply.headers['cache-control'], 'no-store')
      const passed = ['client-request-id', 'x-ms-request-id', 'retry-after'].map((name) => reply.headers[name])
      assert.deepEqual(passed, ['2f0f0f8c-0b0e-4b36-9a2b-4b9f0a5f3b1c', 'r-1', '7'])
    }
  })

  test('T86 a code that came back on the lower-cased scheme is accepted', async () => {
    for (const uri of [
      'com.apple.preferences%3A%2F%2Foauth-redirect%2F',
      'com.apple.Preferences%3A%2F%2Foauth-redirect',
    ]) {
      provider.received.length = 0
      const body = `grant_type=authorization_code&code=c&client_id=${APPLE.clientId}&redirect_uri=${uri}&resource=https%3A%2F%2Fsentry.example.com%2F`
      const reply = await post(lab, body, {
        headers: { 'User-Agent': 'Preferences/1208.2.2 CFNetwork/3826.600.41 Darwin/24.6.0' },
      })
      assert.equal(reply.status, 200)
      assert.equal(new Map(sentForm()).get('redirect_uri'), decodeURIComponent(uri))
    }
  })
})
