/** Attacks on the OAuth endpoints: each is refused by Sentry itself, without a redirect, and nobody else hears of it. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import {
  APPLE,
  assertRefusedPage,
  AUTHORIZE,
  authorize,
  EMAIL_PLUS,
  getRaw,
  post,
  REDEEM,
  REFRESH,
  V1_AUTHORIZE,
  V1_TOKEN,
  V2_AUTHORIZE,
  V2_TOKEN,
} from './support/oauth-requests.ts'
import { startScriptedProvider } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

const OWN = 'https://sentry.example.com'
const GRAPH = 'https://graph.microsoft.com'
const CODE = 'response_type=code'
const CLIENT = `client_id=${APPLE.clientId}`
const BACK = `redirect_uri=${APPLE.redirectUri}`
const encoded = encodeURIComponent
const CLIENT_ERRORS = Array.from({ length: 100 }, (_, i) => 400 + i)

/** Values that look like a resource of ours and are none. */
const RESOURCES: readonly (readonly [title: string, value: string])[] = [
  ['userinfo-ours', `${OWN}@graph.microsoft.com`],
  ['userinfo-foreign', 'https://graph.microsoft.com@sentry.example.com'],
  ['userinfo-empty', 'https://@sentry.example.com'],
  ['userinfo-port', `${OWN}:443@graph.microsoft.com`],
  ['userinfo-backslash', `${OWN}\\@graph.microsoft.com`],
  ['suffix-domain', `${OWN}.evil.test`],
  ['prefix-label', 'https://evil-sentry.example.com'],
  ['sub-domain', 'https://x.sentry.example.com'],
  ['parent-domain', 'https://example.com'],
  ['destination-suffix', 'https://outlook.office365.com.evil.test/'],
  ['destination-path', 'https://outlook.office365.com/api'],
  ['path', `${OWN}/graph`],
  ['path-dots', `${OWN}/../graph.microsoft.com`],
  ['path-dot', `${OWN}/.`],
  ['path-double-slash', `${OWN}//`],
  ['path-escape', `${OWN}/%2e%2e`],
  ['path-parameter', `${OWN};/`],
  ['query', `${OWN}?resource=${GRAPH}`],
  ['fragment', `${OWN}#`],
  ['port', `${OWN}:444`],
  ['port-zero-led', `${OWN}:0443`],
  ['port-signed', `${OWN}:+443`],
  ['port-blank', `${OWN}: 443`],
  ['port-empty', `${OWN}:`],
  ['port-twice', `${OWN}:443:443`],
  ['port-exponent', `${OWN}:4.43e2`],
  ['scheme-http', 'http://sentry.example.com'],
  ['scheme-api', 'api://sentry.example.com'],
  ['scheme-spn', `spn:${OWN}`],
  ['scheme-missing', '//sentry.example.com'],
  ['scheme-one-slash', 'https:/sentry.example.com'],
  ['scheme-backslashes', 'https:\\\\sentry.example.com'],
  ['blank-before', ` ${OWN}`],
  ['blank-behind', `${OWN} `],
  ['two-by-blank', `${OWN} ${GRAPH}`],
  ['two-by-comma', `${OWN},${GRAPH}`],
  ['two-in-json', `["${OWN}","${GRAPH}"]`],
  ['application-id', '00000003-0000-0000-c000-000000000000'],
  ['double-encoded', encoded(OWN)],
  ['homograph-cyrillic', 'https://s\u0435ntry.example.com'],
  ['homograph-long-s', 'https://\u017fentry.example.com'],
  ['homograph-full-width', 'https://\uff53entry.example.com'],
  ['homograph-full-stop', 'https://sentry\u3002example\u3002com'],
  ['homograph-slash', `https:\u2044\u2044sentry.example.com`],
  ['punycode', 'https://xn--sntry-nva.example.com'],
  ['zero-width', 'https://sentry\u200b.example.com'],
  ['soft-hyphen', 'https://sen\u00adtry.example.com'],
  ['combining', 'https://sentry\u0301.example.com'],
  ['trailing-dot', `${OWN}.`],
  ['empty-label', 'https://sentry..example.com'],
  ['address', 'https://127.0.0.1'],
  ['address-6', 'https://[::1]'],
  ['very-long', `${OWN}/${'a'.repeat(8_000)}`],
]

