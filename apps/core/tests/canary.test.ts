/**
 * Every kind of secret that can come into Core is put into it through the API, and then looked for everywhere: tables,
 * log, audit log, backup, every reply to a GET and every refusal. A new kind of secret is a new row of `CANARIES`.
 * @module
 */
import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { type EndpointName, ENDPOINTS } from '@postern/contract/api/endpoints'
import { createCa } from '@postern/harness/ca'
import { acceptInvitation, signIn, stepUp } from '@postern/harness/core-administrator'
import { type CoreClient, CoreRefusal } from '@postern/harness/core-client'
import { SESSION_COOKIE } from '../src/api/router.ts'
import { openStore, type TestStore } from './support/databases.ts'
import { type Canary, findLeaks, tableTraces, type Trace } from './support/canary-scan.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

let core: TestCore
let ada: CoreClient
let store: TestStore
const refusals: Trace[] = []
const planted: Canary[] = []

const word = (name: string): string => `canary ${name} ü"\\+/ ${randomBytes(9).toString('base64')}`

/** A call that must be refused; its answer is searched too. */
async function refused(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof CoreRefusal)
  refusals.push({
    place: `refusal ${error.code}`,
    content: JSON.stringify([error.message, error.problems, error.headers]),
  })
}

/** A TOTP secret as its bytes and as the text that an authenticator is given. */
function base32(text: string): Buffer {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

function privatePart(keyPem: string): Buffer {
  const { d } = createPrivateKey(keyPem).export({ format: 'jwk' })
  return Buffer.from(d ?? '', 'base64url')
}

/** `plant` puts a secret in and says what to look for. */
const CANARIES: readonly { readonly name: string; readonly plant: () => Promise<readonly (string | Buffer)[]> }[] = [
  {
    name: 'link of the first set-up',
    plant: async () => [new URL(core.core.setupUrl ?? '').hash.slice(1)],
  },
  {
    name: 'invitation, password and authenticator of an administrator',
    plant: async () => {
      const { body } = await ada.call('createAdministrator', {
        body: { userName: 'eve', displayName: 'Eve', roles: [] },
      })
      const { secret } = body.invitation
      const password = word('password')
      const opened = await ada.another().call('openInvitation', { body: { secret, password } })
      const { body: anew } = await ada.call('inviteAdministrator', { params: { id: body.administrator.id } })
      const eve = ada.another()
      const credentials = await acceptInvitation(eve, { secret: anew.secret, password, clock: core.clock })
      await signIn(ada.another(), credentials)
      return [secret, anew.secret, password, opened.body.totp.secret, base32(opened.body.totp.secret)]
    },
  },
  {
    name: 'password that was changed, and those that were refused',
    plant: async () => {
      const { body } = await ada.call('createAdministrator', {
        body: { userName: 'bob', displayName: 'Bob', roles: [] },
      })
      const bob = ada.another()
      const first = word('first password')
      const credentials = await acceptInvitation(bob, {
        secret: body.invitation.secret,
        password: first,
        clock: core.clock,
      })
      const [second, wrong, short] = [word('second password'), word('wrong password'), word('x')]
      await stepUp(bob, credentials)
      await refused(bob.call('changePassword', { body: { current: wrong, password: second } }))
      await bob.call('changePassword', { body: { current: first, password: second } })
      await refused(bob.another().call('signIn', { body: { userName: 'bob', password: short, code: '000000' } }))
      // A person types the password where the name belongs.
      await refused(bob.another().call('signIn', { body: { userName: second, password: 'x', code: '000000' } }))
      return [first, second, wrong, short]
    },
  },
  {
    name: 'cookies of sessions',
    plant: async () => {
      const cookie = ada.cookies.get(SESSION_COOKIE) ?? ''
      assert.ok(cookie.length > 20)
      return [decodeURIComponent(cookie)]
    },
  },
  {
    name: 'API token',
    plant: async () => {
      const { body } = await ada.call('createApiToken', {
        body: { name: 'program', permissions: ['label:view'], expiresInSeconds: 86_400 },
      })
      await ada.another(body.secret).call('listLabels')
      await refused(ada.another(`${body.secret}x`).call('listLabels'))
      return [body.secret]
    },
  },
  {
    name: 'password of the break-glass account',
    plant: async () => [(await ada.call('enableBreakGlass')).body.password],
  },
  {
    name: 'client secret of the identity provider',
    plant: async () => {
      const clientSecret = word('client secret')
      const oidc = {
        ...{ enabled: false, title: 'Sign in', issuer: 'http://127.0.0.1:9', clientId: 'postern', scopes: [] },
        ...{ groupClaim: 'groups', groupRoles: [], clientSecret },
      }
      const { version } = (await ada.call('readSignInSettings')).body
      await ada.call('updateOidcSettings', { body: oidc, ifMatch: version })
      const refusedSecret = word('refused client secret')
      await refused(
        ada.call('updateOidcSettings', { body: { ...oidc, issuer: 'x', clientSecret: refusedSecret }, ifMatch: 9 }),
      )
      return [clientSecret, refusedSecret]
    },
  },
  {
    name: 'private key of a TLS certificate, as PEM',
    plant: async () => {
      const ca = await createCa()
      const issued = await ca.issueServer({ names: ['mail.example'] })
      const body = { name: 'PEM', chainPem: `${issued.certPem}\n${ca.certPem}`, privateKeyPem: issued.keyPem }
      await ada.call('uploadCertificate', { body, idempotencyKey: 'canary' })
      const other = await (await createCa()).issueServer({ names: ['mail.example'] })
      await refused(ada.call('uploadCertificate', { body: { ...body, name: 'other', privateKeyPem: other.keyPem } }))
      return [privatePart(issued.keyPem), privatePart(other.keyPem)]
    },
  },
  {
    name: 'PKCS#12 file that is refused, and its password',
    plant: async () => {
      const [file, password] = [word('file'), word('file password')]
      const pkcs12 = Buffer.from(file).toString('base64')
      await refused(ada.call('uploadCertificate', { body: { name: 'P12', pkcs12, password } }))
      return [file, password]
    },
  },
  {
    name: 'enrolment token of a Sentry',
    plant: async () => {
      const { body } = await ada.call('createSentry', { body: { name: 'gate', profileId: null } })
      const { body: anew } = await ada.call('newSentryToken', { params: { id: body.sentry.id } })
      return [body.invitation.token, anew.invitation.token]
    },
  },
  {
    name: 'secret where none belongs',
    plant: async () => {
      const secret = word('unknown field')
      await refused(ada.call('createLabel', { body: { name: 'x', filter: null, ...{ password: secret } } }))
      await refused(ada.call('createLabel', { body: { name: `${secret}\n`, filter: secret } }))
      await refused(ada.call('listAudit', { query: { cursor: Buffer.from(secret).toString('base64url') } }))
      return [secret]
    },
  },
]

before(async () => {
  core = await startTestCore({ database: 'url' })
  ada = await core.signIn()
  store = await openStore({ url: core.databaseUrl ?? '' }, join(core.folder, 'data', 'keys'))
  await fillOtherRooms()
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await core[Symbol.asyncDispose]()
})

/** One of everything, so that every GET has something to tell. */
const made = { user: '', label: '', profile: '' }
async function fillOtherRooms(): Promise<void> {
  const serverAuthentication = {
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
    destinationResource: 'https://outlook.office365.com/',
  }
  const settings = { name: 'Sentry', sentryHost: 'sentry.example', serverAuthentication }
  made.profile = (await ada.call('createSentryProfile', { body: { settings } })).body.id
  made.user = (
    await ada.call('createUser', { body: { userName: 'tu1@example.test', email: 'tu1@example.test' } })
  ).body.id
  const device = { userName: 'tu1@example.test', name: 'phone', platform: 'iOS', ownership: 'company' } as const
  await ada.call('createDevice', { body: device })
  made.label = (await ada.call('createLabel', { body: { name: 'Mail', filter: null } })).body.id
  await ada.call('createRole', { body: { name: 'Role', permissions: ['label:view'] } })
  await ada.call('createTrustedRoot', { body: { name: 'Root', purpose: 'device', pem: (await createCa()).certPem } })
}

/** Queries that a GET needs. */
const QUERIES: Partial<Record<EndpointName, () => Record<string, string>>> = {
  compareSentryProfileVersions: () => ({ from: '1', to: '1' }),
  compareConfigurationVersions: () => ({ from: '1', to: '1' }),
  readEmailPlusTemplate: () => ({ sentryProfileId: made.profile }),
  previewConfiguration: () => ({ user: made.user }),
  previewConfigurationForLabel: () => ({ label: made.label }),
}
/** GETs that are not reached here. */
const NOT_REACHED: Partial<Record<EndpointName, string>> = {
  startOidcSignIn: 'no identity provider is set',
  finishOidcSignIn: 'no identity provider is set',
  readConfiguration: 'configurations hold no secrets',
  previewConfiguration: 'configurations hold no secrets',
  previewConfigurationForLabel: 'configurations hold no secrets',
  listConfigurationVersions: 'configurations hold no secrets',
  readConfigurationVersion: 'configurations hold no secrets',
  compareConfigurationVersions: 'configurations hold no secrets',
  readAssociation: 'only a Sentry makes them',
}

async function everyGet(): Promise<Trace[]> {
  const rows = Object.entries(ENDPOINTS) as [EndpointName, EndpointRow][]
  const gets = rows.filter(([, { method }]) => method === 'GET').sort(([, a], [, b]) => a.path.length - b.path.length)
  const traces: Trace[] = []
  const ids = new Map<string, string[]>()
  const missed: string[] = []
  for (const [name, { path, reply }] of gets) {
    const places = name in NOT_REACHED ? [] : pathsOf(path, ids)
    if (places.length === 0 && !(name in NOT_REACHED)) missed.push(name)
    for (const place of places) {
      const query = new URLSearchParams(QUERIES[name]?.()).toString()
      const { status, body } = await ada.request({ method: 'GET', path: query === '' ? place : `${place}?${query}` })
      assert.ok(status < 300, `${name} ${place}: ${status} ${body.toString()}`)
      const content = reply === 'stream' && path.endsWith('/backup') ? gunzipSync(body) : body
      traces.push({ place: `GET ${path}`, content })
      if (reply !== 'stream') ids.set(path, idsIn(body))
    }
  }
  assert.deepEqual(missed, [], 'a GET that nothing was asked of')
  return traces
}

/** Paths with ids of the list before each parameter; every version is the first. */
function pathsOf(path: string, ids: ReadonlyMap<string, readonly string[]>): string[] {
  const at = path.indexOf('/:')
  if (at < 0) return [path]
  const list = path.slice(0, at)
  const [, rest = ''] = /^\/:[A-Za-z]+(.*)$/.exec(path.slice(at)) ?? []
  const known = path.startsWith(`${list}/:version`) ? ['1'] : (ids.get(list) ?? [])
  return known.flatMap((id) => pathsOf(`${list}/${id}${rest}`, ids))
}

function idsIn(body: Buffer): string[] {
  const value = JSON.parse(body.toString()) as { items?: readonly { id?: unknown }[] }
  return (value.items ?? []).flatMap(({ id }) => (typeof id === 'string' ? [id] : []))
}

async function everything(): Promise<Trace[]> {
  return [
    ...(await everyGet()),
    ...(await tableTraces(store.db)),
    ...core.log.map((line) => ({ place: `log ${line.event}`, content: JSON.stringify(line) })),
    ...refusals,
  ]
}

describe('no secret is anywhere', () => {
  for (const { name, plant } of CANARIES) {
    test(`planted: ${name}`, async () => {
      for (const [i, secret] of (await plant()).entries()) {
        planted.push({ name: `${name} (${i + 1})`, bytes: Buffer.isBuffer(secret) ? secret : Buffer.from(secret) })
      }
    })
  }
  test('and none of them is found', async () => {
    assert.ok(planted.length > CANARIES.length)
    await stepUp(ada, await core.credentials())
    const traces = await everything()
    const kinds = new Set(traces.map(({ place }) => place.split(' ')[0]))
    assert.ok(kinds.has('GET') && kinds.has('secrets.box') && kinds.has('refusal'))
    assert.deepEqual(findLeaks(planted, traces), [])
  })
})

describe('the scanner itself', () => {
  const secret = 'canary of the scanner / + ü "'
  const canary = { name: 'own', bytes: Buffer.from(secret) }
  const bytes = Buffer.from(secret)
  const forms: readonly { title: string; content: string | Buffer }[] = [
    { title: 'as it is', content: `x ${secret} y` },
    { title: 'within JSON', content: JSON.stringify({ a: [secret] }) },
    { title: 'within JSON within JSON', content: JSON.stringify(JSON.stringify({ a: bytes.toString('base64') })) },
    { title: 'in a URL', content: `https://h/?a=${encodeURIComponent(secret)}` },
    { title: 'in a form', content: new URLSearchParams({ a: secret }).toString() },
    { title: 'as hex', content: `\\x${bytes.toString('hex')}` },
    { title: 'as upper-case hex', content: bytes.toString('hex').toUpperCase() },
    ...[0, 1, 2].map((before) => ({
      title: `in base64 after ${before} bytes`,
      content: Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(5, 0xff)]).toString('base64'),
    })),
    { title: 'in base64url', content: Buffer.concat([Buffer.from('??>'), bytes]).toString('base64url') },
    { title: 'among other bytes', content: Buffer.concat([randomBytes(40), bytes, randomBytes(40)]) },
  ]
  for (const { title, content } of forms) {
    test(`finds a secret ${title}`, () => {
      assert.ok(findLeaks([canary], [{ place: 'p', content }]).length > 0)
      assert.deepEqual(findLeaks([{ ...canary, bytes: randomBytes(12) }], [{ place: 'p', content }]), [])
    })
  }
  test('finds a secret in a column of text, of JSON and of bytes', async () => {
    const value = JSON.stringify({ deep: [bytes.toString('base64')] })
    await store.db.insertInto('core_state').values({ name: 'leak', value }).execute()
    await store.db.insertInto('secrets').values({ purpose: 'x', key_id: secret, box: bytes }).execute()
    const places = findLeaks([canary], await tableTraces(store.db)).map(({ place }) => place)
    await store.db.deleteFrom('core_state').where('name', '=', 'leak').execute()
    await store.db.deleteFrom('secrets').where('purpose', '=', 'x').execute()
    assert.deepEqual([...new Set(places)].sort(), ['core_state.value', 'secrets.box', 'secrets.key_id'])
  })
  test('refuses a canary that chance would find', () => {
    assert.throws(() => findLeaks([{ name: 'short', bytes: Buffer.alloc(7) }], []), RangeError)
  })
})
