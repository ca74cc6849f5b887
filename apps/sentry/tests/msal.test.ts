/**
 * An independent client of the v2.0 endpoints: the library that apps sign in with, unchanged but for its network,
 * which finds the lab's names.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CryptoProvider, PublicClientApplication } from '@azure/msal-node'
import type { AccountInfo, AuthenticationResult, INetworkModule, NetworkRequestOptions } from '@azure/msal-node'
import { CookieJar } from '@postern/harness/cookie-jar'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { request } from '@postern/harness/lab-net'
import type { LabRequest } from '@postern/harness/lab-net'
import { phoneHttp } from '@postern/harness/phone-http'
import { PhoneLog } from '@postern/harness/phone-log'
import { signInOnTheWeb } from '@postern/harness/web-view'
import { pairsOf } from './support/oauth-requests.ts'

const CLIENT_ID = '8d7e5f64-2a51-4c1c-9d8e-5b6f0c3a7e21'
const REDIRECT_URI = 'http://localhost'
const SCOPES = ['https://sentry.example.com/EAS.AccessAsUser.All']
/** FolderSync with key 0, and the beginning of its answer with Status 1. */
const FOLDERS = '03016a000007564c033100'

describe('MSAL through Sentry', () => {
  let lab: Lab
  let application: PublicClientApplication
  let account: AccountInfo
  /** What the library asked for, and where. */
  const asked: URL[] = []

  before(async () => {
    lab = await startLab({
      clients: [{ clientId: CLIENT_ID, redirectUris: [REDIRECT_URI] }],
      exchange: { requirePolicy: false },
    })
    application = new PublicClientApplication({
      auth: {
        clientId: CLIENT_ID,
        authority: `https://${lab.sentryName}/proxyservice`,
        knownAuthorities: [lab.sentryName],
      },
      system: { networkClient: networkOf(lab, asked) },
    })
  })
  after(() => lab[Symbol.asyncDispose]())

  const accessTokenWorks = async ({ accessToken }: AuthenticationResult): Promise<void> => {
    const device = lab.devices['ann-phone']
    const options = await lab.eas(device, { method: 'OPTIONS', query: '', token: accessToken })
    assert.equal(options.status, 200)
    assert.equal(options.headers['ms-asprotocolversions'], '14.1,16.1')
    const folders = await lab.eas(device, { token: accessToken })
    assert.equal(folders.status, 200)
    assert.equal(folders.body.subarray(0, 11).toString('hex'), FOLDERS)
    const authorization = lab.exchange.received.at(-1)?.headers['authorization']
    assert.equal(authorization, `Bearer ${accessToken}`)
  }

  test('sign-in by code with PKCE, and ActiveSync with its token', async () => {
    const crypto = new CryptoProvider()
    const { verifier, challenge } = await crypto.generatePkceCodes()
    const state = crypto.createNewGuid()
    const pkce = { codeChallenge: challenge, codeChallengeMethod: 'S256' }
    const loginHint = 'ann@example.com'
    const url = await application.getAuthCodeUrl({
      scopes: SCOPES,
      redirectUri: REDIRECT_URI,
      state,
      loginHint,
      ...pkce,
    })
    assert.ok(url.startsWith('https://sentry.example.com/proxyservice/oauth2/v2.0/authorize?'), url)

    const web = await signIn(lab, new URL(url))
    assert.equal(web.first.status, 302)
    assert.equal(web.first.location?.hostname, 'login.windows.net')
    assert.equal(web.first.location.pathname, '/common/oauth2/v2.0/authorize')
    const scope = web.first.location.searchParams.get('scope') ?? ''
    assert.deepEqual(scope.split(' ').sort(), [
      'https://outlook.office365.com/EAS.AccessAsUser.All',
      'offline_access',
      'openid',
      'profile',
    ])
    assert.equal(web.callback?.searchParams.get('state'), state, web.page)

    const code = web.callback.searchParams.get('code') ?? ''
    const result = await application.acquireTokenByCode({
      code,
      scopes: SCOPES,
      redirectUri: REDIRECT_URI,
      codeVerifier: verifier,
    })
    assert.ok(lab.entra.verify(result.accessToken))
    assert.ok(result.account !== null)
    account = result.account
    assert.equal(account.username, 'ann@example.com')
    assert.equal(claimsOf(result.accessToken)['aud'], 'https://outlook.office365.com')
    assert.equal(claimsOf(result.accessToken)['appid'], CLIENT_ID)
    await accessTokenWorks(result)
  })

  test('a verifier of somebody else gets no token', async () => {
    const { challenge } = await new CryptoProvider().generatePkceCodes()
    const url = await application.getAuthCodeUrl({
      scopes: SCOPES,
      redirectUri: REDIRECT_URI,
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
    })
    const web = await signIn(lab, new URL(url))
    const code = web.callback?.searchParams.get('code') ?? ''
    assert.notEqual(code, '')
    const stolen = { code, scopes: SCOPES, redirectUri: REDIRECT_URI, codeVerifier: 'v'.repeat(43) }
    await assert.rejects(application.acquireTokenByCode(stolen), { errorCode: 'invalid_grant' })
  })

  test('a silent refresh, and ActiveSync with its token', async () => {
    lab.entra.clearReceived()
    const result = await application.acquireTokenSilent({ account, scopes: SCOPES, forceRefresh: true })
    assert.equal(result.fromCache, false)
    const [sent, ...more] = lab.entra.tokenRequests()
    assert.deepEqual(more, [])
    const form = new Map(pairsOf(sent?.body ?? ''))
    assert.equal(sent?.url, '/common/oauth2/v2.0/token')
    assert.equal(form.get('grant_type'), 'refresh_token')
    assert.ok(form.get('scope')?.split(' ').includes('https://outlook.office365.com/EAS.AccessAsUser.All'))
    assert.ok(!sent.body.includes('sentry.example.com'))
    await accessTokenWorks(result)
  })

  test('a scope of another service is refused by Sentry, and the library says so', async () => {
    lab.entra.clearReceived()
    const scopes = ['https://graph.microsoft.com/User.Read']
    await assert.rejects(application.acquireTokenSilent({ account, scopes, forceRefresh: true }), {
      errorCode: 'invalid_scope',
    })
    assert.deepEqual(lab.entra.received, [])
  })

  test('a blocked user gets no fresh token', async () => {
    await lab.policy.publish((draft) => draft.blockedUsers.push('ann@example.com'))
    await lab.policy.applied()
    await assert.rejects(application.acquireTokenSilent({ account, scopes: SCOPES, forceRefresh: true }), {
      errorCode: 'invalid_grant',
    })
  })

  test('the library spoke to Sentry alone', () => {
    assert.deepEqual([...new Set(asked.map(({ host }) => host))], ['sentry.example.com'])
    assert.ok(asked.some(({ pathname }) => pathname === '/proxyservice/v2.0/.well-known/openid-configuration'))
  })
})