/** Values that look like a scope of ours and ask for more. */
const SCOPES: readonly (readonly [title: string, value: string])[] = [
  ['foreign-behind', `${OWN}/EAS.AccessAsUser.All ${GRAPH}/.default`],
  ['foreign-before', `${GRAPH}/.default ${OWN}/EAS.AccessAsUser.All`],
  ['foreign-after-openid', `openid offline_access ${GRAPH}/User.Read`],
  ['comma', `${OWN}/EAS.AccessAsUser.All,${GRAPH}/.default`],
  ['plus-encoded', `${OWN}/.default+${GRAPH}/.default`],
  ['no-break-space', `openid\u00a0${GRAPH}/.default`],
  ['userinfo', `${OWN}@graph.microsoft.com/.default`],
  ['resource-in-path', `${GRAPH}//${OWN}/.default`],
  ['path-dots', `${OWN}/../graph.microsoft.com/.default`],
  ['port', `${OWN}:444/.default`],
  ['http', 'http://sentry.example.com/.default'],
  ['no-name', `${OWN}/`],
  ['application-id', '00000003-0000-0000-c000-000000000000/.default'],
  ['bare', 'User.Read'],
  ['bare-default', '.default'],
  ['openid-in-capitals', 'OPENID'],
  ['homograph', 'https://s\u0435ntry.example.com/.default'],
  ['name-with-query', `${OWN}/.default?x`],
  ['too-many', Array.from({ length: 101 }, () => 'openid').join(' ')],
]

/** Values that look like the redirect URI of the client. */
const REDIRECTS: readonly (readonly [title: string, value: string])[] = [
  ['host-suffix', 'com.apple.Preferences://oauth-redirect.evil.test'],
  ['userinfo', 'com.apple.Preferences://oauth-redirect@evil.test'],
  ['path-behind', 'com.apple.Preferences://oauth-redirect/evil'],
  ['path-dots', 'com.apple.Preferences://oauth-redirect/..'],
  ['two-slashes', 'com.apple.Preferences://oauth-redirect//'],
  ['query-behind', 'com.apple.Preferences://oauth-redirect/?to=evil'],
  ['fragment-behind', 'com.apple.Preferences://oauth-redirect#evil'],
  ['no-authority', 'com.apple.Preferences:oauth-redirect'],
  ['third-slash', 'com.apple.Preferences:///oauth-redirect'],
  ['host-in-capitals', 'com.apple.Preferences://OAUTH-REDIRECT'],
  ['scheme-prefix', 'xcom.apple.Preferences://oauth-redirect'],
  ['scheme-suffix', 'com.apple.Preferencesx://oauth-redirect'],
  ['scheme-cut', 'com.apple://oauth-redirect'],
  ['scheme-homograph', '\u0441om.apple.Preferences://oauth-redirect'],
  ['scheme-long-s', 'com.apple.Preference\u017f://oauth-redirect'],
  ['blank-before', ' com.apple.Preferences://oauth-redirect'],
  ['blank-behind', 'com.apple.Preferences://oauth-redirect '],
  ['in-a-query', 'https://evil.test/?com.apple.Preferences://oauth-redirect'],
  ['scheme-relative', '//evil.test'],
  ['data', 'data:text/html,evil'],
  ['local-http', 'http://localhost'],
  ['another-client', decodeURIComponent(EMAIL_PLUS.redirectUri)],
  ['double-encoded', APPLE.redirectUri],
  ['very-long', `com.apple.Preferences://oauth-redirect/${'a'.repeat(8_000)}`],
]

