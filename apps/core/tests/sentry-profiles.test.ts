import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { SentryProfile, SentryProfileCheck } from '@postern/contract/api/sentry-profiles'
import type { TlsCertificate, TrustedRoot } from '@postern/contract/api/certificates'
import { parseSentryDocument } from '@postern/contract/feed/sentry-document'
import { createCa, type TestCa } from '@postern/harness/ca'
import { SYSTEM } from '../src/audit/chain.ts'
import { renewIssued } from '../src/services/certificates/renewal.ts'
import { renderDocument } from '../src/services/sentry-profiles/document.ts'
import { type ProfileLab, type ProfileReply, startProfileLab } from './support/profile-lab.ts'

const DAY_MS = 86_400_000
const PROFILES = '/api/v1/sentry-profiles'
const NOBODY = '00000000-0000-4000-8000-00000000dead'

/** The values of the configuration procedure, character for character. */
const SEED = {
  name: 'Office 365',
  sentryHost: 'sentry.example.com',
  enableActiveSync: true,
  serverAuthentication: {
    method: 'passThrough',
    passThroughWithOAuth: true,
    authorizationEndpoint: '"https://login.windows.net/common/oauth2/authorize"',
    tokenEndpoint: '"https://login.windows.net/common/oauth2/token"',
    sentryResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
  },
}

let lab: ProfileLab
let ca: TestCa
let count = 0

before(async () => {
  lab = await startProfileLab(Date.now())
  ca = await createCa()
})
after(() => lab[Symbol.asyncDispose]())

function settings(more: object = {}): object {
  count += 1
  return { ...SEED, name: `Sentry ${count}`, ...more }
}

async function created(more: object = {}): Promise<SentryProfile> {
  const reply = await lab.call('POST', PROFILES, { settings: settings(more) })
  assert.equal(reply.status, 201, reply.text)
  return reply.body as SentryProfile
}

function pathsOf(reply: ProfileReply): string[] {
  return (reply.body as { problems?: { path: string }[] }).problems?.map(({ path }) => path) ?? []
}

async function rootOf(name: string, purpose: 'device' | 'upstream', pem = ca.certPem): Promise<TrustedRoot> {
  const reply = await lab.call('POST', '/api/v1/trusted-roots', { name, purpose, pem })
  assert.equal(reply.status, 201, reply.text)
  return reply.body as TrustedRoot
}

async function certificateOf(name: string, names: string[], days = 60): Promise<TlsCertificate> {
  const issued = await ca.issueServer({ names, notAfter: new Date(lab.now() + days * DAY_MS) })
  const file = { chainPem: issued.certPem + ca.certPem, privateKeyPem: issued.keyPem }
  const reply = await lab.call('POST', '/api/v1/certificates', { name, ...file })
  assert.equal(reply.status, 201, reply.text)
  return reply.body as TlsCertificate
}

const rendered = async (id: string) => {
  const result = await renderDocument(lab.services.store.db, lab.services.vault, id)
  assert.ok(!('problem' in result), 'problem' in result ? result.problem : '')
  return result
}

