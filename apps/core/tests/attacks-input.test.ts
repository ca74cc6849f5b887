/**
 * Every endpoint, taken from the contract's table, gets what no console would send: by an administrator who may do
 * everything, so that nothing but the endpoint itself is between the value and the database. Never a 500, never silence.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import type { CoreClient } from '@postern/harness/core-client'
import { recordAssociations } from '../src/services/associations/record.ts'
import { bodiesFor, NASTY_TEXTS, seeded } from './support/nasty-values.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

/** Longest that an answer may take on two busy cores. Milliseconds. */
const ANSWER_MS = 2_000
/** Bodies, queries and paths of one endpoint at most, chosen by the seed. */
const PER_ENDPOINT = 24
/** Another run finds the same. */
const SEED = 20_261_125

/** What would end the session that asks, ask the network, or take seconds whatever is sent. */
const LEFT_OUT = new Set([
  ...['signOut', 'signOutEverywhere', 'changePassword', 'stepUp', 'startOidcSignIn', 'startOidcStepUp'],
  ...['createBackup', 'rotateKeys', 'disableBreakGlass'],
])

let core: TestCore
let ada: CoreClient
/** Ids of things that are there, by the collection in the path. */
const things = new Map<string, string>()
let samples: ReadonlyMap<string, unknown>

before(async () => {
  core = await startTestCore()
  ada = await core.signIn()
  const settings = {
    name: 'Sentry',
    sentryHost: 'sentry.example.test',
    serverAuthentication: {
      authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
      tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
      destinationResource: 'https://outlook.office365.com/',
    },
  }
  const profile = (await ada.call('createSentryProfile', { body: { settings } })).body
  const sentry = (await ada.call('createSentry', { body: { name: 'gate', profileId: profile.id } })).body.sentry
  const user = (await ada.call('createUser', { body: { userName: 'user@example.test' } })).body
  const device = { userName: user.userName, name: 'phone', platform: 'iOS', ownership: 'company' } as const
  const phone = (await ada.call('createDevice', { body: device })).body
  const label = (await ada.call('createLabel', { body: { name: 'Mail', filter: null } })).body
  const mail = { name: 'Mail', sentryProfileId: profile.id, userName: '$EMAIL$' }
  const exchange = (await ada.call('createExchangeConfiguration', { body: mail })).body
  const pairs = [{ key: 'email_exchange_host', type: 'string' as const, value: 'sentry.example.test' }]
  const plus = { name: 'Plus', sentryProfileId: profile.id, channel: 'clientCheckIn' as const, pairs }
  const emailPlus = (await ada.call('createEmailPlusConfiguration', { body: plus })).body
  const csr = (await ada.call('requestCertificate', { body: { name: 'tls', dnsNames: ['sentry.example.test'] } })).body
  const somebody = { userName: 'bob', displayName: 'Bob', roles: [] }
  const bob = (await ada.call('createAdministrator', { body: somebody })).body.administrator
  const role = (await ada.call('createRole', { body: { name: 'one', permissions: ['label:view'] } })).body
  const seen = { user: user.userName, easDeviceId: 'EAS1', deviceType: null, userAgent: null, protocolVersion: null }
  const decided = { certificate: null, device: null, decision: 'refuse' as const, reasons: ['DEVICE_UNKNOWN'] }
  await core.core.services.store.change({ kind: 'sentry', id: sentry.id, name: 'gate' }, (change) =>
    recordAssociations(change, sentry.id, [
      { ...seen, ...decided, wipe: null, firstSeen: core.now(), lastSeen: core.now(), requests: 1 },
    ]),
  )
  const [association] = (await ada.call('listAssociations', {})).body.items
  for (const [collection, id] of [
    ['sentry-profiles', profile.id],
    ['sentries', sentry.id],
    ['users', user.id],
    ['devices', phone.id],
    ['labels', label.id],
    ['configurations', exchange.id],
    ['exchange-configurations', exchange.id],
    ['email-plus-configurations', emailPlus.id],
    ['certificates', csr.id],
    ['administrators', bob.id],
    ['roles', role.id],
    ['associations', association?.id ?? assert.fail('no association')],
  ] as const) {
    things.set(collection, id)
  }
  const fingerprint = `sha256:${'0'.repeat(64)}`
  const times = { notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2036-01-01T00:00:00.000Z' }
  const oidc = { issuer: 'http://127.0.0.1:1', clientId: 'c', scopes: ['openid'], groupClaim: 'groups' }
  const facts = { Compromised: false, Jailbreak: 'no', Score: 1 }
  samples = new Map<string, unknown>([
    ['createSentryProfile', { settings }],
    ['checkSentryProfile', { settings }],
    ['updateSentryProfile', { settings }],
    ['createSentry', { name: 'another', profileId: profile.id }],
    ['updateSentry', { name: 'gate', profileId: profile.id }],
    ['createUser', { userName: 'v@example.test', displayName: 'V', custom1: 'x', email: 'v@example.test' }],
    ['updateUser', { userName: 'user@example.test', displayName: 'U', custom1: 'x' }],
    ['createDevice', { ...device, easDeviceIds: ['ABC'], facts, osVersion: '17.4', lastCheckIn: times.notBefore }],
    ['updateDevice', { ...device, easDeviceIds: ['ABD'], facts, osVersion: '17.4', lastCheckIn: times.notBefore }],
    ['registerIdentity', { fingerprint, ...times }],
    ['createLabel', { name: 'L', description: 'd', filter: '"common.platform" = "iOS"' }],
    ['updateLabel', { name: 'Mail', description: 'd', filter: null }],
    ['previewFilter', { filter: '"common.platform" = "iOS"' }],
    ['addLabelMembers', { deviceIds: [phone.id] }],
    ['removeLabelMembers', { deviceIds: [phone.id] }],
    ['createExchangeConfiguration', { ...mail, name: 'E', description: 'd' }],
    ['updateExchangeConfiguration', { ...mail, description: 'd' }],
    ['createEmailPlusConfiguration', { ...plus, name: 'P', description: 'd' }],
    ['updateEmailPlusConfiguration', { ...plus, description: 'd' }],
    ['checkConfiguration', { kind: 'exchange', settings: mail }],
    ['applyConfiguration', { labels: [label.id], note: 'n' }],
    ['withdrawConfiguration', { labels: [label.id], note: 'n' }],
    ['createAdministrator', { userName: 'carol', displayName: 'Carol', roles: [role.id] }],
    ['updateAdministrator', { displayName: 'Bob', roles: [role.id], disabled: false }],
    ['createRole', { name: 'two', permissions: ['label:view'] }],
    ['updateRole', { name: 'one', permissions: ['label:view'] }],
    ['createApiToken', { name: 't', permissions: ['label:view'], expiresInSeconds: 3_600 }],
    ['requestCertificate', { name: 'csr', dnsNames: ['a.example.test'], keyType: 'P-256' }],
    [
      'updateOidcSettings',
      { enabled: false, title: 'T', ...oidc, groupRoles: [{ group: 'g', roleId: role.id }], clientSecret: null },
    ],
    [
      'updateSyslog',
      { enabled: false, host: '127.0.0.1', port: 1, tls: false, plainOverNetwork: false, caPem: null, facility: 10 },
    ],
    ['linkAssociation', { deviceId: phone.id, note: 'n' }],
    ['verifyAudit', { anchor: { seq: 1, mac: '0'.repeat(64) } }],
  ])
})
after(() => core[Symbol.asyncDispose]())

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: string
}