/** Pieces that may not stand in any form, as they go over the wire. */
const PIECES: readonly (readonly [title: string, piece: string])[] = [
  ['case-resource', `Resource=${encoded(GRAPH)}`],
  ['case-resource-capitals', `RESOURCE=${encoded(OWN)}`],
  ['case-client', 'Client_Id=evil'],
  ['case-redirect', 'redirect_URI=https%3A%2F%2Fevil.test'],
  ['case-scope', `SCOPE=${encoded(`${GRAPH}/.default`)}`],
  ['case-response-type', 'Response_type=token'],
  ['case-grant-type', 'GRANT_TYPE=password'],
  ['encoded-name-twice', 'c%6cient_id=evil'],
  ['encoded-name-foreign', `%72esource=${encoded(GRAPH)}`],
  ['encoded-name-case', `%52esource=${encoded(GRAPH)}`],
  ['name-full-width', `${encoded('\uff52esource')}=x`],
  ['name-nul', 'resource%00=x'],
  ['name-blank', 'resource+=x'],
  ['name-empty', '=x'],
  ['name-line-end', 'a%0d%0aLocation%3a%20https%3a%2f%2fevil.test=x'],
  ['line-end-state', 'state=a%0d%0aSet-Cookie:%20evil=1'],
  ['line-feed-hint', 'login_hint=a%0aLocation:%20https://evil.test'],
  ['carriage-return-unknown', 'nux=a%0db'],
  ['nul-value', 'state=a%00b'],
  ['next-line-c1', 'state=a%c2%85b'],
  ['overlong-line-end', 'state=a%c0%8d%c0%8ab'],
  ['overlong-slash', 'state=%c0%af'],
  ['lone-surrogate', 'state=%ed%a0%80'],
  ['beyond-unicode', 'state=%f4%90%80%80'],
  ['latin-1', 'state=%e9'],
  ['percent-u', 'state=%u000d'],
  ['percent-cut', 'state=%'],
  ['percent-one-digit', 'state=%0'],
  ['percent-no-hex', 'state=%0g'],
  ['repeated-state', 'state=a&state=b'],
  ['repeated-by-encoding', 'state=a&%73tate=b'],
  ['too-many', Array.from({ length: 257 }, (_, i) => `p${i}=`).join('&')],
]

