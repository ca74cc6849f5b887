/** Row T83 of the acceptance list: an identity provider that fails is never seen by the device as it is. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { jsonOf, post, REDEEM, REFRESH, V2_TOKEN } from './support/oauth-requests.ts'
import type { Reply } from './support/oauth-requests.ts'
import { startScriptedProvider, V1_ANSWER } from './support/scripted-provider.ts'
import type { ProviderAction, ScriptedProvider } from './support/scripted-provider.ts'

const HTML = { 'Content-Type': 'text/html; charset=utf-8' }
const PAGE = '<!DOCTYPE html><html><head><title>Server Error</title></head><body>canary</body></html>'
const MEBIBYTE = 1_048_576

describe('identity provider', () => {
  let lab: Lab
  let provider: ScriptedProvider
  before(async () => {
    provider = await startScriptedProvider()
    // 30 s for the identity provider become 1.5 s.
    lab = await startLab({ config: { oauth: provider.oauth }, workers: 1, speed: 20 })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    provider.received.length = 0
  })

  const respond = (status: number, body: string | Uint8Array, headers?: Record<string, string>): ProviderAction => ({
    kind: 'respond',
    status,
    body,
    ...(headers === undefined ? {} : { headers }),
  })
  const assertUnavailable = (reply: Reply): void => {
    assert.ok([502, 503].includes(reply.status), `${reply.status}`)
    assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8')
    assert.match(reply.headers['cache-control'] ?? '', /no-store/)
    assert.equal(jsonOf(reply.body)['error'], 'temporarily_unavailable')
    assert.ok(!/[<>]|canary/.test(reply.body.toString()))
    assert.equal(reply.headers['location'], undefined)
  }

  const rows: readonly [title: string, action: ProviderAction][] = [
    ['500 HTML', respond(500, PAGE, HTML)],
    ['200 HTML', respond(200, PAGE, HTML)],
    ['HTML said to be JSON', respond(200, PAGE)],
    ['400 HTML', respond(400, PAGE, HTML)],
    ['5 MiB of JSON', respond(200, JSON.stringify({ access_token: 'canary'.padEnd(5 * MEBIBYTE, 'x') }))],
    ['5 MiB of an error', respond(400, JSON.stringify({ error: 'canary'.padEnd(5 * MEBIBYTE, 'x') }))],
    ['5 MiB of HTML', respond(500, PAGE.padEnd(5 * MEBIBYTE), HTML)],
    ['a redirect', respond(302, '', { Location: 'https://canary.test/', 'Content-Type': 'application/json' })],
    ['a redirect with JSON', respond(307, V1_ANSWER, { Location: 'https://canary.test/' })],
    ['no body', respond(200, '')],
    ['a JSON array', respond(200, '["canary"]')],
    ['half an object', respond(200, V1_ANSWER.slice(0, -1))],
    ['gzip that nobody asked for', respond(200, gzipSync(V1_ANSWER), { 'Content-Encoding': 'gzip' })],
    ['a connection that breaks before the answer', { kind: 'reset' }],
    ['a connection that breaks in the answer', { kind: 'cut', body: V1_ANSWER }],
  ]
  for (const [title, action] of rows) {
    test(`T83 ${title}`, async () => {
      provider.next(action)
      assertUnavailable(await post(lab, title.startsWith('4') ? REDEEM : REFRESH))
      assert.equal(provider.received.length, 1, 'a code is used up by the first try: there is no second')
    })
  }

  test('T83 no answer at all', async () => {
    provider.next({ kind: 'hang' })
    const reply = await post(lab, REFRESH)
    assertUnavailable(reply)
    assert.ok(reply.ms > 1_000 && reply.ms < 5_000, `${reply.ms} ms`)
    assert.equal(provider.received.length, 1)
    const line = await lab.sentry.waitForAudit(({ id }) => id === reply.headers['x-request-id'])
    assert.deepEqual([line.event, line.decision, line.reasons[0]], ['token', 'allow', 'IDENTITY_PROVIDER'])
  })

  test('T83 an error in JSON is no fault: status and body stay', async () => {
    const body =
      '{"error":"temporarily_unavailable","error_description":"AADSTS90033: A transient error","error_codes":[90033]}'
    provider.next(respond(503, body))
    const reply = await post(lab, REFRESH, { path: V2_TOKEN })
    assert.deepEqual([reply.status, reply.body.toString()], [503, body])
  })

  test('T83 after all that an answer is served again', async () => {
    assert.equal((await post(lab, REFRESH)).status, 200)
  })

  test('T83 a certificate that does not verify, and a port where nobody listens', async () => {
    const untrusting = 'sentry-untrusting.example.com'
    const lonely = 'sentry-lonely.example.com'
    await Promise.all([
      lab.addSentry(untrusting, { config: { oauth: { caFile: 'server-ca.crt' } } }),
      lab.addSentry(lonely, {
        config: { oauth: { tokenEndpoint: 'https://login.windows.net:1/common/oauth2/token' } },
      }),
    ])
    assertUnavailable(await post(lab, REFRESH, { sentry: untrusting }))
    assertUnavailable(await post(lab, REFRESH, { sentry: lonely }))
    assert.deepEqual(provider.received, [])
  })
})
