import assert from 'node:assert/strict'
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { after, beforeEach, describe, test } from 'node:test'
import { createCa } from '../ca.ts'
import { LabNet, request } from '../lab-net.ts'
import type { LabReply } from '../lab-net.ts'
import { startEntra } from './entra.ts'

const HOST = 'login.windows.net'
const EXO = 'https://outlook.office365.com'
const APPLE = 'f8d98a96-0999-43f5-8af3-69971c7bb423'
const APPLE_REDIRECT = 'com.apple.Preferences://oauth-redirect'
const OTHER = '3c7c5f31-6d0a-4c7e-9d53-2a2f0b6f4e11'
const OTHER_REDIRECT = 'emailplus://com.example.emailplus'

const ca = await createCa()
const entra = await startEntra({
  cert: await ca.issueServer({ names: [HOST] }),
  users: [{ upn: 'ann@example.com', password: 'correct horse' }],
  clients: [
    { clientId: APPLE, redirectUris: [APPLE_REDIRECT] },
    { clientId: OTHER, redirectUris: [OTHER_REDIRECT, 'http://localhost'] },
  ],
})
after(() => entra.close())
beforeEach(() => entra.clearReceived())
const net = new LabNet([ca.certPem])
net.map(HOST, '127.0.0.1', entra.port)

type Form = Record<string, string>
const V1 = `https://${HOST}/common/oauth2`
const V2 = `https://${HOST}/common/oauth2/v2.0`

/** A browser as far as a sign-in needs one: cookies by name, redirects until one leaves for an app. */
class Browser {
  readonly cookies = new Map<string, string>()
  reply: LabReply | null = null
  url = ''

  async load(url: string, form?: Form): Promise<LabReply> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const body = form === undefined ? {} : { body: new URLSearchParams(form).toString() }
    const headers = { Cookie: cookie, ...(form && { 'Content-Type': 'application/x-www-form-urlencoded' }) }
    const reply = await request(net, { method: form ? 'POST' : 'GET', url, headers, ...body })
    for (const [index, name] of reply.rawHeaders.entries()) {
      if (name.toLowerCase() !== 'set-cookie') continue
      const [pair = ''] = (reply.rawHeaders[index + 1] ?? '').split(';')
      this.cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    this.url = url
    this.reply = reply
    const location = reply.headers['location']
    if (location === undefined || reply.status >= 400) return reply
    const next = new URL(location, url)
    return next.host === HOST ? this.load(next.href) : reply
  }

  async signIn(password: string): Promise<LabReply> {
    const html = this.reply?.body.toString() ?? ''
    const field = (name: string): string => new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? ''
    const action = /action="([^"]*)"/.exec(html)?.[1] ?? ''
    const form = { canary: field('canary'), login: field('login') || 'ann@example.com', passwd: password }
    return this.load(new URL(action, this.url).href, form)
  }
}

async function codeFor(parameters: Form, base = V1): Promise<{ callback: URL; code: string; browser: Browser }> {
  const browser = new Browser()
  await browser.load(`${base}/authorize?${new URLSearchParams({ response_type: 'code', ...parameters }).toString()}`)
  const { headers } = await browser.signIn('correct horse')
  const callback = new URL(headers['location'] ?? 'none:')
  return { callback, code: callback.searchParams.get('code') ?? '', browser }
}

async function token(
  form: Form,
  base = V1,
  headers: Form = {},
): Promise<{ status: number; body: Form; headers: Form }> {
  const reply = await request(net, {
    method: 'POST',
    url: `${base}/token`,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  })
  return { status: reply.status, body: JSON.parse(reply.body.toString()) as Form, headers: reply.headers }
}

