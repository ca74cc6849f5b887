/**
 * Signing in at an identity provider: against a certified provider on loopback.
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import type { OidcSettings } from '@postern/contract/api/administrators'
import type { CoreClient } from '@postern/harness/core-client'
import { CookieJar } from '@postern/harness/cookie-jar'
import {
  type IdentityProviderStandIn,
  type ProviderUser,
  startIdentityProvider,
} from '@postern/harness/identity-provider'
import { auditOf } from './support/audit-rows.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const CALLBACK = '/api/v1/session/oidc/callback'

describe('OpenID Connect sign-in', () => {
  let core: TestCore
  let ada: CoreClient
  let provider: IdentityProviderStandIn
  const grace: ProviderUser = { sub: 'subject-1', name: 'Grace', groups: ['Mail Admins'], email: 'ada' }
  const mallory: ProviderUser = { sub: 'subject-2', name: 'Mallory', groups: ['Sales'], email: 'ada@example.com' }
  const other: ProviderUser = { sub: 'subject-3', name: 'Other', groups: ['Mail Admins'], email: 'o@example.com' }

  const settings = (): OidcSettings => ({
    enabled: true,
    title: 'Company account',
    issuer: provider.issuer,
    clientId: 'core',
    scopes: [],
    groupClaim: 'groups',
    groupRoles: [
      { group: 'Mail Admins', roleId: 'mail-administrator' },
      { group: 'Auditors', roleId: 'auditor' },
    ],
  })
  const save = async (change: Partial<OidcSettings> & { clientSecret?: string | null } = {}): Promise<void> => {
    const { version } = await ada.call('readSignInSettings')
    await ada.call('updateOidcSettings', { body: { ...settings(), ...change }, ifMatch: version ?? 0 })
  }
  /** Goes to the provider and back to just before the callback. */
  const leave = async (client: CoreClient, sub: string, jar = new CookieJar()): Promise<URL> => {
    const { headers } = await client.call('startOidcSignIn')
    return provider.browse(headers.location ?? '', sub, jar)
  }
  const back = (client: CoreClient, url: URL) => client.request({ method: 'GET', path: url.pathname + url.search })
  const signIn = async (sub: string, jar = new CookieJar()): Promise<CoreClient> => {
    const client = core.client()
    const { status, headers } = await back(client, await leave(client, sub, jar))
    assert.deepEqual([status, headers.location], [302, '/'])
    await client.call('readSession')
    return client
  }
  const lastRefusal = async (): Promise<string> => (await auditOf(core, 'session.refuse')).at(-1)?.note ?? ''

  before(async () => {
    core = await startTestCore()
    ada = await core.signIn()
    provider = await startIdentityProvider({
      users: [grace, mallory, other],
      clientId: 'core',
      clientSecret: 'client-secret-canary-7391',
      redirectUris: [core.core.adminUrl + CALLBACK],
    })
  })
  after(async () => {
    await provider[Symbol.asyncDispose]()
    await core[Symbol.asyncDispose]()
  })

  test('is not there before it is set up', async () => {
    assert.deepEqual((await core.client().call('readSignInOptions')).body, { setUp: false, oidc: null })
    await assert.rejects(core.client().call('startOidcSignIn'), { code: 'NOT_FOUND' })
  })

  const refusedSettings = [
    { title: 'an issuer in the clear', issuer: 'http://id.example.com', path: 'issuer' },
    { title: 'an issuer that only looks like loopback', issuer: 'http://127.0.0.1.example.com', path: 'issuer' },
    { title: 'an issuer with credentials', issuer: 'https://a:b@id.example.com', path: 'issuer' },
    { title: 'an issuer with a query', issuer: 'https://id.example.com/?tenant=1', path: 'issuer' },
    { title: 'a role that is not there', groupRoles: [{ group: 'g', roleId: 'nobodys' }], path: 'groupRoles' },
  ]
  for (const { title, path, ...change } of refusedSettings) {
    test(`refuses ${title}`, async () => {
      await assert.rejects(save(change), (error: Error & { code: string; problems: { path: string }[] }) => {
        assert.equal(error.code, 'INVALID')
        assert.equal(error.problems[0]?.path, path)
        return true
      })
    })
  }

  test('a member of a mapped group signs in with its roles, and with nothing of a local account of the same name', async () => {
    await save({ clientSecret: 'client-secret-canary-7391' })
    assert.equal((await core.client().call('readSignInOptions')).body.oidc, 'Company account')
    const client = await signIn(grace.sub)
    const { body } = await client.call('readSession')
    assert.deepEqual(
      [body.administrator.kind, body.administrator.userName, body.permissions.includes('sentry:manage')],
      ['oidc', 'grace', true],
    )
    assert.equal(body.permissions.includes('administrator:view'), false)
    const asked = provider.asked.at(-1)
    assert.deepEqual([asked?.get('code_challenge_method'), asked?.get('response_type')], ['S256', 'code'])
    assert.ok((asked?.get('nonce') ?? '').length > 20 && (asked?.get('state') ?? '').length > 20)
  })

  test('nobody without a mapped group comes in, and the audit log says why', async () => {
    const client = core.client()
    assert.equal((await back(client, await leave(client, mallory.sub))).status, 401)
    await assert.rejects(client.call('readSession'), { code: 'NOT_SIGNED_IN' })
    assert.match(await lastRefusal(), /mallory is in no group that has a role here/)
    const { body } = await ada.call('listAdministrators')
    assert.deepEqual(
      body.items.map(({ userName }) => userName),
      ['ada', 'grace'],
    )
  })

  test('roles follow the groups at each sign-in; who left them all has nothing left', async () => {
    const first = await signIn(grace.sub)
    grace.groups = ['Auditors']
    const second = await signIn(grace.sub)
    assert.equal((await second.call('readSession')).body.permissions.includes('audit:view'), true)
    await assert.rejects(first.call('readSession'), { code: 'NOT_SIGNED_IN' })
    grace.groups = []
    const third = core.client()
    assert.equal((await back(third, await leave(third, grace.sub))).status, 401)
    await assert.rejects(second.call('readSession'), { code: 'NOT_SIGNED_IN' })
    const { body } = await ada.call('listAdministrators', { query: { search: 'grace' } })
    assert.deepEqual(body.items[0]?.roles, [])
    grace.groups = ['Mail Admins']
  })

  const tampered: { title: string; change: (url: URL, client: CoreClient) => void }[] = [
    { title: 'another state', change: (url) => url.searchParams.set('state', 'x'.repeat(43)) },
    {
      title: 'the state twice',
      change: (url) => url.searchParams.append('state', url.searchParams.get('state') ?? ''),
    },
    { title: 'another code', change: (url) => url.searchParams.set('code', 'x'.repeat(43)) },
    { title: 'another issuer (mix-up)', change: (url) => url.searchParams.set('iss', 'https://evil.example') },
    { title: 'an error of the provider', change: (url) => url.searchParams.set('error', 'access_denied') },
    { title: 'no cookie (login CSRF)', change: (_url, client) => client.cookies.clear() },
  ]
  for (const { title, change } of tampered) {
    test(`the way back with ${title} is refused`, async () => {
      const client = core.client()
      const url = await leave(client, grace.sub)
      change(url, client)
      const { status } = await back(client, url)
      assert.ok(status === 401 || status === 400, String(status))
      assert.equal(client.cookies.has('__Host-postern'), false)
    })
  }

  test('the way back is good once, in the browser that left, for ten minutes', async () => {
    const client = core.client()
    const url = await leave(client, grace.sub)
    const stolen = new Map(client.cookies)
    assert.equal((await back(client, url)).status, 302)
    for (const [name, value] of stolen) client.cookies.set(name, value)
    assert.equal((await back(client, url)).status, 401)
    const late = core.client()
    const lateUrl = await leave(late, grace.sub)
    core.advance(600_001)
    assert.equal((await back(late, lateUrl)).status, 401)
    core.advance(-600_001)
  })

  test('no more than 20 browsers of one address are away at once', async () => {
    const client = core.client()
    let begun = 0
    await assert.rejects(
      async () => {
        for (; begun <= 20; begun += 1) await client.call('startOidcSignIn')
      },
      { code: 'TOO_MANY' },
    )
    assert.ok(begun <= 20)
    core.advance(600_001)
    await client.call('startOidcSignIn')
    core.advance(-600_001)
  })

  test('no more than 10,000 browsers are away at once, from wherever', async () => {
    await core.client().call('startOidcSignIn')
    const { db } = core.core.services.store
    await sql`insert into oidc_sign_ins (cookie_hash, secret_id, remote, created_at, expires_at)
      select sha256(n::text::bytea), (select secret_id from oidc_sign_ins limit 1), n::text, now(), ${new Date(core.now() + 600_000)}
      from generate_series(1, 10000) n`.execute(db)
    await assert.rejects(core.client().call('startOidcSignIn'), { code: 'TOO_MANY' })
    await sql`delete from oidc_sign_ins`.execute(db)
    await core.client().call('startOidcSignIn')
  })

  test('a step-up is a new sign-in at the provider', async () => {
    const jar = new CookieJar()
    const client = await signIn(grace.sub, jar)
    await assert.rejects(client.call('stepUp', { body: { code: '000000' } }), { code: 'SIGN_IN_FAILED' })
    const cookie = client.cookies.get('__Host-postern')
    core.advance(301_000)
    const token = { name: 'x', permissions: ['sentry:view' as const], expiresInSeconds: 3_600 }
    await assert.rejects(client.call('createApiToken', { body: token }), { code: 'STEP_UP_REQUIRED' })
    core.advance(-301_000)
    const { body } = await client.call('startOidcStepUp')
    const url = await provider.browse(body.url, grace.sub, jar)
    assert.deepEqual([provider.asked.at(-1)?.get('prompt'), provider.asked.at(-1)?.get('max_age')], ['login', '0'])
    assert.equal((await back(client, url)).status, 302)
    assert.notEqual(client.cookies.get('__Host-postern'), cookie)
    await client.call('readSession')
    await client.call('createApiToken', { body: token })
  })

  test('a step-up as somebody else is refused', async () => {
    const client = await signIn(grace.sub)
    const { body } = await client.call('startOidcStepUp')
    const { status } = await back(client, await provider.browse(body.url, other.sub))
    assert.equal(status, 401)
    assert.match(await lastRefusal(), /somebody else/)
  })

  test('a provider that does not ask anew proves nothing', async () => {
    const jar = new CookieJar()
    const client = await signIn(grace.sub, jar)
    provider.overlookFreshness = true
    core.advance(120_000) // the sign-in at the provider is two minutes old by now
    const { body } = await client.call('startOidcStepUp')
    const { status } = await back(client, await provider.browse(body.url, grace.sub, jar))
    core.advance(-120_000)
    provider.overlookFreshness = false
    assert.equal(status, 401)
    assert.match(await lastRefusal(), /did not ask for a new sign-in/)
  })

  test('a local account does not prove itself at the provider', async () => {
    await assert.rejects(ada.call('startOidcStepUp'), { code: 'CONFLICT' })
  })

  test('redirects of the provider are not followed', async () => {
    let hits = 0
    const elsewhere = createServer((_req, res) => {
      hits += 1
      res.end('{}')
    }).listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    provider.redirectMetadata = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`
    await assert.rejects(core.client().call('startOidcSignIn'), { code: 'UNAVAILABLE' })
    provider.redirectMetadata = null
    elsewhere.close()
    assert.equal(hits, 0)
  })

  test('a code never goes into the clear to another machine, whatever the metadata say', async () => {
    const client = core.client()
    const url = await leave(client, grace.sub)
    provider.tokenEndpoint = 'http://id.example.com/token'
    const { status } = await back(client, url)
    provider.tokenEndpoint = null
    assert.equal(status, 401)
    assert.equal(client.cookies.has('__Host-postern'), false)
  })

  test('a provider that says nothing is given up after 5 seconds', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    await save({ issuer: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` })
    const begun = performance.now()
    await assert.rejects(core.client().call('startOidcSignIn'), { code: 'UNAVAILABLE' })
    const took = performance.now() - begun
    assert.ok(took > 4_500 && took < 8_000, String(took))
    silent.closeAllConnections()
    silent.close()
    await save()
  })

  test('an administrator who was disabled here stays out', async () => {
    const client = await signIn(other.sub)
    const { body } = await ada.call('listAdministrators', { query: { search: 'other' } })
    const [row] = body.items
    assert.ok(row)
    const { displayName, roles } = row
    await assert.rejects(
      ada.call('updateAdministrator', {
        params: { id: row.id },
        body: { displayName, roles: ['super-administrator'], disabled: false },
        ifMatch: row.version,
      }),
      { code: 'CONFLICT' },
    )
    await ada.call('updateAdministrator', {
      params: { id: row.id },
      body: { displayName, roles, disabled: true },
      ifMatch: row.version,
    })
    await assert.rejects(client.call('readSession'), { code: 'NOT_SIGNED_IN' })
    const again = core.client()
    assert.equal((await back(again, await leave(again, other.sub))).status, 401)
    await assert.rejects(ada.call('inviteAdministrator', { params: { id: row.id } }), { code: 'CONFLICT' })
  })

  test('the client secret is in no answer and in no audit row', async () => {
    const { body } = await ada.call('readSignInSettings')
    assert.equal(body.hasClientSecret, true)
    const rows = JSON.stringify([body, await auditOf(core)])
    assert.ok(rows.includes('sign-in.update-oidc'))
    assert.equal(rows.includes('client-secret-canary'), false)
  })
})
