/** Rows T88 to T90 of the acceptance list: the challenge that sends a phone to sign in through Sentry. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'

/** As recorded from Exchange Online, with Sentry's authorization_uri. */
const CHALLENGE =
  'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", ' +
  'trusted_issuers="00000001-0000-0000-c000-000000000000@*", ' +
  'token_types="app_asserted_user_v1 service_asserted_app_v1", ' +
  'authorization_uri="https://sentry.example.com/proxyservice/oauth2/authorize", ' +
  'error="invalid_token"'
const QUERY = 'Cmd=FolderSync&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone'

describe('challenges', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab()
  })
  after(() => lab[Symbol.asyncDispose]())
  beforeEach(() => {
    lab.exchange.clearReceived()
    lab.exchange.clearScript()
  })

  const head = (method: string, lines: readonly string[]): string => {
    const query = method === 'OPTIONS' ? '' : `?${QUERY}`
    const usual = [`Host: ${lab.sentryName}`, 'MS-ASProtocolVersion: 16.1', 'Content-Length: 0']
    return [`${method} /Microsoft-Server-ActiveSync${query} HTTP/1.1`, ...usual, ...lines, '', ''].join('\r\n')
  }

  for (const method of ['OPTIONS', 'POST']) {
    test(`T88 anonymous ${method} with a certificate: a local challenge, UP=0, and the connection stays`, async () => {
      await using client = await lab.raw(lab.devices['ann-phone'])
      await client.send(head(method, []))
      const reply = await client.readResponse()
      assert.equal(reply.status, 401)
      assert.deepEqual(reply.all('www-authenticate'), [CHALLENGE])
      assert.equal(lab.exchange.receivedCount, 0)
      const line = await lab.sentry.waitForAudit(({ id }) => id === reply.header('x-request-id'))
      assert.deepEqual([line.decision, line.reasons, line.upstreamStatus], ['refuse', ['TOKEN_MISSING'], null])
      await client.send(head(method, [`Authorization: Bearer ${lab.token('ann@example.com')}`]))
      assert.notEqual((await client.readResponse()).status, 401)
      assert.equal(lab.exchange.receivedCount, 1)
    })
  }

  for (const authorization of [
    'Bearer',
    'Bearer ',
    'bearer',
    'BEARER  ',
    '',
    'Bearer a b',
    'Bearer ,',
    'Bearer a,Bearer b',
  ]) {
    for (const method of ['OPTIONS', 'POST']) {
      test(`T89 ${method} with Authorization: ${JSON.stringify(authorization)}`, async () => {
        await using client = await lab.raw(lab.devices['ann-phone'])
        await client.send(head(method, [`Authorization: ${authorization}`, 'X-User-Identity: ann@example.com']))
        const reply = await client.readResponse()
        assert.equal(reply.status, 401)
        assert.deepEqual(reply.all('www-authenticate'), [CHALLENGE])
        assert.equal(lab.exchange.receivedCount, 0)
      })
    }
  }

  const answer401 = (challenges: readonly string[]): void => {
    const headers = challenges.map((value) => ['WWW-Authenticate', value] as const)
    lab.exchange.script({
      action: { kind: 'respond', status: 401, headers: [...headers, ['x-ms-diagnostics', '2000001;reason="r"']] },
    })
  }
  const foreign = 'https://login.microsoftonline.com/common/oauth2/authorize'
  const own = 'https://sentry.example.com/proxyservice/oauth2/authorize'
  const claims = 'eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ=='
  const rows: readonly [title: string, upstream: string, device: string][] = [
    [
      'as Exchange Online writes it',
      `Bearer realm="", authorization_uri="${foreign}", error="insufficient_claims", claims="${claims}"`,
      `Bearer realm="", authorization_uri="${own}", error="insufficient_claims", claims="${claims}"`,
    ],
    [
      'odd spacing, case and order stay',
      `bearer claims="${claims}" ,  Error="insufficient_claims",AUTHORIZATION_URI = "${foreign}"`,
      `bearer claims="${claims}" ,  Error="insufficient_claims",AUTHORIZATION_URI = "${own}"`,
    ],
  ]
  for (const [title, upstream, device] of rows) {
    test(`T90 insufficient_claims: ${title}`, async () => {
      answer401([upstream])
      const reply = await lab.eas(lab.devices['ann-phone'])
      assert.equal(reply.status, 401)
      assert.equal(reply.headers['www-authenticate'], device)
      assert.equal(reply.headers['x-ms-diagnostics'], '2000001;reason="r"')
      assert.equal(lab.exchange.receivedCount, 1)
    })
  }

  test('T90 insufficient_claims: a scheme that would bring back passwords stays behind', async () => {
    const bearer = `Bearer authorization_uri="${foreign}", error="insufficient_claims", claims="${claims}"`
    answer401(['Negotiate', bearer, 'Basic realm="x"'])
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.headers['www-authenticate'], bearer.replace(foreign, own))
  })

  test('T90 a challenge that cannot be read is replaced: no foreign sign-in address gets through', async () => {
    answer401([`Bearer error="insufficient_claims" authorization_uri="https://evil.test/`])
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 401)
    assert.equal(reply.headers['www-authenticate'], CHALLENGE)
  })

  test('T90 the whole conversation: revoked, claims as issued, a new token is served', async () => {
    const device = lab.devices['ann-phone']
    const token = lab.token(device.user)
    await lab.eas(device, { method: 'OPTIONS', query: '', token })
    const demanded = lab.exchange.demandClaims(device.user)
    const reply = await lab.eas(device, { method: 'OPTIONS', query: '', token })
    assert.equal(reply.status, 401)
    const challenge = reply.headers['www-authenticate'] ?? ''
    assert.ok(challenge.endsWith(`, error="insufficient_claims", claims="${demanded}"`))
    assert.ok(challenge.includes(`authorization_uri="${own}"`))
    assert.ok(!challenge.includes('login.'))
  })
})