describe('refused', () => {
  test('every problem at once, of the form and of what it refers to, by title and path', async () => {
    const reply = await lab.call('POST', PROFILES, {
      settings: {
        ...SEED,
        sentryHost: '<SentryHostName>',
        devices: { servedHours: 999 },
        tls: { certificateId: NOBODY },
        activeSync: { serverRootId: NOBODY },
      },
    })
    assert.equal(reply.status, 400)
    const paths = pathsOf(reply)
    for (const path of ['sentryHost', 'devices.servedHours', 'tls.certificateId', 'activeSync.serverRootId']) {
      assert.ok(paths.includes(`settings.${path}`), `${path} in ${paths.join(' ')}`)
    }
    assert.match(reply.text, /Sentry Host \/ IP: <SentryHostName> is a placeholder/)
  })

  test('a name that another one has, and an edit of a version that was not read', async () => {
    const profile = await created()
    const taken = await lab.call('POST', PROFILES, { settings: { ...SEED, name: profile.name } })
    assert.deepEqual([taken.status, pathsOf(taken)], [400, ['settings.name']])
    const path = `${PROFILES}/${profile.id}`
    assert.equal((await lab.call('PUT', path, { settings: settings() })).status, 428)
    assert.equal((await lab.call('PUT', path, { settings: settings() }, { 'if-match': '"9"' })).status, 412)
    const other = `${PROFILES}/${NOBODY}`
    assert.equal((await lab.call('PUT', other, { settings: settings() }, { 'if-match': '"1"' })).status, 404)
  })

  test('what cannot be served with: wrong names, wrong purpose, no list to check, a request that waits', async () => {
    const certificate = await certificateOf('For others', ['other.example.com'])
    const upstream = await rootOf('Servers only', 'upstream')
    const device = await rootOf('Devices without list', 'device')
    const request = await lab.call('POST', '/api/v1/certificates/csr', {
      name: 'Waits',
      dnsNames: ['sentry.example.com'],
    })
    const rows = [
      [{ tls: { certificateId: certificate.id } }, 'settings.tls.certificateId', /NAME_NOT_COVERED/],
      [{ tls: { certificateId: (request.body as TlsCertificate).id } }, 'settings.tls.certificateId', /waits/],
      [{ activeSync: { serverRootId: device.id } }, 'settings.activeSync.serverRootId', /not trusted for servers/],
      [
        { deviceAuthentication: { method: 'identityCertificate', trustedRootIds: [upstream.id] } },
        'settings.deviceAuthentication.trustedRootIds[0]',
        /not trusted for device certificates/,
      ],
      [
        { deviceAuthentication: { method: 'identityCertificate', trustedRootIds: [device.id], checkCrl: true } },
        'settings.deviceAuthentication.trustedRootIds[0]',
        /no revocation list/,
      ],
    ] as const
    for (const [more, path, says] of rows) {
      const reply = await lab.call('POST', PROFILES, { settings: settings(more) })
      assert.equal(reply.status, 400, reply.text)
      assert.deepEqual(pathsOf(reply), [path])
      assert.match(reply.text, says)
    }
  })

  test('removal while a Sentry is assigned to it', async () => {
    const profile = await created()
    const { db } = lab.services.store
    await db.insertInto('sentries').values({ name: 'east', profile_id: profile.id }).execute()
    const reply = await lab.call('DELETE', `${PROFILES}/${profile.id}`, undefined, { 'if-match': '"1"' })
    assert.equal(reply.status, 409)
    assert.match(reply.text, /the Sentry \\"east\\" refers to it/)
  })
})

describe('the procedure', () => {
  test('its literal values are saved, and a Sentry gets a document that holds', async () => {
    const reply = await lab.call('POST', PROFILES, { settings: SEED, note: 'as documented' })
    assert.equal(reply.status, 201, reply.text)
    assert.equal(reply.etag, '"1"')
    const profile = reply.body as SentryProfile
    assert.equal(profile.settings.serverAuthentication.tokenEndpoint, 'https://login.windows.net/common/oauth2/token')
    assert.equal(profile.deviceSettings.oauthSignInUrl, 'https://sentry.example.com/proxyservice/oauth2/authorize')
    assert.ok(profile.warnings.some(({ code }) => code === 'CERTIFICATE_PRIVATE'))
    const { document, etag, version } = await rendered(profile.id)
    assert.deepEqual(parseSentryDocument(document), document)
    assert.match(etag, /^[0-9a-f]{64}$/)
    assert.equal(version, 1)
    assert.deepEqual(document.activeSync.servers, ['outlook.office365.com'])
    assert.equal(document.oauth.destinationResource, 'https://outlook.office365.com/')
    assert.equal(document.policy.unknownDevices, 'block')
  })

  test('without a certificate Core issues one, which phones accept once they have its root', async () => {
    const profile = await created({ alternativeNames: ['mail.example.com'] })
    const { document } = await rendered(profile.id)
    const leaf = new X509Certificate(document.tls.certificatePem)
    const root = await lab.call('GET', '/api/v1/certificates/root')
    const { pem } = root.body as { pem: string }
    assert.ok(leaf.verify(new X509Certificate(pem).publicKey))
    assert.ok(leaf.checkHost('sentry.example.com') !== undefined && leaf.checkHost('mail.example.com') !== undefined)
    assert.ok(profile.certificate?.issuedByCore)
    const findings = await lab.call('GET', `/api/v1/certificates/${profile.certificate.id}/findings`)
    assert.deepEqual(findings.body, { items: [] })
    const removed = await lab.call('DELETE', `/api/v1/certificates/${profile.certificate.id}`, undefined, {
      'if-match': '"1"',
    })
    assert.equal(removed.status, 409)
  })

  test('a repeated create with the same key makes one', async () => {
    const body = { settings: settings() }
    const first = await lab.call('POST', PROFILES, body, { 'idempotency-key': 'once' })
    const second = await lab.call('POST', PROFILES, body, { 'idempotency-key': 'once' })
    assert.deepEqual([first.status, second.status], [201, 201])
    assert.equal((first.body as SentryProfile).id, (second.body as SentryProfile).id)
  })

  test('the first one goes to the Sentry that waits for it', async () => {
    const { db } = lab.services.store
    const { id } = await db
      .insertInto('sentries')
      .values({ name: 'beside', adopts_first_profile: true })
      .returning('id')
      .executeTakeFirstOrThrow()
    const profile = await created()
    const row = await db.selectFrom('sentries').select('profile_id').where('id', '=', id).executeTakeFirstOrThrow()
    assert.equal(row.profile_id, profile.id)
  })
})