describe('attacks on OAuth', () => {
  let lab: Lab
  let provider: ScriptedProvider
  before(async () => {
    provider = await startScriptedProvider()
    lab = await startLab({ config: { oauth: provider.oauth, limits: { oauthRequestsPerSecondPerAddress: 100_000 } } })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  afterEach(() => assert.deepEqual(provider.received, [], 'the identity provider receives nothing'))

  const refusesPage = async (query: string, path = V1_AUTHORIZE): Promise<void> => {
    const reply = await authorize(lab, query, path)
    assertRefusedPage(reply, CLIENT_ERRORS)
    assert.ok(!/evil|graph\.microsoft/i.test(reply.body.toString()), 'nothing of the request comes back')
  }
  const refusesToken = async (body: string | Uint8Array, path = V1_TOKEN): Promise<void> => {
    const reply = await post(lab, body, { path })
    assert.ok(CLIENT_ERRORS.includes(reply.status), `${reply.status} ${reply.body.toString()}`)
    assert.deepEqual([reply.headers['location'], reply.headers['set-cookie']], [undefined, undefined])
    assert.ok(!/evil|graph\.microsoft|canary/i.test(reply.body.toString()), 'nothing of the request comes back')
  }

  test('the requests that the attacks change are themselves served', async () => {
    for (const path of [V1_AUTHORIZE, V2_AUTHORIZE]) assert.equal((await authorize(lab, AUTHORIZE, path)).status, 302)
    for (const path of [V1_TOKEN, V2_TOKEN]) {
      for (const body of [REFRESH, REDEEM]) assert.equal((await post(lab, body, { path })).status, 200)
    }
    assert.equal(provider.received.splice(0).length, 4)
  })

  for (const [title, value] of RESOURCES) {
    test(`resource-${title}`, async () => {
      const piece = `resource=${encoded(value)}`
      for (const path of [V1_AUTHORIZE, V2_AUTHORIZE]) await refusesPage(`${AUTHORIZE}&${piece}`, path)
      for (const path of [V1_TOKEN, V2_TOKEN]) {
        for (const body of [REFRESH, REDEEM]) await refusesToken(`${body}&${piece}`, path)
      }
    })
  }

  for (const [title, value] of SCOPES) {
    test(`scope-${title}`, async () => {
      const piece = `scope=${encoded(value)}`
      await refusesPage(`${AUTHORIZE}&${piece}`, V2_AUTHORIZE)
      for (const body of [REFRESH, REDEEM]) await refusesToken(`${body}&${piece}`, V2_TOKEN)
      // On v1 a bare name belongs to the pinned resource and is no attack.
      if (!value.includes('/')) return
      await refusesPage(`${AUTHORIZE}&${piece}`)
      for (const body of [REFRESH, REDEEM]) await refusesToken(`${body}&${piece}`)
    })
  }

  for (const [title, value] of REDIRECTS) {
    test(`redirect-uri-${title}`, async () => {
      const piece = `redirect_uri=${encoded(value)}`
      for (const path of [V1_AUTHORIZE, V2_AUTHORIZE]) await refusesPage(`${CODE}&${CLIENT}&${piece}`, path)
      await refusesToken(`grant_type=authorization_code&code=canary&${CLIENT}&${piece}`)
      await refusesToken(`${REFRESH}&${piece}`, V2_TOKEN)
    })
  }

  for (const [title, piece] of PIECES) {
    test(`form-${title}`, async () => {
      for (const query of [`${AUTHORIZE}&${piece}`, `${piece}&${AUTHORIZE}`]) await refusesPage(query)
      for (const body of [`${REFRESH}&${piece}`, `${piece}&${REDEEM}`]) await refusesToken(body)
    })
  }

  const flows: readonly [title: string, query: string][] = [
    ['implicit', `response_type=token&${CLIENT}&${BACK}`],
    ['hybrid', `response_type=code+id_token&${CLIENT}&${BACK}`],
    ['capitals', `response_type=CODE&${CLIENT}&${BACK}`],
    ['none', `response_type=none&${CLIENT}&${BACK}`],
    ['missing', `${CLIENT}&${BACK}`],
    ['fragment-mode', `${AUTHORIZE}&response_mode=fragment`],
    ['form-post-mode', `${AUTHORIZE}&response_mode=form_post`],
    ['jwt-mode', `${AUTHORIZE}&response_mode=query.jwt`],
    ['request-object', `${AUTHORIZE}&request=eyJhbGciOiJub25lIn0.e30.`],
    ['request-object-empty', `${AUTHORIZE}&request=`],
    ['request-uri', `${AUTHORIZE}&request_uri=https%3A%2F%2Fevil.test`],
    ['no-query', ''],
    ['semicolons', AUTHORIZE.replaceAll('&', ';')],
    ['html-ampersands', AUTHORIZE.replaceAll('&', '&amp;')],
    ['double-encoded', encoded(AUTHORIZE)],
    ['client-id-blank', `${CODE}&client_id=${APPLE.clientId}+&${BACK}`],
    ['client-id-capitals', `${CODE}&client_id=${APPLE.clientId.toUpperCase()}&${BACK}`],
    ['client-id-very-long', `${CODE}&client_id=${'a'.repeat(10_000)}&${BACK}`],
    ['client-id-prototype', `${CODE}&client_id=__proto__&${BACK}`],
  ]
  for (const [title, query] of flows) {
    test(`authorize-${title}`, async () => {
      for (const path of [V1_AUTHORIZE, V2_AUTHORIZE]) await refusesPage(query, path)
    })
  }

  const targets: readonly [title: string, target: string][] = [
    ['fragment', `${V1_AUTHORIZE}?${AUTHORIZE}#https://evil.test`],
    ['second-question-mark', `${V1_AUTHORIZE}?x?${AUTHORIZE}`],
    ['raw-quote-and-bytes', `${V1_AUTHORIZE}?${AUTHORIZE}&state="\u00e9`],
    ['raw-tab', `${V1_AUTHORIZE}?${AUTHORIZE}&state=a\tb`],
    ['trailing-slash', `${V1_AUTHORIZE}/?${AUTHORIZE}`],
    ['capitals', `/ProxyService/OAuth2/Authorize?${AUTHORIZE}`],
    ['dot-segments', `/proxyservice/x/../oauth2/authorize?${AUTHORIZE}`],
    ['encoded-slash', `/proxyservice%2foauth2/authorize?${AUTHORIZE}`],
    ['encoded-letter', `/proxyservice/oauth2/%61uthorize?${AUTHORIZE}`],
    ['two-slashes', `//proxyservice/oauth2/authorize?${AUTHORIZE}`],
    ['path-parameter', `${V1_AUTHORIZE};x?${AUTHORIZE}`],
    ['nul', `${V1_AUTHORIZE}%00?${AUTHORIZE}`],
    ['tenant-in-path', `/proxyservice/evil.test/oauth2/authorize?${AUTHORIZE}`],
    ['provider-path', `/common/oauth2/authorize?${AUTHORIZE}`],
    ['device-code', `/proxyservice/oauth2/devicecode?${AUTHORIZE}`],
    ['logout', '/proxyservice/oauth2/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.test'],
    ['absolute-form', `https://login.windows.net/common/oauth2/authorize?${AUTHORIZE}`],
    ['absolute-form-own', `https://sentry.example.com${V1_AUTHORIZE}?${AUTHORIZE}`],
  ]
  for (const [title, target] of targets) {
    test(`target-${title}`, async () => {
      assertRefusedPage(await getRaw(lab, target), CLIENT_ERRORS)
    })
  }

  const bodies: readonly [title: string, body: string | Uint8Array][] = [
    ['semicolons', `${REFRESH};resource=${encoded(GRAPH)}`.replaceAll('&', ';')],
    ['line-end-behind', `${REFRESH}\r\n`],
    ['blank-before', ` ${REFRESH}`],
    ['byte-order-mark', `\ufeff${REFRESH}`],
    ['raw-utf-8', `${REFRESH}&state=\u00e9`],
    ['nul-behind', `${REFRESH}\0`],
    ['utf-16', Buffer.from(REFRESH, 'utf16le')],
    ['empty', ''],
    ['client-secret', `${REFRESH}&client_secret=canary`],
    ['client-assertion', `${REFRESH}&client_assertion=canary&client_assertion_type=x`],
    ['password-beside', `${REFRESH}&username=ann%40example.com&password=canary`],
    ['assertion-beside', `${REDEEM}&assertion=canary`],
    ['grant-with-blank', REFRESH.replace('refresh_token&', 'refresh_token%20&')],
    ['over-64-KiB', REFRESH.padEnd(65_537, 'a')],
    ['refresh-token-empty', REFRESH.replace('canary-refresh', '')],
  ]
  for (const [title, body] of bodies) {
    test(`token-body-${title}`, async () => {
      for (const path of [V1_TOKEN, V2_TOKEN]) await refusesToken(body, path)
    })
  }

  for (const query of [
    `resource=${encoded(GRAPH)}`,
    'grant_type=password',
    `client_id=${APPLE.clientId}`,
    `api-version=1.0&Resource=${encoded(GRAPH)}`,
    'api-version=1.0&%72esource=x',
    'redirect_uri=https%3A%2F%2Fevil.test',
    'unknown=1',
    'api-version=%0d%0aevil',
    '%',
  ]) {
    test(`token-query ${query}`, () => refusesToken(REFRESH, `${V1_TOKEN}?${query}`))
  }

  test('token-chunked-without-end: the limit counts what comes, not what is announced', async () => {
    await using client = await lab.raw(null)
    const lines = [`POST ${V1_TOKEN} HTTP/1.1`, `Host: ${lab.sentryName}`, 'Transfer-Encoding: chunked']
    await client.send([...lines, 'Content-Type: application/x-www-form-urlencoded', '', ''].join('\r\n'))
    const chunk = `8000\r\n${'a'.repeat(0x8000)}\r\n`
    await client.send(`${chunk}${chunk}1\r\na\r\n`)
    assert.equal((await client.readResponse()).status, 413)
  })

  test('token-two-content-types', async () => {
    const types = ['application/x-www-form-urlencoded', 'application/json']
    const reply = await post(lab, REFRESH, { headers: { 'Content-Type': types } })
    assert.equal(reply.status, 400)
  })
})