/** The path with ids of what is there. */
function pathOf(row: EndpointRow): string {
  const collection = row.path.split('/')[3] ?? ''
  return row.path
    .replace(/:version\b/, '1')
    .replace(/:id\b/, things.get(collection) ?? crypto.randomUUID())
    .replace(/:\w+/g, () => crypto.randomUUID())
}

/** Everything for one endpoint; the seed chooses among it. */
function requestsFor(name: string, row: EndpointRow, random: () => number): Sent[] {
  const { method } = row
  const path = pathOf(row)
  const media = row.bodyMedia ?? 'application/json'
  // Removing what is there would make the rest of the walk walk past nothing.
  const removes = method === 'DELETE' || /\/(remove|retire|wipe|revoke)$/.test(path)
  const home = removes ? row.path.replace(/:\w+/g, () => crypto.randomUUID()) : path
  const headers = { ...(row.body === undefined && row.bodyMedia === undefined ? {} : { 'content-type': media }) }
  const bodies: (string | undefined)[] =
    row.bodyMedia !== undefined
      ? NASTY_TEXTS.flatMap((text) => [text, `user_name,display_name\n${text},${text}\n`])
      : row.body === undefined
        ? [undefined]
        : bodiesFor(row.body, samples.get(name))
  const plain = bodies[0] === undefined ? {} : { body: bodies[0] }
  const version = row.ifMatch === 'required' ? { 'if-match': '"1"' } : {}
  const key = row.idempotent === true ? { 'idempotency-key': crypto.randomUUID() } : {}
  const usual = { ...headers, ...version }
  const oddVersions = ['"999999999999999"', '"2147483648"', 'W/"1"', '*', '"-1"', '""']
  const found: Sent[] = bodies.map((body) => ({
    method,
    path: home,
    headers: { ...usual, ...(random() < 0.3 ? key : {}) },
    ...(body === undefined ? {} : { body }),
  }))
  const names = row.query === undefined ? [] : Object.keys((row.query as { properties?: object }).properties ?? {})
  if (row.ifMatch === 'required') {
    for (const odd of oddVersions)
      found.push({ method, path: home, headers: { ...headers, 'if-match': odd }, ...plain })
  }
  for (const text of NASTY_TEXTS) {
    const value = encodeURIComponent(text.toWellFormed()).slice(0, 6_000)
    for (const query of [...names, '__proto__'])
      found.push({ method, path: `${home}?${query}=${value}`, headers: usual })
    if (row.path.includes(':')) {
      const odd = row.path.replace(/:\w+/g, value.slice(0, 90) || '%20')
      found.push({ method, path: odd, headers: usual, ...plain })
    }
  }
  const [first, ...others] = found
  if (first === undefined) return []
  return [first, ...others.sort(() => random() - 0.5).slice(0, PER_ENDPOINT)]
}