describe('versions', () => {
  test('every save makes one; they are compared and restored', async () => {
    const first = await created()
    const path = `${PROFILES}/${first.id}`
    const changed = { ...SEED, name: first.name, devices: { servedHours: 8 }, sentryHost: 'mail.example.com' }
    const edit = { ...changed, serverAuthentication: { ...SEED.serverAuthentication, sentryResource: '' } }
    const put = await lab.call('PUT', path, { settings: edit, note: 'moved' }, { 'if-match': '"1"' })
    assert.equal(put.status, 200, put.text)
    assert.equal(put.etag, '"2"')
    const compared = await lab.call('GET', `${path}/compare?from=1&to=2`)
    const { differences } = compared.body as { differences: { path: string; title: string }[] }
    assert.deepEqual(
      differences.map(({ path: field, title }) => [field, title]),
      [
        ['sentryHost', 'Sentry Host / IP'],
        ['serverAuthentication.sentryResource', 'Sentry Resource'],
        ['devices.servedHours', 'Serve Known Devices Without Core'],
      ],
    )
    assert.equal((await lab.call('POST', `${path}/versions/1/restore`, {}, { 'if-match': '"1"' })).status, 412)
    assert.equal((await lab.call('POST', `${path}/versions/9/restore`, {}, { 'if-match': '"2"' })).status, 404)
    const restored = await lab.call('POST', `${path}/versions/1/restore`, { note: 'back' }, { 'if-match': '"2"' })
    assert.equal(restored.status, 200, restored.text)
    assert.deepEqual((restored.body as SentryProfile).settings, first.settings)
    const list = await lab.call('GET', `${path}/versions`)
    const { items } = list.body as {
      items: { version: number; author: string; note: string; restoredFrom: number | null }[]
    }
    assert.deepEqual(
      items.map(({ version, author, note, restoredFrom }) => [version, author, note, restoredFrom]),
      [
        [3, 'alice', 'back', 1],
        [2, 'alice', 'moved', null],
        [1, 'alice', null, null],
      ],
    )
    const { document } = await rendered(first.id)
    assert.equal(document.profile.version, 3)
    assert.ok(new X509Certificate(document.tls.certificatePem).checkHost('sentry.example.com') !== undefined)
  })

  test('a restore goes through the checks of today', async () => {
    const certificate = await certificateOf('Goes away', ['sentry.example.com'])
    const profile = await created({ tls: { certificateId: certificate.id } })
    const path = `${PROFILES}/${profile.id}`
    const put = await lab.call('PUT', path, { settings: { ...SEED, name: profile.name } }, { 'if-match': '"1"' })
    assert.equal(put.status, 200, put.text)
    const gone = await lab.call('DELETE', `/api/v1/certificates/${certificate.id}`, undefined, { 'if-match': '"1"' })
    assert.equal(gone.status, 204, gone.text)
    const reply = await lab.call('POST', `${path}/versions/1/restore`, {}, { 'if-match': '"2"' })
    assert.deepEqual([reply.status, pathsOf(reply)], [400, ['settings.tls.certificateId']])
  })

  test('a version never changes', async () => {
    const { id } = await created()
    const { db } = lab.services.store
    const change = db.updateTable('sentry_profile_versions').set({ note: 'x' }).where('profile_id', '=', id)
    await assert.rejects(change.execute(), /does not change/)
  })

  test('pages of versions and of profiles lead to each other', async () => {
    const { id } = await created()
    const page = await lab.call('GET', `${PROFILES}?limit=1`)
    const { items, next } = page.body as { items: unknown[]; next: string }
    assert.equal(items.length, 1)
    assert.equal((await lab.call('GET', `${PROFILES}?limit=1&cursor=${next}`)).status, 200)
    assert.equal((await lab.call('GET', `${PROFILES}/${NOBODY}/versions`)).status, 404)
    assert.equal((await lab.call('GET', `${PROFILES}/${id}/versions/2`)).status, 404)
  })
})

