/**
 * What one has after signing in: sessions, API tokens, and the account for emergencies.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { signIn, stepUp } from '@postern/harness/core-administrator'
import { PERMISSION_NAMES } from '@postern/contract/api/permissions'
import type { CoreClient } from '@postern/harness/core-client'
import { auditOf } from './support/audit-rows.ts'
import { addPerson } from './support/people.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const COOKIE = '__Host-postern'
const MINUTE = 60_000
const GONE = { code: 'NOT_SIGNED_IN' }
const FAILED = { code: 'SIGN_IN_FAILED' }

let core: TestCore
let ada: CoreClient
before(async () => {
  core = await startTestCore()
})
after(() => core[Symbol.asyncDispose]())

describe('sessions', () => {
  before(async () => {
    ada = await core.signIn()
  })

  test('the cookie is for this host, for https, and for nobody else', async () => {
    const { authenticator, userName, password } = await core.credentials()
    const { headers } = await core
      .client()
      .call('signIn', { body: { userName, password, code: await authenticator.code() } })
    assert.match(
      String(headers['set-cookie']),
      /^__Host-postern=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    )
  })

  test('its secret is nowhere in the database', async () => {
    const rows = await core.core.services.store.db.selectFrom('sessions').selectAll().execute()
    assert.equal(JSON.stringify(rows).includes(ada.cookies.get(COOKIE) ?? '?'), false)
    assert.equal((await auditOf(core)).length > 0, true)
    assert.equal(JSON.stringify(await auditOf(core)).includes(ada.cookies.get(COOKIE) ?? '?'), false)
  })

  const forged = ['', 'x'.repeat(43), "' or 1=1 --", 'x'.repeat(4_000)]
  for (const cookie of forged) {
    test(`a made-up cookie of ${cookie.length} characters is nobody's`, async () => {
      const headers = { cookie: `${COOKIE}=${cookie}` }
      assert.equal((await core.client().request({ method: 'GET', path: '/api/v1/session', headers })).status, 401)
    })
  }

  test('a cookie that was there before signing in is not taken over (fixation)', async () => {
    const client = core.client()
    client.cookies.set(COOKIE, 'f'.repeat(43))
    await signIn(client, await core.credentials())
    assert.notEqual(client.cookies.get(COOKIE), 'f'.repeat(43))
  })

  test('whatever changes something needs the CSRF token of the same session', async () => {
    const [one, two] = [await core.signIn(), await core.signIn()]
    for (const token of ['', 'x'.repeat(43), two.csrfToken ?? '']) {
      const headers = { 'x-csrf-token': token }
      const { status, body } = await one.request({ method: 'DELETE', path: '/api/v1/session', headers })
      assert.deepEqual([status, (JSON.parse(body.toString()) as { code: string }).code], [403, 'CSRF'])
    }
    one.csrfToken = null
    await assert.rejects(one.call('signOut'), { code: 'CSRF' })
    await one.call('readSession') // tells it
    await one.call('signOut')
    await assert.rejects(one.call('readSession'), GONE)
    await two.call('readSession')
  })

  test('signing out everywhere ends them all', async () => {
    const [one, two] = [await core.signIn(), await core.signIn()]
    await one.call('signOutEverywhere')
    for (const client of [one, two]) await assert.rejects(client.call('readSession'), GONE)
    ada = await core.signIn()
  })

  test('15 minutes without use end it; use is noted once a minute', async () => {
    const client = await core.signIn()
    const usedAt = async (): Promise<string> => {
      const { administrator } = (await client.call('readSession')).body
      const { db } = core.core.services.store
      const query = db.selectFrom('sessions').select('used_at').where('administrator_id', '=', administrator.id)
      const rows = await query.orderBy('created_at', 'desc').execute()
      return rows[0]?.used_at.toISOString() ?? ''
    }
    const noted = await usedAt()
    core.advance(50_000)
    assert.equal(await usedAt(), noted)
    core.advance(11_000)
    assert.notEqual(await usedAt(), noted)
    for (let i = 0; i < 4; i += 1) {
      core.advance(13 * MINUTE)
      await client.call('readSession')
    }
    core.advance(15 * MINUTE + 1_000)
    await assert.rejects(client.call('readSession'), GONE)
  })

  test('12 hours end it whatever is done', async () => {
    const client = await core.signIn()
    const { expiresAt } = (await client.call('readSession')).body
    assert.ok(Math.abs(Date.parse(expiresAt) - core.now() - 12 * 60 * MINUTE) < MINUTE)
    while (core.now() + 14 * MINUTE < Date.parse(expiresAt)) {
      core.advance(14 * MINUTE)
      await client.call('readSession')
    }
    core.advance(14 * MINUTE)
    await assert.rejects(client.call('readSession'), GONE)
  })

  test('fresh proof lasts five minutes; proving again gives the session another secret', async () => {
    const client = await core.signIn()
    await client.call('disableBreakGlass')
    core.advance(5 * MINUTE + 1_000)
    await assert.rejects(client.call('disableBreakGlass'), { code: 'STEP_UP_REQUIRED', status: 401 })
    await assert.rejects(client.call('stepUp', { body: { code: '000000' } }), FAILED)
    const old = core.client()
    old.cookies.set(COOKIE, client.cookies.get(COOKIE) ?? '')
    await stepUp(client, await core.credentials())
    await client.call('disableBreakGlass')
    await assert.rejects(old.call('readSession'), GONE)
    assert.deepEqual(
      (await auditOf(core)).map(({ action }) => action).filter((action) => action.includes('step-up')),
      ['session.refuse-step-up', 'session.step-up'],
    )
  })

  test('whoever holds a session may not guess codes for long', async () => {
    const client = await core.signIn()
    for (let i = 0; i < 5; i += 1) await assert.rejects(client.call('stepUp', { body: { code: '000000' } }), FAILED)
    await assert.rejects(client.call('stepUp', { body: { code: '000000' } }), { code: 'LOCKED' })
    core.advance(31_000)
    await stepUp(client, await core.credentials())
  })
})

describe('API tokens', () => {
  before(async () => {
    ada = await core.signIn()
  })
  const draft = (change: object = {}) => ({
    body: {
      name: 'robot',
      permissions: ['label:view' as const, 'administrator:view' as const],
      expiresInSeconds: 3_600,
      ...change,
    },
  })

  const refused = [
    { title: 'less than an hour', change: { expiresInSeconds: 3_599 } },
    { title: 'more than 366 days', change: { expiresInSeconds: 31_622_401 } },
    { title: 'no end', change: { expiresInSeconds: undefined } },
    { title: 'no permission', change: { permissions: [] } },
    { title: 'an unknown permission', change: { permissions: ['everything'] } },
  ]
  for (const { title, change } of refused) {
    test(`one with ${title} is not made`, () =>
      assert.rejects(ada.call('createApiToken', draft(change)), { code: 'INVALID' }))
  }

  test('one works without cookie and CSRF token, is shown once, and is kept hashed', async () => {
    const { body, status } = await ada.call('createApiToken', draft())
    assert.equal(status, 201)
    assert.match(body.secret, /^pat_[\w-]{43}$/)
    const robot = core.client().another(body.secret)
    assert.deepEqual((await robot.call('readSession')).body.permissions.sort(), ['administrator:view', 'label:view'])
    await robot.call('listRoles')
    await assert.rejects(robot.call('listUsers'), { code: 'FORBIDDEN' })
    const { items } = (await ada.call('listApiTokens')).body
    assert.equal(items[0]?.lastUsedFrom, '127.0.0.1')
    const { db } = core.core.services.store
    const kept = JSON.stringify([await db.selectFrom('api_tokens').selectAll().execute(), await auditOf(core), items])
    assert.equal(kept.includes(body.secret.slice(4)), false)
    await ada.call('removeApiToken', { params: { id: body.token.id } })
    await assert.rejects(robot.call('readSession'), GONE)
  })

  const headers = [
    'Bearer',
    'Bearer pat_',
    `Bearer pat_${'x'.repeat(43)}`,
    `Basic ${'x'.repeat(43)}`,
    `pat_${'x'.repeat(43)}`,
  ]
  for (const authorization of headers) {
    test(`"${authorization}" is nobody, whatever the cookie says`, async () => {
      const { status } = await ada.request({ method: 'GET', path: '/api/v1/session', headers: { authorization } })
      assert.equal(status, 401)
    })
  }

  test('a token never does what needs fresh proof, and makes no tokens', async () => {
    const permissions = ['administrator:manage', 'sign-in:manage', 'administrator:view'] as const
    const { body } = await ada.call('createApiToken', draft({ name: 'high', permissions }))
    const robot = core.client().another(body.secret)
    await assert.rejects(robot.call('enableBreakGlass'), { code: 'FORBIDDEN' })
    await assert.rejects(robot.call('createRole', { body: { name: 'x', permissions: [] } }), { code: 'FORBIDDEN' })
    await assert.rejects(robot.call('createApiToken', draft()), { code: 'FORBIDDEN' })
    for (const name of ['signOut', 'signOutEverywhere', 'startOidcStepUp'] as const) {
      await assert.rejects(robot.call(name), { code: 'FORBIDDEN' })
    }
    await assert.rejects(robot.call('stepUp', { body: { code: '000000' } }), { code: 'FORBIDDEN' })
  })

  test('it ends when it says', async () => {
    const { body } = await ada.call('createApiToken', draft({ name: 'short' }))
    const robot = core.client().another(body.secret)
    core.advance(3_599_000)
    await robot.call('readSession')
    core.advance(2_000)
    await assert.rejects(robot.call('readSession'), GONE)
    ada = await core.signIn()
  })

  test('it is worth no more than its maker, now and later', async () => {
    const person = await addPerson(core, ada, 'tom', ['help-desk'])
    const tom = core.client()
    await signIn(tom, person)
    await assert.rejects(tom.call('createApiToken', draft()), { code: 'INVALID' })
    const { body } = await tom.call('createApiToken', draft({ permissions: ['label:view', 'user:view'] }))
    const robot = core.client().another(body.secret)
    const { items } = (await ada.call('listAdministrators', { query: { search: 'tom' } })).body
    const [row] = items
    assert.ok(row)
    const edit = (roles: string[], disabled: boolean, ifMatch: number) =>
      ada.call('updateAdministrator', {
        params: { id: row.id },
        body: { displayName: 'tom', roles, disabled },
        ifMatch,
      })
    const { version } = await edit([], false, row.version)
    assert.deepEqual((await robot.call('readSession')).body.permissions, [])
    await edit(['help-desk'], true, version ?? 0)
    await assert.rejects(robot.call('readSession'), GONE)
    const { body: listed } = await ada.call('listAdministratorTokens', { params: { id: row.id } })
    assert.equal(listed.items.length, 1)
    await ada.call('removeAdministratorToken', { params: { id: row.id, tokenId: body.token.id } })
    const own = (await ada.call('createApiToken', draft({ name: 'own' }))).body.token.id
    await assert.rejects(ada.call('removeAdministratorToken', { params: { id: row.id, tokenId: own } }), {
      code: 'NOT_FOUND',
    })
  })

  test('an administrator has a hundred at most', async () => {
    const { items } = (await ada.call('listApiTokens')).body
    for (let i = items.length; i < 100; i += 1) await ada.call('createApiToken', draft({ name: `number ${i}` }))
    await assert.rejects(ada.call('createApiToken', draft({ name: 'one more' })), { code: 'CONFLICT' })
    for (const { id } of (await ada.call('listApiTokens')).body.items)
      await ada.call('removeApiToken', { params: { id } })
  })

  test("somebody else's cannot be revoked as one's own", async () => {
    const { body } = await ada.call('createApiToken', draft({ name: 'mine' }))
    const person = await addPerson(core, ada, 'uma', [])
    const uma = core.client()
    await signIn(uma, person)
    await assert.rejects(uma.call('removeApiToken', { params: { id: body.token.id } }), { code: 'NOT_FOUND' })
  })
})

describe('the break-glass account', () => {
  before(async () => {
    ada = await core.signIn()
  })
  const enable = async () => (await ada.call('enableBreakGlass')).body

  test('is in no list and cannot be changed like others', async () => {
    const { body } = await ada.call('listAdministrators')
    assert.equal(
      body.items.some(({ userName }) => userName === 'break-glass'),
      false,
    )
    const account = await core.core.services.store.db
      .selectFrom('administrators')
      .select('id')
      .where('kind', '=', 'break-glass')
      .executeTakeFirstOrThrow()
    await assert.rejects(ada.call('readAdministrator', { params: account }), { code: 'NOT_FOUND' })
    await assert.rejects(ada.call('inviteAdministrator', { params: account }), { code: 'NOT_FOUND' })
    await assert.rejects(ada.call('removeAdministrator', { params: account }), { code: 'NOT_FOUND' })
    await assert.rejects(
      ada.call('createAdministrator', { body: { userName: 'Break-Glass', displayName: 'x', roles: [] } }),
      { code: 'CONFLICT' },
    )
  })

  test('a proxy in between is not this machine', async () => {
    const body = JSON.stringify(await enable())
    for (const name of ['x-forwarded-for', 'forwarded']) {
      const headers = { 'content-type': 'application/json', [name]: '127.0.0.1' }
      const { status } = await core.client().request({ method: 'POST', path: '/api/v1/session', headers, body })
      assert.equal(status, 401)
    }
  })

  test('is good once, for an hour, and everybody hears of it', async () => {
    const typed = await enable()
    assert.match(typed.password, /^[a-z2-9-]{32}$/)
    assert.equal((await ada.call('readSignInSettings')).body.breakGlass.enabled, true)
    const clients = [core.client(), core.client()]
    const ends = await Promise.allSettled(clients.map((client) => client.call('signIn', { body: typed })))
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    const client = clients[ends.findIndex(({ status }) => status === 'fulfilled')]
    assert.ok(client)
    await assert.rejects(core.client().call('signIn', { body: typed }), FAILED)
    assert.equal((await ada.call('readSignInSettings')).body.breakGlass.enabled, false)
    assert.equal((await auditOf(core, 'break-glass.sign-in')).length, 1)
    assert.deepEqual(
      core.log.filter(({ event }) => event === 'break-glass-used').map(({ level }) => level),
      ['problem'],
    )
    for (let i = 0; i < 5; i += 1) {
      core.advance(11 * MINUTE)
      await client.call('enableBreakGlass') // fresh proof for all of the hour
    }
    core.advance(6 * MINUTE)
    await assert.rejects(client.call('readSession'), GONE)
    ada = await core.signIn()
  })

  test('disabling ends its password and its session', async () => {
    const typed = await enable()
    await ada.call('disableBreakGlass')
    await assert.rejects(core.client().call('signIn', { body: typed }), FAILED)
    const client = core.client()
    await client.call('signIn', { body: await enable() })
    await ada.call('disableBreakGlass')
    await assert.rejects(client.call('readSession'), GONE)
    assert.equal(JSON.stringify([await auditOf(core), core.log]).includes(typed.password), false)
  })

  test('leaves no token behind, which nobody could list or revoke', async () => {
    const client = core.client()
    await client.call('signIn', { body: await enable() })
    const body = { name: 'for later', permissions: [...PERMISSION_NAMES], expiresInSeconds: 31_622_400 }
    await assert.rejects(client.call('createApiToken', { body }), { code: 'CONFLICT' })
    assert.equal(
      (await core.core.services.store.db.selectFrom('api_tokens').selectAll().where('name', '=', body.name).execute())
        .length,
      0,
    )
  })

  test('guesses through a proxy do not lock it at the machine', async () => {
    const typed = await enable()
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' }
    const guess = JSON.stringify({ ...typed, password: 'wrong' })
    const statuses: number[] = []
    for (let i = 0; i < 7; i += 1) {
      statuses.push(
        (await core.client().request({ method: 'POST', path: '/api/v1/session', headers, body: guess })).status,
      )
    }
    assert.deepEqual(statuses.slice(-1), [423])
    await core.client().call('signIn', { body: typed })
  })

  test('only whoever may do everything can enable it', async () => {
    const { body } = await ada.call('createRole', { body: { name: 'Sign-in', permissions: ['sign-in:manage'] } })
    const person = await addPerson(core, ada, 'ivy', [body.id])
    const ivy = core.client()
    await signIn(ivy, person)
    await assert.rejects(ivy.call('enableBreakGlass'), { code: 'FORBIDDEN' })
  })
})