describe('attacks by input', () => {
  const found: readonly {
    readonly title: string
    readonly method: string
    readonly path: string
    readonly body?: string
  }[] = [
    { title: 'NUL in a query', method: 'GET', path: '/api/v1/audit/export?objectId=%00' },
    { title: 'a second that there is not', method: 'GET', path: '/api/v1/audit?since=2026-01-01T00:00:60.000Z' },
    {
      title: 'NUL in a text that is kept as JSON',
      method: 'POST',
      path: '/api/v1/exchange-configurations',
      body: '{"name":"E","identityCertificate":"a\\u0000b","userName":"$EMAIL$"}',
    },
    {
      title: 'nesting that ends the stack',
      method: 'POST',
      path: '/api/v1/sentry-profiles/check',
      body: `{"settings":{"name":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}}`,
    },
  ]
  for (const { title, ...sent } of found) {
    test(`${title} is a refusal, not a fault`, async () => {
      const answer = await ada.request({
        ...sent,
        headers: sent.body === undefined ? {} : { 'content-type': 'application/json' },
      })
      assert.equal(answer.status, 400, answer.body.toString())
    })
  }
  test('a megabyte of equal items holds nobody up', async () => {
    const many = `[${'"x",'.repeat(250_000)}"x"]`
    for (const [path, body] of [
      ['/api/v1/api-tokens', `{"name":"t","permissions":${many},"expiresInSeconds":3600}`],
      ['/api/v1/roles', `{"name":"r","permissions":${many}}`],
      [`/api/v1/labels/${things.get('labels') ?? ''}/members/add`, `{"deviceIds":${many}}`],
    ] as const) {
      const start = performance.now()
      const answer = await ada.request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body })
      assert.equal(answer.status, 400)
      assert.ok(performance.now() - start < ANSWER_MS, `${path}: ${performance.now() - start} ms`)
    }
  })

  test('a stranger has 16 KiB at most, wherever nobody need be signed in', async () => {
    const rows: readonly EndpointRow[] = Object.values(ENDPOINTS)
    const open = rows.filter(({ access, body }) => access === 'anonymous' && body !== undefined)
    assert.ok(open.length > 3)
    for (const { method, path } of open) {
      const headers = { 'content-type': 'application/json' }
      const send = (size: number) =>
        core.client().request({ method, path, headers, body: `{"a":"${'x'.repeat(size)}"}` })
      assert.deepEqual([(await send(16_000)).status, (await send(16_400)).status], [400, 413], path)
    }
  })

  test('no value of any endpoint makes Core fail or fall silent, and the audit log still verifies', async () => {
    const random = seeded(SEED)
    const faults: string[] = []
    const all = Object.entries(ENDPOINTS)
      .filter(([name, { access }]) => access !== 'anonymous' && !LEFT_OUT.has(name))
      .flatMap(([name, row]) => requestsFor(name, row, random).map((sent) => ({ name, sent })))
    const queue = all.values()
    const walk = async (): Promise<void> => {
      for (const { name, sent } of queue) {
        const start = performance.now()
        const { status, body } = await ada
          .request(sent)
          .catch((error: unknown) => ({ status: 999, body: String(error) }))
        const took = performance.now() - start
        const ok = status < 500 && status !== 401 && took < ANSWER_MS
        const what = `${sent.path.slice(0, 150)} ${JSON.stringify(sent.body ?? '').slice(0, 300)}`
        if (!ok) faults.push(`${name} ${status} ${Math.round(took)} ms: ${what} ${body.toString().slice(0, 100)}`)
      }
    }
    await Promise.all([walk(), walk(), walk(), walk()])
    const told = core.log.filter(({ event }) => event === 'fault').map(({ fields }) => JSON.stringify(fields))
    assert.deepEqual([...faults, ...new Set(told)], [])
    assert.ok(all.length > 1_500, String(all.length))
    const verdict = (await ada.call('verifyAudit', { body: {} })).body
    assert.deepEqual([verdict.ok, verdict.problem], [true, null])
  })
})