const claimsOf = (jwt = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

const apple = { client_id: APPLE, redirect_uri: APPLE_REDIRECT }
const ios = {
  ...apple,
  resource: `${EXO}/`,
  state: 'A+B/C=',
  display: 'ios',
  claims: '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
  login_hint: 'ann@example.com',
}

/** A refusal's number and word. */
async function refusal(form: Form, base = V1, headers: Form = {}): Promise<[number, string, number]> {
  const { status, body } = await token(form, base, headers)
  const number = Number((body['error_codes'] as unknown as number[])[0])
  assert.match(body['error_description'] ?? '', new RegExp(`^AADSTS${String(number)}: `))
  for (const name of ['timestamp', 'trace_id', 'correlation_id', 'error_uri']) assert.equal(typeof body[name], 'string')
  return [status, body['error'] ?? '', number]
}

describe('3.1 token requests that are refused', () => {
  const redeem = { grant_type: 'authorization_code', ...apple, code: 'nothing' }
  const rejects: { title: string; form: Form; expected: [number, string, number]; headers?: Form }[] = [
    { title: 'no grant type', form: { client_id: APPLE }, expected: [400, 'invalid_request', 900144] },
    {
      title: 'password',
      form: { grant_type: 'password', client_id: APPLE },
      expected: [400, 'unsupported_grant_type', 70003],
    },
    {
      title: 'unknown application',
      form: { ...redeem, client_id: 'nobody' },
      expected: [400, 'unauthorized_client', 700016],
    },
    {
      title: 'a secret of a public client',
      form: { ...redeem, client_secret: 'x' },
      expected: [401, 'invalid_client', 700025],
    },
    { title: 'unknown code', form: redeem, expected: [400, 'invalid_grant', 70008] },
    {
      title: 'unknown refresh token',
      form: { grant_type: 'refresh_token', client_id: APPLE, refresh_token: 'x' },
      expected: [400, 'invalid_grant', 70008],
    },
    {
      title: 'from a browser page',
      form: redeem,
      headers: { Origin: 'https://evil.test' },
      expected: [400, 'invalid_request', 9002326],
    },
  ]
  for (const { title, form, expected, headers } of rejects)
    test(title, async () => assert.deepEqual(await refusal(form, V1, headers), expected))
  test('unknown tenant', async () =>
    assert.deepEqual(await refusal(redeem, `https://${HOST}/nobody.example/oauth2`), [400, 'invalid_request', 90002]))

  test('an empty client secret, another resource form, a second use of a code, an unknown resource', async () => {
    const { code } = await codeFor(ios)
    const form = { grant_type: 'authorization_code', ...apple, code, client_secret: '' }
    assert.deepEqual(await refusal({ ...form, redirect_uri: 'com.apple.Other://x' }), [400, 'invalid_request', 50011])
    assert.deepEqual(await refusal({ ...form, resource: 'https://sentry.test' }), [400, 'invalid_resource', 500011])
    assert.equal((await token(form)).status, 200)
    assert.deepEqual(await refusal(form), [400, 'invalid_grant', 70008])
  })
  test('RFC 7636 4.6 PKCE: wrong verifier, no verifier, a verifier nobody announced', async () => {
    const verifier = randomBytes(32).toString('base64url')
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const bound = await codeFor({ ...ios, code_challenge: challenge, code_challenge_method: 'S256' })
    const form = { grant_type: 'authorization_code', ...apple, code: bound.code }
    const mismatch = [400, 'invalid_grant', 501481]
    assert.deepEqual(await refusal({ ...form, code_verifier: 'x'.repeat(43) }), mismatch)
    assert.deepEqual(await refusal(form), mismatch)
    assert.equal((await token({ ...form, code_verifier: verifier })).status, 200)
    const free = await codeFor(ios)
    assert.deepEqual(await refusal({ ...form, code: free.code, code_verifier: verifier }), mismatch)
  })
})

describe('authorize requests that are refused', () => {
  const rejects = [
    { title: 'unknown application', parameters: { ...ios, client_id: 'nobody' }, says: 'AADSTS700016' },
    {
      title: 'unregistered redirect URI',
      parameters: { ...ios, redirect_uri: 'https://evil.test/' },
      says: 'AADSTS50011',
    },
  ]
  for (const { title, parameters, says } of rejects)
    test(`${title}: a page, no redirect`, async () => {
      const reply = await new Browser().load(`${V1}/authorize?${new URLSearchParams(parameters).toString()}`)
      assert.deepEqual([reply.status, reply.headers['location']], [400, undefined])
      assert.match(reply.body.toString(), new RegExp(says))
    })
  test('unknown resource: back to the application', async () => {
    const query = new URLSearchParams({ response_type: 'code', ...ios, resource: 'https://sentry.test' })
    const { headers } = await new Browser().load(`${V1}/authorize?${query.toString()}`)
    const { searchParams } = new URL(headers['location'] ?? '')
    assert.match(searchParams.get('error_description') ?? '', /^AADSTS500011/)
    assert.equal(searchParams.get('state'), ios.state)
  })
  test('a wrong password shows the form again; the right one then passes', async () => {
    const browser = new Browser()
    await browser.load(`${V1}/authorize?${new URLSearchParams({ response_type: 'code', ...ios }).toString()}`)
    const wrong = await browser.signIn('wrong horse')
    assert.equal(wrong.status, 200)
    assert.match(wrong.body.toString(), /AADSTS50126/)
    assert.match((await browser.signIn('correct horse')).headers['location'] ?? '', /code=/)
  })
  test('a form from elsewhere, and a page without its cookies', async () => {
    const browser = new Browser()
    await browser.load(`${V1}/authorize?${new URLSearchParams({ response_type: 'code', ...ios }).toString()}`)
    const forged = await browser.load(browser.url, { canary: 'x', login: 'ann@example.com', passwd: 'correct horse' })
    assert.equal(forged.status, 400)
    assert.equal((await new Browser().load(browser.url)).status, 400)
  })
})

describe('3.1 v1: a whole sign-in', () => {
  test('iOS: lower-cased scheme with a slash, tokens in v1 form, refresh with another form of the resource', async () => {
    const { callback, code } = await codeFor(ios)
    assert.match(callback.href, /^com\.apple\.preferences:\/\/oauth-redirect\/\?code=/)
    assert.equal(callback.searchParams.get('state'), ios.state)
    assert.equal(callback.searchParams.get('iss'), null)
    const { status, body, headers } = await token({
      grant_type: 'authorization_code',
      ...apple,
      code,
      resource: `${EXO}/`,
    })
    assert.equal(status, 200)
    assert.equal(body['resource'], `${EXO}/`)
    assert.equal(body['token_type'], 'Bearer')
    assert.match(body['scope'] ?? '', /EAS\.AccessAsUser\.All/)
    assert.match(headers['set-cookie'] ?? '', /x-ms-gateway-slice/)
    for (const name of ['expires_in', 'ext_expires_in', 'expires_on', 'not_before'])
      assert.match(body[name] ?? '', /^\d+$/)
    const claims = claimsOf(body['access_token'])
    assert.partialDeepStrictEqual(claims, {
      aud: EXO,
      iss: `https://sts.windows.net/${entra.tenantId}/`,
      appid: APPLE,
      tid: entra.tenantId,
      upn: 'ann@example.com',
      unique_name: 'ann@example.com',
      ver: '1.0',
      xms_cc: ['cp1'],
    })
    assert.equal(claims['exp'], Number(body['expires_on']))
    assert.ok(entra.verify(body['access_token'] ?? ''))
    const id = claimsOf(body['id_token'])
    assert.deepEqual(
      [id['aud'], id['upn'], id['iss'], id['oid']],
      [APPLE, 'ann@example.com', claims['iss'], claims['oid']],
    )
    const refreshed = await token({
      grant_type: 'refresh_token',
      client_id: APPLE,
      refresh_token: body['refresh_token'] ?? '',
      resource: EXO,
      scope: 'openid',
    })
    assert.equal(refreshed.body['resource'], EXO)
    assert.notEqual(refreshed.body['refresh_token'], body['refresh_token'])
    assert.notEqual(refreshed.body['access_token'], body['access_token'])
  })
  test('3.4 ADAL: no resource at redemption, client_info, the request id comes back', async () => {
    const { code, callback } = await codeFor({
      client_id: OTHER,
      redirect_uri: OTHER_REDIRECT,
      resource: EXO,
      haschrome: '1',
    })
    assert.match(callback.href, /^emailplus:\/\/com\.example\.emailplus\/\?/)
    const form = {
      grant_type: 'authorization_code',
      client_id: OTHER,
      redirect_uri: OTHER_REDIRECT,
      code,
      client_info: '1',
    }
    const { body, headers } = await token(form, V1, { 'client-request-id': 'abc', 'return-client-request-id': 'true' })
    assert.equal(body['resource'], EXO)
    assert.equal(headers['client-request-id'], 'abc')
    const info = JSON.parse(Buffer.from(body['client_info'] ?? '', 'base64url').toString()) as Form
    assert.equal(info['utid'], entra.tenantId)
  })
  test('[MRRT] a refresh token is good for Graph too, and without resource for what it was last used for', async () => {
    const { code } = await codeFor(ios)
    const first = await token({ grant_type: 'authorization_code', ...apple, code })
    const form = { grant_type: 'refresh_token', client_id: APPLE, refresh_token: first.body['refresh_token'] ?? '' }
    const graph = await token({ ...form, resource: '00000003-0000-0000-c000-000000000000' })
    assert.equal(claimsOf(graph.body['access_token'])['aud'], 'https://graph.microsoft.com')
    assert.equal(claimsOf((await token(form)).body['access_token'])['aud'], EXO)
    assert.deepEqual(await refusal({ ...form, client_id: OTHER }), [400, 'invalid_grant', 70008])
    entra.revoke('ann@example.com')
    assert.deepEqual(await refusal(form), [400, 'invalid_grant', 50173])
  })
  test('a browser that is signed in is not asked again, until the user is revoked', async () => {
    const { browser } = await codeFor(ios)
    const url = `${V1}/authorize?${new URLSearchParams({ response_type: 'code', ...ios }).toString()}`
    assert.match((await browser.load(url)).headers['location'] ?? '', /code=/)
    entra.revoke('ann@example.com')
    assert.match((await browser.load(url)).body.toString(), /type="password"/)
  })
})

describe('3.2 v2.0: a whole sign-in', () => {
  test('metadata, scope instead of resource, PKCE, numbers as numbers, keys', async () => {
    const json = async (url: string): Promise<Record<string, unknown>> =>
      JSON.parse((await request(net, { url })).body.toString()) as Record<string, unknown>
    const metadata = await json(`https://${HOST}/common/v2.0/.well-known/openid-configuration`)
    assert.equal(metadata['authorization_endpoint'], `${V2}/authorize`)
    assert.equal(metadata['token_endpoint'], `${V2}/token`)
    const verifier = randomBytes(32).toString('base64url')
    const code_challenge = createHash('sha256').update(verifier).digest('base64url')
    const scope = `${EXO}/EAS.AccessAsUser.All offline_access openid profile`
    const client = { client_id: OTHER, redirect_uri: 'http://localhost:4711' }
    const asked = {
      ...client,
      scope,
      nonce: 'n-1',
      code_challenge,
      code_challenge_method: 'S256',
      prompt: 'select_account',
    }
    const { code, callback } = await codeFor(asked, V2)
    assert.equal(callback.origin, 'http://localhost:4711')
    const form = { grant_type: 'authorization_code', ...client, code, code_verifier: verifier, scope }
    const { body, status } = await token(form, V2)
    assert.equal(status, 200)
    assert.equal(typeof body['expires_in'], 'number')
    assert.equal('resource' in body, false)
    assert.match(body['scope'] ?? '', new RegExp(`^${EXO}/EAS.AccessAsUser.All `))
    assert.equal(claimsOf(body['access_token'])['aud'], EXO)
    assert.deepEqual(
      [claimsOf(body['id_token'])['nonce'], claimsOf(body['id_token'])['iss']],
      ['n-1', metadata['issuer']],
    )
    const { keys } = (await json(metadata['jwks_uri'] as string)) as { keys: JsonWebKey[] }
    const [head = '', claims = '', signature = ''] = (body['access_token'] ?? '').split('.')
    const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' })
    assert.ok(verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')))
    const refresh = { grant_type: 'refresh_token', client_id: OTHER, refresh_token: body['refresh_token'] ?? '' }
    assert.equal((await token({ ...refresh, scope: `${EXO}/.default offline_access` }, V2)).status, 200)
    assert.deepEqual(await refusal({ ...refresh, scope: 'https://sentry.test/.default' }, V2), [
      400,
      'invalid_resource',
      500011,
    ])
    assert.deepEqual(await refusal({ ...refresh, scope: `${EXO}/a https://graph.microsoft.com/b` }, V2), [
      400,
      'invalid_scope',
      28000,
    ])
  })
})

describe('what tests want of it', () => {
  test('minted tokens: defaults, and everything can be said otherwise', () => {
    const claims = claimsOf(entra.mint({ upn: 'ann@example.com' }))
    assert.partialDeepStrictEqual(claims, { aud: EXO, appid: APPLE, upn: 'ann@example.com', tid: entra.tenantId })
    const odd = entra.mint({
      upn: 'x@example.com',
      aud: 'https://graph.microsoft.com',
      appid: 'a',
      tid: 't',
      exp: 7,
      extra: { upn: undefined },
    })
    assert.partialDeepStrictEqual(claimsOf(odd), { aud: 'https://graph.microsoft.com', appid: 'a', tid: 't', exp: 7 })
    assert.equal('upn' in claimsOf(odd), false)
    assert.equal(entra.verify(`${odd.slice(0, -4)}AAAA`), false)
  })
  test('faults of the token endpoint, each once; requests are recorded', async () => {
    const form = { grant_type: 'refresh_token', client_id: APPLE, refresh_token: 'x' }
    entra.fail({ status: 400, body: { error: 'invalid_grant', suberror: 'message_only', claims: '{}' } })
    entra.fail({ status: 500, headers: { 'Content-Type': 'text/html' }, body: '<html>', delayMs: 20 })
    assert.equal((await token(form)).body['suberror'], 'message_only')
    const broken = await request(net, { method: 'POST', url: `${V1}/token?api-version=1.0`, body: 'a=b' })
    assert.deepEqual([broken.status, broken.body.toString()], [500, '<html>'])
    assert.deepEqual(await refusal(form), [400, 'invalid_grant', 70008])
    assert.equal(entra.tokenRequests().length, 3)
    assert.equal(entra.received[0]?.body, new URLSearchParams(form).toString())
  })
  test('3.3 instance discovery knows its own cloud only', async () => {
    const ask = (endpoint: string): Promise<LabReply> =>
      request(net, {
        url: `https://${HOST}/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(endpoint)}`,
      })
    assert.equal((await ask(`${V1}/authorize`)).status, 200)
    const other = await ask('https://sentry.test/proxyservice/oauth2/authorize')
    assert.deepEqual([other.status, (JSON.parse(other.body.toString()) as Form)['error']], [400, 'invalid_instance'])
  })
  test('silence, and closing in the middle of it', async () => {
    const own = await startEntra({ cert: await ca.issueServer({ names: [HOST] }), users: [], clients: [] })
    net.map(`${HOST}:8443`, '127.0.0.1', own.port)
    own.fail({ status: 0, hang: true })
    const held = request(net, { method: 'POST', url: `https://${HOST}:8443/common/oauth2/token`, body: '' })
    const broken = assert.rejects(held)
    while (own.tokenRequests().length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await own.close()
    await own.close()
    await broken
  })
})