describe('identity certificates', () => {
  test('together with OAuth, with a list and roots of the company', async () => {
    const device = await rootOf('Devices', 'device')
    const upstream = await rootOf('Servers', 'upstream')
    const revoked = await ca.issueDevice()
    const crl = await lab.call('PUT', `/api/v1/trusted-roots/${device.id}/crl`, { pem: await ca.crl([revoked]) })
    assert.equal(crl.status, 200, crl.text)
    const profile = await created({
      deviceAuthentication: { method: 'identityCertificate', trustedRootIds: [device.id], checkCrl: true },
      serverAuthentication: { ...SEED.serverAuthentication, identityProviderRootId: upstream.id },
      activeSync: { serverRootId: upstream.id },
    })
    const { document } = await rendered(profile.id)
    assert.deepEqual(document.deviceCertificate, { onActiveSync: 'required', onOAuth: 'optional', kind: 'identity' })
    assert.deepEqual(
      document.tls.deviceCas.map(({ name }) => name),
      ['Devices'],
    )
    assert.equal(document.tls.crls.length, 1)
    assert.deepEqual([document.oauth.ca?.name, document.activeSync.ca?.name], ['Servers', 'Servers'])
    const used = await lab.call('DELETE', `/api/v1/trusted-roots/${device.id}`, undefined, { 'if-match': '"2"' })
    assert.equal(used.status, 409)
    assert.match(used.text, new RegExp(profile.name))
  })
})

describe('checking without saving', () => {
  test('problems, warnings, differences and what devices will be told', async () => {
    const profile = await created()
    const check = async (body: object): Promise<SentryProfileCheck> => {
      const reply = await lab.call('POST', `${PROFILES}/check`, body)
      assert.equal(reply.status, 200, reply.text)
      return reply.body as SentryProfileCheck
    }
    const bad = await check({ settings: { ...SEED, sentryHost: '' } })
    assert.deepEqual([bad.settings, bad.deviceSettings, bad.problems.length > 0], [null, null, true])
    const good = await check({
      settings: { ...SEED, name: profile.name, devices: { servedHours: 1 } },
      profileId: profile.id,
    })
    assert.deepEqual(good.problems, [])
    assert.deepEqual(
      good.differences.map(({ path }) => path),
      ['devices.servedHours'],
    )
    assert.equal(good.deviceSettings?.emailPlus.length, 5)
    const { db } = lab.services.store
    const row = await db.selectFrom('sentry_profiles').select('version').where('id', '=', profile.id).executeTakeFirst()
    assert.equal(row?.version, 1)
    assert.equal((await lab.call('POST', `${PROFILES}/check`, { settings: SEED, profileId: NOBODY })).status, 404)
  })

  test('presets are there', async () => {
    const reply = await lab.call('GET', `${PROFILES}/presets`)
    const { items } = reply.body as { items: { id: string }[] }
    assert.ok(
      ['documented', 'worldwide-tenant', 'us-gcc-high', 'us-dod', 'china'].every((id) =>
        items.some((row) => row.id === id),
      ),
    )
  })
})

test('what Core issued is issued anew a month before its end, without a new version', async () => {
  const profile = await created()
  const before = await rendered(profile.id)
  assert.equal(await renewIssued(lab.services), 0)
  const start = lab.now()
  lab.at(start + 370 * DAY_MS)
  assert.ok((await renewIssued(lab.services)) > 0)
  assert.equal(await renewIssued(lab.services), 0)
  const renewed = await rendered(profile.id)
  lab.at(start)
  assert.notEqual(renewed.etag, before.etag)
  assert.equal(renewed.version, before.version)
  assert.ok(new X509Certificate(renewed.document.tls.certificatePem).validToDate.getTime() > start + 700 * DAY_MS)
})

test('removing takes the versions and the issued key along', async () => {
  const profile = await created()
  const { db } = lab.services.store
  const keys = async (): Promise<number> =>
    (await db.selectFrom('secrets').select('id').where('purpose', '=', 'tls-key').execute()).length
  const before = await keys()
  const reply = await lab.call('DELETE', `${PROFILES}/${profile.id}`, undefined, { 'if-match': '"1"' })
  assert.equal(reply.status, 204, reply.text)
  assert.equal(await keys(), before - 1)
  assert.ok('problem' in (await renderDocument(db, lab.services.vault, profile.id)))
})

test('no private key in any reply, audit row, version or reply that is kept', async () => {
  const { db } = lab.services.store
  const rows = await Promise.all([
    db.selectFrom('audit').selectAll().execute(),
    db.selectFrom('sentry_profile_versions').selectAll().execute(),
    db.selectFrom('certificates').selectAll().execute(),
    db.selectFrom('trusted_roots').selectAll().execute(),
    db.selectFrom('idempotency').selectAll().execute(),
  ])
  const everything = [JSON.stringify(rows), ...lab.replies.map(({ text }) => text)].join('\n')
  assert.ok(everything.includes('BEGIN CERTIFICATE'))
  assert.doesNotMatch(everything, /PRIVATE KEY/)
  const secret = await lab.services.store.change(SYSTEM, async ({ tx }) =>
    tx.selectFrom('certificates').select('key_id').limit(1).executeTakeFirstOrThrow(),
  )
  const key = await lab.services.vault.read(db, 'tls-key', secret.key_id)
  const body = key.split('\n')[1] ?? ''
  assert.ok(body.length > 30)
  assert.ok(!everything.includes(body))
})
