/**
 * Set-up, signing in, throttling, two Cores.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authenticator, type Credentials, FIRST_ADMINISTRATOR, signIn } from '@postern/harness/core-administrator'
import type { CoreClient } from '@postern/harness/core-client'
import { openSetUp } from '../src/services/sign-in/set-up.ts'
import { auditOf } from './support/audit-rows.ts'
import { addPerson } from './support/people.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const COOKIE = '__Host-postern'
const GONE = { code: 'NOT_SIGNED_IN' }
const FAILED = { code: 'SIGN_IN_FAILED' }

describe('set-up', () => {
  let core: TestCore
  let secret: string
  before(async () => {
    core = await startTestCore()
    secret = new URL(core.core.setupUrl ?? '').hash.slice(1)
  })
  after(() => core[Symbol.asyncDispose]())
  const draft = (change: object = {}) => ({ body: { secret, ...FIRST_ADMINISTRATOR, ...change } })

  test('needs the secret of the link, the confirmed one too', async () => {
    assert.equal((await core.client().call('readSignInOptions')).body.setUp, true)
    await assert.rejects(core.client().call('startSetUp', draft({ secret: 'x'.repeat(43) })), FAILED)
    await assert.rejects(
      core.client().call('confirmSetUp', { body: { secret: 'x'.repeat(43), code: '000000' } }),
      FAILED,
    )
    await assert.rejects(core.client().call('confirmSetUp', { body: { secret, code: '000000' } }), { code: 'INVALID' })
  })

  test('starting again makes the link before worth nothing', async () => {
    const before = secret
    secret = (await openSetUp(core.core.services)) ?? ''
    await assert.rejects(core.client().call('startSetUp', draft({ secret: before })), FAILED)
  })

  test('says the rule for a weak password', async () => {
    await assert.rejects(core.client().call('startSetUp', draft({ password: 'short' })), { code: 'INVALID' })
    await assert.rejects(core.client().call('startSetUp', draft({ password: 'my name is ada lovelace' })), {
      message: 'password: must not contain the user name',
    })
  })

  test('of several at once one gets through, and then it is over', async () => {
    const { body } = await core.client().call('startSetUp', draft())
    await assert.rejects(core.client().call('confirmSetUp', { body: { secret, code: '000000' } }), FAILED)
    const code = await new Authenticator(body.totp.secret, core.clock).code()
    const clients = [1, 2, 3, 4].map(() => core.client())
    const ends = await Promise.allSettled(
      clients.map((client) => client.call('confirmSetUp', { body: { secret, code } })),
    )
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    const winner = clients[ends.findIndex(({ status }) => status === 'fulfilled')]
    assert.equal((await winner?.call('readSession'))?.body.permissions.includes('administrator:manage'), true)
    await assert.rejects(core.client().call('startSetUp', draft()), { code: 'ALREADY_SET_UP' })
    await assert.rejects(core.client().call('confirmSetUp', { body: { secret, code } }), { code: 'ALREADY_SET_UP' })
    assert.equal((await core.client().call('readSignInOptions')).body.setUp, false)
    assert.equal(await openSetUp(core.core.services), null)
    const rows = await core.core.services.store.db.selectFrom('administrators').select('kind').execute()
    assert.deepEqual(rows.map(({ kind }) => kind).sort(), ['break-glass', 'local'])
  })

  test('guesses of one address are slowed down', async () => {
    const guess = () => core.client().call('openInvitation', { body: { secret: 'guess', password: 'x'.repeat(15) } })
    const seen: string[] = []
    for (let i = 0; i < 25; i += 1) {
      await guess().catch((error: unknown) => seen.push((error as { code: string }).code))
    }
    assert.equal(seen.at(0), 'SIGN_IN_FAILED')
    assert.equal(seen.at(-1), 'TOO_MANY')
  })
})

describe('signing in', () => {
  let core: TestCore
  let ada: CoreClient
  let adas: Credentials
  before(async () => {
    core = await startTestCore()
    ada = await core.signIn()
    adas = await core.credentials()
  })
  after(() => core[Symbol.asyncDispose]())
  const typed = async (change: object = {}, { userName, password, authenticator }: Credentials = adas) => ({
    body: { userName, password, code: await authenticator.code(), ...change },
  })

  /** An hour later all failures are forgotten. */
  const later = async (): Promise<void> => {
    core.advance(3_601_000)
    ada = await core.signIn()
  }

  test('the name is the same in capitals', async () => {
    await core.client().call('signIn', await typed({ userName: 'ADA' }))
  })

  const wrong = [
    { title: 'another password', change: { password: 'another password here' } },
    { title: 'another code', change: { code: '000000' } },
    { title: 'no code', change: { code: undefined } },
    { title: 'an unknown name', change: { userName: 'nobody' } },
    { title: 'the emergency account while it is disabled', change: { userName: 'break-glass', code: undefined } },
  ]
  test('whatever is wrong, the answer is the same', async () => {
    const answers = new Set<string>()
    for (const { title, change } of wrong) {
      const body = JSON.stringify((await typed(change)).body)
      const headers = { 'content-type': 'application/json' }
      const answer = await core.client().request({ method: 'POST', path: '/api/v1/session', headers, body })
      const { requestId: _, ...document } = JSON.parse(answer.body.toString()) as Record<string, unknown>
      assert.equal(answer.status, 401, title)
      assert.equal(answer.headers['set-cookie'], undefined)
      answers.add(JSON.stringify(document))
    }
    assert.equal(answers.size, 1)
    await core.client().call('signIn', await typed())
  })

  const foreign = [
    { title: 'a form of another site', type: 'application/x-www-form-urlencoded', status: 415 },
    { title: 'a text of another site', type: 'text/plain', status: 400 },
    { title: 'a name with a null in it', type: 'application/json', status: 400, change: { userName: 'a\0da' } },
  ]
  for (const { title, type, status, change } of foreign) {
    test(`${title} signs nobody in`, async () => {
      const body = JSON.stringify((await typed(change)).body)
      const headers = { 'content-type': type }
      const answer = await core.client().request({ method: 'POST', path: '/api/v1/session', headers, body })
      assert.deepEqual([answer.status, answer.headers['set-cookie']], [status, undefined])
    })
  }

  test('a code is good once, also for two at the same moment', async () => {
    const input = await typed()
    const ends = await Promise.allSettled([1, 2, 3].map(() => core.client().call('signIn', input)))
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    await assert.rejects(core.client().call('signIn', input), FAILED)
    await core.client().call('signIn', await typed())
  })

  test('a password typed as a name is kept nowhere', async () => {
    const canary = 'canary-typed-in-the-wrong-field'
    await assert.rejects(core.client().call('signIn', await typed({ userName: canary })), FAILED)
    await assert.rejects(core.client().call('signIn', await typed({ password: 'another password here' })), FAILED)
    const rows = (await auditOf(core, 'session.refuse')).slice(-2)
    assert.deepEqual(
      rows.map(({ object_name, remote }) => [object_name, remote]),
      [
        ['(unknown)', '127.0.0.1'],
        ['ada', '127.0.0.1'],
      ],
    )
    const attempts = await core.core.services.store.db.selectFrom('sign_in_attempts').selectAll().execute()
    assert.equal(JSON.stringify([rows, attempts, core.log]).includes(canary), false)
    await core.client().call('signIn', await typed())
  })

  for (const who of ['somebody who is there', 'somebody who is not']) {
    test(`the sixth attempt has to wait, the wait grows, and success ends it: ${who}`, async () => {
      await later()
      const person = who.endsWith('there') ? await addPerson(core, ada, 'sam', []) : { ...adas, userName: 'nosam' }
      const attempt = () =>
        core.client().call('signIn', { body: { userName: person.userName, password: 'wrong', code: '000000' } })
      for (let i = 0; i < 5; i += 1) await assert.rejects(attempt(), FAILED)
      const locked = async (): Promise<number> => {
        try {
          await attempt()
        } catch (error) {
          const { code, status, headers } = error as {
            code: string
            status: number
            headers: { 'retry-after'?: string }
          }
          assert.deepEqual([code, status], ['LOCKED', 423])
          return Number(headers['retry-after'])
        }
        return assert.fail('let in')
      }
      const first = await locked()
      assert.ok(first > 25 && first <= 30, String(first))
      if (who.endsWith('there'))
        await assert.rejects(core.client().call('signIn', await typed({}, person)), { code: 'LOCKED' })
      core.advance(31_000)
      await assert.rejects(attempt(), FAILED)
      const second = await locked()
      assert.ok(second > 55 && second <= 60, String(second))
      core.advance(61_000)
      if (!who.endsWith('there')) return
      await core.client().call('signIn', await typed({}, person))
      for (let i = 0; i < 4; i += 1) await assert.rejects(attempt(), FAILED)
      await core.client().call('signIn', await typed({}, person))
    })
  }

  test('of many attempts at once only five are judged', async () => {
    await later()
    const attempt = () =>
      core.client().call('signIn', { body: { userName: 'flood', password: 'wrong', code: '000000' } })
    const ends = await Promise.allSettled(Array.from({ length: 15 }, attempt))
    const codes = ends.map((end) => (end.status === 'rejected' ? (end.reason as { code: string }).code : 'in'))
    assert.equal(codes.filter((code) => code === 'SIGN_IN_FAILED').length, 5)
    assert.equal(codes.filter((code) => code === 'LOCKED').length, 10)
  })

  test('an address may fail twenty times, over all names', async () => {
    await later()
    for (let i = 0; i < 20; i += 1) {
      const body = { userName: `name-${i}`, password: 'wrong', code: '000000' }
      await assert.rejects(core.client().call('signIn', { body }), FAILED)
    }
    await assert.rejects(core.client().call('signIn', await typed()), { code: 'TOO_MANY', status: 429 })
  })

  test('one changes the password with the old one; other sessions end, this one gets another secret', async () => {
    await later()
    const person = await addPerson(core, ada, 'pat', [])
    const [here, there] = [core.client(), core.client()]
    await signIn(here, person)
    await signIn(there, person)
    const change = (current: string, password: string) => here.call('changePassword', { body: { current, password } })
    await assert.rejects(change('not the old one', 'some new words to know'), FAILED)
    await assert.rejects(change(person.password, 'short'), { code: 'INVALID' })
    await assert.rejects(change(person.password, person.password), { code: 'INVALID' })
    const cookie = here.cookies.get(COOKIE)
    await change(person.password, 'some new words to know')
    assert.notEqual(here.cookies.get(COOKIE), cookie)
    await here.call('readSession')
    await assert.rejects(there.call('readSession'), GONE)
    await assert.rejects(core.client().call('signIn', await typed({}, person)), FAILED)
    await core.client().call('signIn', await typed({ password: 'some new words to know' }, person))
  })
})

describe('two Cores on one PostgreSQL', () => {
  let one: TestCore
  let two: TestCore
  before(async () => {
    one = await startTestCore({ database: 'url' })
    two = await startTestCore({ beside: one })
  })
  after(async () => {
    await two[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
  })

  test('the link of the Core that started last is the good one', async () => {
    await assert.rejects(one.signIn(), FAILED)
    await two.signIn()
  })

  test('a session is good on both, and ends on both', async () => {
    const here = await two.signIn()
    const there = one.client()
    there.cookies.set(COOKIE, here.cookies.get(COOKIE) ?? '')
    await there.call('readSession')
    await there.call('signOut')
    await assert.rejects(here.call('readSession'), GONE)
  })

  test('attempts are counted over both', async () => {
    const body = { userName: 'zoe', password: 'wrong', code: '000000' }
    const codes: string[] = []
    for (let i = 0; i < 6; i += 1) {
      const core = i % 2 === 0 ? one : two
      await core
        .client()
        .call('signIn', { body })
        .catch((error: unknown) => codes.push((error as { code: string }).code))
    }
    assert.deepEqual(codes, [...new Array<string>(5).fill('SIGN_IN_FAILED'), 'LOCKED'])
  })
})
