/** Row T47 of the acceptance list: two destinations on two names never meet. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { APPLE, jsonOf, pairsOf, post, REDEEM, REFRESH } from './support/oauth-requests.ts'
import { startScriptedProvider } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

const A = 'sentry.example.com'
const B = 'sentry-b.example.com'
const B_DESTINATION = 'https://outlook.office365.us/'

describe('two destinations', () => {
  let lab: Lab
  let a: ScriptedProvider
  let b: ScriptedProvider
  before(async () => {
    ;[a, b] = await Promise.all([startScriptedProvider(), startScriptedProvider(['login.microsoftonline.us'])])
    const hosts = { 'login.microsoftonline.us': '127.0.0.1', 'login.windows.net': '127.0.0.1' }
    lab = await startLab({ config: { oauth: a.oauth, hosts } })
    const oauth = { ...b.oauth, destinationResource: B_DESTINATION, sentryResource: `https://${B}` }
    await lab.addSentry(B, { config: { oauth, limits: { oauthRequestsPerSecondPerAddress: 10_000 } } })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()])
  })
  beforeEach(() => {
    a.received.length = 0
    b.received.length = 0
  })

  test('T47 each name has its own identity provider and resource', async () => {
    const resource = (name: string): string => `${REFRESH}&resource=https%3A%2F%2F${name}`
    assert.equal(jsonOf((await post(lab, resource(A), { sentry: A })).body)['resource'], `https://${A}`)
    assert.equal((await post(lab, resource(B), { sentry: B })).status, 200)
    const sent = [a, b].map(({ received }) => received.map(({ body }) => new Map(pairsOf(body)).get('resource')))
    assert.deepEqual(sent, [['https://outlook.office365.com/'], [B_DESTINATION]])
  })

  test('T47 a code of A posted to B never reaches A’s identity provider', async () => {
    b.next({ kind: 'respond', status: 400, body: '{"error":"invalid_grant","error_codes":[9002313]}' })
    const reply = await post(lab, REDEEM.replace('canary-code', 'code-of-a'), { sentry: B })
    assert.equal(reply.status, 400)
    assert.equal(b.received.length, 1)
    assert.deepEqual(a.received, [])
  })

  test('T47 the resource of the other destination is foreign', async () => {
    for (const resource of [`https%3A%2F%2F${A}`, 'https%3A%2F%2Foutlook.office365.com%2F']) {
      const reply = await post(lab, `${REFRESH}&resource=${resource}`, { sentry: B })
      assert.deepEqual([reply.status, jsonOf(reply.body)['error']], [400, 'invalid_target'])
    }
    assert.deepEqual([a.received, b.received], [[], []])
  })

  const selectors = (): string[] => {
    const value = encodeURIComponent(`${a.origin}/common/oauth2/token`)
    const host = encodeURIComponent(new URL(a.origin).host)
    return [
      ...['authority', 'endpoint', 'token_endpoint', 'authorization_endpoint', 'iss', 'issuer', 'idp'].map(
        (name) => `${name}=${value}`,
      ),
      ...['host', 'cloud_instance_host_name', 'cloud_instance_name', 'tenant', 'domain_hint'].map(
        (name) => `${name}=${host}`,
      ),
    ]
  }

  test('T47 no parameter of a token request selects the destination', async () => {
    for (const selector of selectors()) await post(lab, `${REDEEM}&${selector}`, { sentry: B })
    assert.deepEqual(a.received, [])
    assert.equal(b.received.length, selectors().length)
    assert.ok(b.received.every(({ target }) => target === '/common/oauth2/token'))
  })

  test('T47 no parameter of an authorize request selects the destination', async () => {
    const query = `response_type=code&client_id=${APPLE.clientId}&redirect_uri=${APPLE.redirectUri}`
    for (const selector of selectors()) {
      const reply = await lab.oauth(`/proxyservice/oauth2/authorize?${selector}&${query}`, { sentry: B })
      assert.equal(reply.status, 302)
      const location = new URL(reply.headers['location'] ?? '')
      assert.equal(`${location.origin}${location.pathname}`, `${b.origin}/common/oauth2/authorize`)
    }
  })

  test('T47 the header of a request does not either: Host and TLS name must be one, and this Sentry’s', async () => {
    const headers: Record<string, string>[] = [
      { Host: A },
      { Host: new URL(a.origin).host },
      { 'X-Forwarded-Host': A },
      { 'X-Original-Host': A },
      { Forwarded: `host=${A}` },
    ]
    const statuses: number[] = []
    for (const more of headers) statuses.push((await post(lab, REDEEM, { sentry: B, headers: more })).status)
    assert.deepEqual(statuses, [421, 421, 200, 200, 200])
    assert.deepEqual(a.received, [])
    assert.equal(b.received.length, 3)
  })
})