function networkOf(lab: Lab, asked: URL[]): INetworkModule {
  const send = async (
    method: 'GET' | 'POST',
    url: string,
    options: NetworkRequestOptions = {},
  ): Promise<{ headers: Record<string, string>; body: never; status: number }> => {
    asked.push(new URL(url))
    const outgoing: LabRequest = { method, url, headers: options.headers ?? {} }
    if (options.body !== undefined) outgoing.body = options.body
    const reply = await request(lab.net, outgoing)
    // The type is the caller's choice; the library's own transports parse JSON and assert it likewise.
    return { headers: reply.headers, body: JSON.parse(reply.body.toString('utf8')) as never, status: reply.status }
  }
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  }
}

async function signIn(lab: Lab, url: URL): ReturnType<typeof signInOnTheWeb> {
  const http = phoneHttp(lab.net, null)
  try {
    const person = { user: 'ann@example.com', password: 'correct horse battery' }
    const page = { http, userAgent: 'Mozilla/5.0', cookies: new CookieJar(), log: new PhoneLog() }
    return await signInOnTheWeb(url, person, { ...page, redirectUri: REDIRECT_URI })
  } finally {
    http.close()
  }
}

function claimsOf(token: string): Record<string, unknown> {
  const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  return claims as Record<string, unknown>
}
