/** Rows T38 to T42, T46, T78 to T81 and T86 of the acceptance list, where they are about the authorize endpoint. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import {
  APPLE,
  assertRefusedPage,
  AUTHORIZE,
  authorize,
  EMAIL_PLUS,
  getRaw,
  pairsOf,
  redirectedTo,
  V1_AUTHORIZE,
  V2_AUTHORIZE,
} from './support/oauth-requests.ts'
import { startScriptedProvider } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

const DESTINATION = 'https://outlook.office365.com/'

describe('authorize', () => {
  let lab: Lab
  let provider: ScriptedProvider
  let v1: string
  let v2: string
  before(async () => {
    provider = await startScriptedProvider()
    lab = await startLab({
      config: { oauth: provider.oauth, limits: { oauthRequestsPerSecondPerAddress: 100_000 } },
    })
    v1 = `${provider.origin}/common/oauth2/authorize`
    v2 = `${provider.origin}/common/oauth2/v2.0/authorize`
  })
  after(async () => {
    assert.deepEqual(provider.received, [], 'authorize never speaks to the identity provider itself')
    await lab[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })

  describe('refused by Sentry itself, without a redirect', () => {
    const resource = 'resource=https%3A%2F%2Fsentry.example.com'
    const code = `response_type=code&${resource}`
    const apple = `client_id=${APPLE.clientId}`
    const back = `redirect_uri=${APPLE.redirectUri}`
    const rows: readonly [title: string, query: string, error: string][] = [
      [
        'T39 unknown client_id',
        `${code}&client_id=00000000-0000-0000-0000-000000000001&${back}`,
        'unauthorized_client',
      ],
      ['T39 missing client_id', `${code}&${back}`, 'invalid_request'],
      ['T39 empty client_id', `${code}&client_id=&${back}`, 'invalid_request'],
      ['T39 two client_ids', `${code}&${apple}&client_id=evil&${back}`, 'invalid_request'],
      ['T39 two equal client_ids', `${code}&${apple}&${apple}&${back}`, 'invalid_request'],
      [
        'T39 a client with another’s redirect_uri',
        `${code}&${apple}&redirect_uri=${EMAIL_PLUS.redirectUri}`,
        'invalid_request',
      ],
      ['T41 https://evil.test', `${code}&${apple}&redirect_uri=https%3A%2F%2Fevil.test`, 'invalid_request'],
      [
        'T41 a scheme that only begins alike',
        `${code}&${apple}&redirect_uri=com.apple.preferences.evil%3A%2F%2Fx`,
        'invalid_request',
      ],
      ['T41 javascript:', `${code}&${apple}&redirect_uri=javascript%3Aalert(1)`, 'invalid_request'],
      ['T41 a line end in it', `${code}&${apple}&${back}%0d%0aSet-Cookie:%20a=b`, 'invalid_request'],
      ['T41 missing', `${code}&${apple}`, 'invalid_request'],
      ['T41 empty', `${code}&${apple}&redirect_uri=`, 'invalid_request'],
      ['T41 two of them', `${code}&${apple}&${back}&redirect_uri=https%3A%2F%2Fevil.test`, 'invalid_request'],
    ]
    for (const [title, query, error] of rows) {
      test(title, async () => {
        const reply = await authorize(lab, query)
        assertRefusedPage(reply, [400], error)
        assert.ok(!reply.body.toString().includes('evil'), 'nothing of the request comes back')
      })
    }

    test('T39 a refusal is a page for a person where the client takes HTML', async () => {
      const reply = await getRaw(lab, `${V1_AUTHORIZE}?${code}&client_id=evil&${back}`, ['Accept: text/html,*/*;q=0.8'])
      assertRefusedPage(reply, [400])
      assert.equal(reply.header('content-type'), 'text/html; charset=utf-8')
      assert.ok(!/href|<script|http-equiv|evil/i.test(reply.body.toString()))
    })

    for (const method of ['POST', 'HEAD', 'OPTIONS']) {
      test(`3.6 ${method} of the authorize endpoint is not served`, async () => {
        const reply = await lab.oauth(`${V1_AUTHORIZE}?${AUTHORIZE}`, { method, headers: { 'Content-Length': '0' } })
        assert.equal(reply.status, 405)
        assert.deepEqual([reply.headers['location'], reply.headers['allow']], [undefined, 'GET'])
      })
    }
  })

  test('T38 ADAL for Android: the resource is mapped, all else is equal after decoding', async () => {
    const before = `response_type=code&client_id=${EMAIL_PLUS.clientId}`
    // The state is base64url of a=https://sentry.example.com/proxyservice&r=https://sentry.example.com
    const behind =
      `&redirect_uri=${EMAIL_PLUS.redirectUri}` +
      '&state=YT1odHRwczovL3NlbnRyeS5leGFtcGxlLmNvbS9wcm94eXNlcnZpY2Umcj1odHRwczovL3NlbnRyeS5leGFtcGxlLmNvbQ' +
      '&login_hint=ann%40example.com&x-client-SKU=Android&x-client-Ver=1.16.3&x-client-OS=28&x-client-DM=SM-G960F+%28x%29' +
      '&client-request-id=2f0f0f8c-0b0e-4b36-9a2b-4b9f0a5f3b1c&prompt=refresh_session&x-app-name=Email%2B&x-app-ver=4.9' +
      '&haschrome=1&nux=1&nux=2&lone&empty='
    const reply = await authorize(lab, `${before}&resource=https%3A%2F%2Fsentry.example.com${behind}`)
    assert.deepEqual(redirectedTo(reply, v1), [...pairsOf(before), ['resource', DESTINATION], ...pairsOf(behind)])
    assert.match(reply.header('cache-control') ?? '', /no-store/)
    assert.equal(reply.header('referrer-policy'), 'no-referrer')
    assert.equal(reply.body.length, 0)
  })

  test('T86 iOS as recorded', async () => {
    const before = `response_type=code&client_id=${APPLE.clientId}&redirect_uri=com.apple.Preferences://oauth-redirect`
    const behind =
      '&display=ios&ui_locales=en-GB&state=6F1A2C7E-8B1D-4C0A-9F55-0B7E0B1D2C3A' +
      '&claims=%7B%22access_token%22:%7B%22xms_cc%22:%7B%22values%22:%5B%22cp1%22%5D%7D%7D%7D&login_hint=ann@example.com'
    const reply = await authorize(lab, `${before}&resource=https://sentry.example.com/${behind}`)
    assert.deepEqual(redirectedTo(reply, v1), [...pairsOf(before), ['resource', DESTINATION], ...pairsOf(behind)])
  })

  test('T40 claims of 7 KiB with odd spacing and escapes arrive byte for byte', async () => {
    const odd =
      '{ "access_token" :\t{\n "xms_cc":{"values" : ["cp1" ]},"\\u00e9\\ud83d\\ude00":{"value":"\u00e9\u{1f600} %41+/="} } , "pad":"'
    const claims = `${odd}${'p'.repeat(7_168 - odd.length - 2)}"}`
    const reply = await authorize(lab, `${AUTHORIZE}&claims=${encodeURIComponent(claims)}`)
    assert.equal(new Map(redirectedTo(reply, v1)).get('claims'), claims)
  })

  test('T40 claims of 40 KiB are refused', async () => {
    const reply = await authorize(lab, `${AUTHORIZE}&claims=${'c'.repeat(40_960)}`)
    assertRefusedPage(reply, [400, 414, 431])
  })

  test('T40 a query over 16 KiB by one character is refused, one of 16 KiB is served', async () => {
    const room = 16_384 - `${AUTHORIZE}&claims=`.length
    redirectedTo(await authorize(lab, `${AUTHORIZE}&claims=${'c'.repeat(room)}`), v1)
    assertRefusedPage(await authorize(lab, `${AUTHORIZE}&claims=${'c'.repeat(room + 1)}`), [400, 414])
  })

  test('T42 code_challenge and S256 are forwarded', async () => {
    const pkce = 'code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256'
    for (const [path, endpoint] of [
      [V1_AUTHORIZE, v1],
      [V2_AUTHORIZE, v2],
    ] as const) {
      const sent = redirectedTo(await authorize(lab, `${AUTHORIZE}&${pkce}`, path), endpoint)
      assert.deepEqual(sent.slice(3, 5), pairsOf(pkce))
    }
  })

  test('T78 instance_aware is dropped, all else kept', async () => {
    for (const value of ['true', 'false', '']) {
      const sent = redirectedTo(await authorize(lab, `instance_aware=${value}&${AUTHORIZE}&after=1`), v1)
      assert.deepEqual(sent, [...pairsOf(AUTHORIZE), ['after', '1'], ['resource', DESTINATION]])
    }
  })

  test('T79 state with escapes and base64url is identical after decoding', async () => {
    for (const [written, value] of [
      ['%2B%20%3D%20%26+', '+ = & '],
      ['a%2Bb%3Dc%26d+e', 'a+b=c&d e'],
      ['YT1i-_w', 'YT1i-_w'],
      ['%25%32%42', '%2B'],
      ['%e2%82%ac%23%3f', '\u20ac#?'],
      ['a=b=c', 'a=b=c'],
    ] as const) {
      const sent = redirectedTo(await authorize(lab, `${AUTHORIZE}&state=${written}`), v1)
      assert.equal(new Map(sent).get('state'), value)
    }
  })

  for (const form of [
    'https://sentry.example.com',
    'https://sentry.example.com/',
    'https://SENTRY.example.com',
    'https://sentry.example.com:443/',
    'HTTPS://sentry.example.com',
    'https://outlook.office365.com',
    'https://OUTLOOK.office365.com/',
  ]) {
    test(`T80 resource ${form} is mapped`, async () => {
      const sent = redirectedTo(await authorize(lab, `${AUTHORIZE}&resource=${encodeURIComponent(form)}`), v1)
      assert.deepEqual(sent, [...pairsOf(AUTHORIZE), ['resource', DESTINATION]])
    })
  }

  test('T81 a missing or empty resource is written in', async () => {
    for (const more of ['', '&resource=']) {
      const sent = redirectedTo(await authorize(lab, `${AUTHORIZE}${more}`), v1)
      assert.deepEqual(sent, [...pairsOf(AUTHORIZE), ['resource', DESTINATION]])
    }
  })

  test('T46 v2.0: the scope is mapped, OpenID scopes pass', async () => {
    const scope = 'https%3A%2F%2Fsentry.example.com%2FEAS.AccessAsUser.All+offline_access%20openid'
    const sent = redirectedTo(await authorize(lab, `${AUTHORIZE}&scope=${scope}`, V2_AUTHORIZE), v2)
    assert.deepEqual(sent, [
      ...pairsOf(AUTHORIZE),
      ['scope', 'https://outlook.office365.com/EAS.AccessAsUser.All offline_access openid'],
    ])
  })

  for (const scope of [
    'https://graph.microsoft.com/Mail.Read',
    'https://sentry.example.com/EAS.AccessAsUser.All https://graph.microsoft.com/.default',
    'User.Read openid',
  ]) {
    test(`T46 v2.0: ${scope} is invalid_scope`, async () => {
      const reply = await authorize(lab, `${AUTHORIZE}&scope=${encodeURIComponent(scope)}`, V2_AUTHORIZE)
      assertRefusedPage(reply, [400], 'invalid_scope')
    })
  }
})
