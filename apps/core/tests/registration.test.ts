import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { sql } from 'kysely'
import {
  FEED_PATHS,
  FEED_SERVER_NAME,
  parseEnrolmentToken,
  parseGatewayIdentity,
} from '@postern/contract/feed/enrolment'
import { createCa } from '@postern/harness/ca'
import { createAuthority, openAuthority } from '@postern/pki/authority'
import { createKeyPair } from '@postern/pki/certificate-request'
import { publicKeyFingerprint, readCertificates } from '@postern/pki/fingerprint'
import { SYSTEM } from '../src/audit/chain.ts'
import { startDeviceListener } from '../src/listeners/device-listener.ts'
import { localSentryToken } from '../src/services/local-sentry.ts'
import { adoptFirstProfile } from '../src/services/sentries/adopt.ts'
import { openServiceAuthority } from '../src/services/sentries/authority.ts'
import { removeSentry, revokeSentry, updateSentry } from '../src/services/sentries/edit-sentries.ts'
import { listSentries, readSentry } from '../src/services/sentries/read-sentries.ts'
import {
  call,
  caOf,
  type ClientIdentity,
  csrOf,
  deviceRow,
  enrol,
  type FeedLab,
  type Machine,
  openFeed,
  pemOf,
  startFeedLab,
} from './support/feed-lab.ts'

const DAY = 86_400_000
const REPORT = {
  ...{ schema: 2, version: '0.1.0', startedAt: 1, config: { applied: null, refused: null } },
  ...{ posture: { epoch: null, seq: 0 }, notReady: [], servers: [], associations: [] },
  counts: { connections: 0, held: 0, requests: 0, allowed: 0, refused: 0 },
}

let lab: FeedLab
before(async () => {
  lab = await startFeedLab(2)
})
after(() => lab[Symbol.asyncDispose]())

const at = (machine: Pick<Machine, 'ca'>) => ({ port: lab.core.port, ca: machine.ca })
const report = (machine: Pick<Machine, 'ca'>, identity: ClientIdentity | null) =>
  call(at(machine), identity, { method: 'POST', path: FEED_PATHS.report, body: REPORT })
const renew = async (machine: Machine, keys = machine.keys, claims?: string) =>
  call(at(machine), machine.identity, {
    method: 'POST',
    path: FEED_PATHS.renew,
    body: { csr: await csrOf(keys, claims) },
  })
const reader = () => {
  const { store, now } = lab.core.services
  return { db: store.db, now: now(), render: async () => ({ problem: 'no profiles here' }) }
}
const change = <T>(work: Parameters<typeof lab.core.services.store.change<T>>[1]) =>
  lab.core.services.store.change(SYSTEM, work)
const codeOf = ({ body }: { body: unknown }): unknown =>
  typeof body === 'object' && body !== null && 'code' in body ? body.code : null

/** A registered machine. */
async function machineOf(name: string): Promise<Machine & { id: string }> {
  const { id, token } = await lab.add(name)
  const machine = await enrol(lab.core.port, token)
  assert.equal(machine.reply.status, 200, JSON.stringify(machine.reply.body))
  return { ...machine, id }
}

async function expectNothing(machine: Pick<Machine, 'ca'>, identity: ClientIdentity | null): Promise<void> {
  const csr = await csrOf(await createKeyPair('P-256'))
  const calls = [
    { method: 'GET', path: `${FEED_PATHS.feed}?schemas=2&version=1` },
    { method: 'POST', path: FEED_PATHS.report, body: REPORT },
    { method: 'POST', path: FEED_PATHS.renew, body: { csr } },
    { method: 'GET', path: '/healthz' },
    { method: 'GET', path: '/api/v1/sentries' },
    { method: 'POST', path: `${FEED_PATHS.enrol}?` },
    { method: 'GET', path: `${FEED_PATHS.enrol}/` },
  ]
  for (const each of calls) {
    const reply = await call(at(machine), identity, each)
    assert.deepEqual([each.path, reply.status, codeOf(reply)], [each.path, 401, 'NOT_SIGNED_IN'])
  }
}

describe('every path but one is refused without a certificate of a registered Sentry', () => {
  let machine: Machine & { id: string }
  before(async () => {
    machine = await machineOf('paths')
  })
  const uri = () => `urn:postern:sentry:${machine.id}`

  test('no certificate', () => expectNothing(machine, null))

  test('CVE-2026-5787 a certificate of another CA with the same name in it', async () => {
    const ca = await createCa({ commonName: 'Postern service CA' })
    const { certPem, keyPem } = await ca.issueDevice({ deviceUri: uri(), commonName: machine.id })
    await expectNothing(machine, { cert: certPem, key: keyPem })
  })

  test('CVE-2026-5787 another CA of the same name for the very key of the Sentry', async () => {
    const life = { notBefore: Date.now() - DAY, notAfter: Date.now() + 30 * DAY }
    const impostor = openAuthority(
      await createAuthority({ commonName: 'Postern service CA', keyType: 'P-256', ...life }),
    )
    const request = { csr: await csrOf(machine.keys), sentryId: machine.id, name: 'paths' }
    const issued = await impostor.issueGateway({ ...request, notBefore: Date.now(), notAfter: life.notAfter })
    await expectNothing(machine, { cert: issued.certificatePem, key: machine.keys.privateKeyPem })
  })

  test('CVE-2026-5787 a certificate that its holder signed', async () => {
    const ca = await createCa()
    const own = { names: [machine.id], overrides: { selfSigned: true, eku: 'clientAuth' as const } }
    const { certPem, keyPem } = await ca.issueServer(own)
    await expectNothing(machine, { cert: certPem, key: keyPem })
  })

  test('a certificate that has ended', async () => {
    const authority = await openServiceAuthority(lab.core.services)
    const request = { csr: await csrOf(machine.keys), sentryId: machine.id, name: 'paths' }
    const life = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() - 60_000 }
    const { certificatePem } = await authority.issueGateway({ ...request, ...life })
    await expectNothing(machine, { cert: certificatePem, key: machine.keys.privateKeyPem })
  })

  test('a server certificate of the service CA for the key of the Sentry', async () => {
    const authority = await openServiceAuthority(lab.core.services)
    const life = { notBefore: Date.now(), notAfter: Date.now() + DAY }
    const { publicKey, privateKeyPem } = machine.keys
    const issued = await authority.issueServer({ publicKey, dnsNames: [FEED_SERVER_NAME], ...life })
    await expectNothing(machine, { cert: issued.certificatePem, key: privateKeyPem })
  })

  test('a certificate of the service CA for a key that nobody registered', async () => {
    const authority = await openServiceAuthority(lab.core.services)
    const keys = await createKeyPair('P-256')
    const request = { csr: await csrOf(keys), sentryId: machine.id, name: 'paths' }
    const { certificatePem } = await authority.issueGateway({
      ...request,
      notBefore: Date.now(),
      notAfter: Date.now() + DAY,
    })
    await expectNothing(machine, { cert: certificatePem, key: keys.privateKeyPem })
  })

  test('a certificate that ended while the connection lasted', async () => {
    lab.advance(91 * DAY)
    try {
      await expectNothing(machine, machine.identity)
    } finally {
      lab.advance(-91 * DAY)
    }
  })

  test('a revoked Sentry', async () => {
    const revoked = await machineOf('revoked')
    await change((c) => revokeSentry(c, revoked.id, 'lost'))
    await expectNothing(revoked, revoked.identity)
  })

  test('a removed Sentry', async () => {
    const removed = await machineOf('removed')
    await change((c) => removeSentry(c, removed.id))
    await expectNothing(removed, removed.identity)
  })

  test('with one it is served, and what is not there is not found', async () => {
    assert.equal((await report(machine, machine.identity)).status, 204)
    const strange = [
      { method: 'GET', path: '/', status: 404 },
      { method: 'GET', path: '/api/v1/sentries', status: 404 },
      { method: 'POST', path: `${FEED_PATHS.report}?a=b`, status: 404 },
      { method: 'POST', path: `${FEED_PATHS.report}/`, status: 404 },
      { method: 'GET', path: FEED_PATHS.report, status: 405 },
      { method: 'POST', path: FEED_PATHS.feed, status: 405 },
      { method: 'GET', path: FEED_PATHS.feed, status: 400 },
    ]
    for (const { status, ...each } of strange) {
      assert.deepEqual([each, (await call(at(machine), machine.identity, each)).status], [each, status])
    }
  })
})

describe('registration', () => {
  test('CVE-2026-5787 a second machine with the same name and another key gets nothing', async () => {
    const first = await machineOf('Frankfurt')
    await lab.posture([deviceRow('frankfurt-phone')])
    const second = await createKeyPair('P-256')
    const csr = await csrOf(second, 'Frankfurt')
    const bodies = [
      { token: 'Frankfurt', csr, version: '0.1.0', schemas: [2] },
      { token: `pse1.${'A'.repeat(43)}.${'A'.repeat(400)}`, csr, version: '0.1.0', schemas: [2] },
    ]
    for (const body of bodies) {
      const reply = await call(at(first), null, { method: 'POST', path: FEED_PATHS.enrol, body })
      assert.deepEqual([reply.status, codeOf(reply)], [401, 'NOT_SIGNED_IN'])
      assert.equal(pemOf(reply), '')
    }
    await assert.rejects(report(first, { cert: first.identity.cert, key: second.privateKeyPem }), /key values mismatch/)
    await assert.rejects(lab.add('frankfurt'), { code: 'CONFLICT' })
    assert.equal((await report(first, first.identity)).status, 204)
  })

  test('CVE-2026-5787 a request that names another Sentry gets its own identity', async () => {
    const other = await machineOf('other')
    const { id, token } = await lab.add('modest')
    const { reply } = await enrol(lab.core.port, token, { claims: other.id })
    const identity = parseGatewayIdentity(reply.body)
    assert.equal(identity.sentryId, id)
    const [facts] = readCertificates(identity.certificatePem)
    assert.equal(facts?.subject, `CN=${id}, OU=modest`)
    assert.equal(new X509Certificate(identity.certificatePem).subjectAltName, `URI:urn:postern:sentry:${id}`)
    assert.ok(!identity.certificatePem.includes(other.id))
  })

  test('CVE-2026-5787 a certificate of one Sentry renews no other', async () => {
    const [a, b] = [await machineOf('A'), await machineOf('B')]
    const stolen = await renew(a, a.keys, b.id)
    assert.equal(parseGatewayIdentity(stolen.body).sentryId, a.id)
    // B's own request, sent by A: the key is B's, so nothing is issued.
    const foreign = await renew(a, b.keys)
    assert.deepEqual([foreign.status, codeOf(foreign)], [409, 'CONFLICT'])
    assert.equal((await report(b, b.identity)).status, 204)
    assert.equal((await report(a, a.identity)).status, 204)
  })

  test('a key of another Sentry cannot be registered again', async () => {
    const a = await machineOf('first holder')
    const { token } = await lab.add('second holder')
    const { reply } = await enrol(lab.core.port, token, { keys: a.keys })
    assert.deepEqual([reply.status, codeOf(reply)], [409, 'CONFLICT'])
    const retry = await enrol(lab.core.port, token)
    assert.equal(retry.reply.status, 200, 'a refused request does not spend the token')
  })

  test('a token is good once', async () => {
    const { token } = await lab.add('once')
    assert.equal((await enrol(lab.core.port, token)).reply.status, 200)
    const again = await enrol(lab.core.port, token)
    assert.deepEqual([again.reply.status, codeOf(again.reply)], [401, 'NOT_SIGNED_IN'])
  })

  test('two machines with one token at once, at two Cores: one wins', async () => {
    const { id, token } = await lab.add('race')
    const ports = lab.cores.flatMap(({ port }) => [port, port, port])
    const machines = await Promise.all(ports.map((port) => enrol(port, token)))
    const won = machines.filter(({ reply }) => reply.status === 200)
    assert.deepEqual(machines.map(({ reply }) => reply.status).sort(), [200, 401, 401, 401, 401, 401])
    const { fingerprint } = (await readSentry(reader(), id)).registration
    assert.equal(fingerprint, publicKeyFingerprint(won[0]?.keys.publicKey ?? new Uint8Array()))
  })

  test('a token is good for an hour', async () => {
    const { token } = await lab.add('late')
    lab.advance(3_600_000)
    try {
      const { reply } = await enrol(lab.core.port, token)
      assert.deepEqual([reply.status, codeOf(reply)], [401, 'NOT_SIGNED_IN'])
    } finally {
      lab.advance(-3_600_000)
    }
  })

  const badRequests: [string, object, number][] = [
    ['a request that is none', { csr: 'x' }, 400],
    ['no schemas', { schemas: [] }, 400],
    ['a schema that Core has dropped', { schemas: [1_000] }, 409],
    ['an unknown member', { name: 'Frankfurt' }, 400],
  ]
  for (const [title, member, status] of badRequests) {
    test(`${title} is refused and spends nothing`, async () => {
      const { token } = await lab.add(title)
      const good = { token, csr: await csrOf(await createKeyPair('P-256')), version: '1', schemas: [2] }
      const where = { port: lab.core.port, ca: caOf(token) }
      const refused = await call(where, null, { method: 'POST', path: FEED_PATHS.enrol, body: { ...good, ...member } })
      assert.equal(refused.status, status, JSON.stringify(refused.body))
      assert.equal((await call(where, null, { method: 'POST', path: FEED_PATHS.enrol, body: good })).status, 200)
    })
  }

  test('a body over the limit, and one that is no JSON', async () => {
    const { token } = await lab.add('bodies')
    const where = { port: lab.core.port, ca: caOf(token) }
    const post = { method: 'POST', path: FEED_PATHS.enrol }
    assert.equal((await call(where, null, { ...post, text: `"${'x'.repeat(65_536)}"` })).status, 413)
    assert.equal((await call(where, null, { ...post, text: '{' })).status, 400)
    assert.equal((await call(where, null, { method: 'GET', path: FEED_PATHS.enrol })).status, 405)
  })

  test('neither token nor secret is stored, logged or audited', async () => {
    const { token } = await lab.add('canary')
    const secret = parseEnrolmentToken(token)?.secret ?? ''
    assert.equal(secret.length, 43)
    const { db } = lab.core.services.store
    const { rows } = await sql<{ text: string }>`
      select sentries::text as text from sentries union all select audit::text from audit`.execute(db)
    const written = [...rows.map(({ text }) => text), JSON.stringify(lab.core.log)].join('\n')
    assert.ok(written.includes('canary'))
    assert.ok(!written.includes(secret))
    assert.ok(!written.includes(Buffer.from(secret).toString('hex')))
  })

  test('what the administrator and the machine see is the same key', async () => {
    const machine = await machineOf('seen')
    const identity = parseGatewayIdentity(machine.reply.body)
    const seen = await readSentry(reader(), machine.id)
    assert.equal(seen.registration.state, 'registered')
    assert.equal(seen.registration.fingerprint, publicKeyFingerprint(machine.keys.publicKey))
    assert.equal(seen.registration.certificateDaysLeft, 89)
    const [facts] = readCertificates(identity.certificatePem)
    assert.equal(facts?.publicKeyFingerprint, seen.registration.fingerprint)
    assert.equal(facts.notAfter, identity.notAfter)
    assert.equal(identity.notAfter - identity.renewAfter, 30 * DAY)
    assert.deepEqual(identity.authoritiesPem, [machine.ca])
  })
})

describe('renewal and a new registration', () => {
  test('the old key is good until the new one is used', async () => {
    const old = await machineOf('renewing')
    const keys = await createKeyPair('P-256')
    const reply = await renew(old, keys)
    const fresh = { cert: pemOf(reply), key: keys.privateKeyPem }
    assert.equal((await report(old, old.identity)).status, 204)
    assert.equal((await report(old, fresh)).status, 204)
    assert.equal((await report(old, old.identity)).status, 401)
    assert.equal((await report(old, fresh)).status, 204)
  })

  test('the stream of the old key ends with the first use of the new one, to come back at once', async () => {
    const old = await machineOf('renewing with a stream')
    await using stream = await openFeed(lab.core.port, old)
    await stream.until(({ type }) => type === 'snapshot-end')
    const keys = await createKeyPair('P-256')
    const fresh = { cert: pemOf(await renew(old, keys)), key: keys.privateKeyPem }
    await using next = await openFeed(lab.cores[1]?.port ?? 0, { ca: old.ca, identity: fresh })
    await next.until(({ type }) => type === 'snapshot-end')
    const bye = await stream.until(({ type }) => type === 'bye')
    assert.deepEqual(bye.type === 'bye' ? [bye.reason, bye.retryAfterSeconds] : [], ['replaced', 1])
  })

  test('the old key is good for a day at most', async () => {
    const old = await machineOf('unused renewal')
    const keys = await createKeyPair('P-256')
    const fresh = { cert: pemOf(await renew(old, keys)), key: keys.privateKeyPem }
    lab.advance(DAY)
    try {
      assert.equal((await report(old, old.identity)).status, 401)
      assert.equal((await report(old, fresh)).status, 204)
    } finally {
      lab.advance(-DAY)
    }
  })

  test('a lost reply: asking again gives another one, and the lost one is useless', async () => {
    const old = await machineOf('lost reply')
    const [lost, kept] = [await createKeyPair('P-256'), await createKeyPair('P-256')]
    const lostReply = await renew(old, lost)
    const keptReply = await renew(old, kept)
    assert.equal((await report(old, { cert: pemOf(lostReply), key: lost.privateKeyPem })).status, 401)
    assert.equal((await report(old, { cert: pemOf(keptReply), key: kept.privateKeyPem })).status, 204)
  })

  test('with the same key', async () => {
    const machine = await machineOf('same key')
    const cert = pemOf(await renew(machine))
    assert.notEqual(cert, machine.identity.cert)
    assert.equal((await report(machine, { cert, key: machine.keys.privateKeyPem })).status, 204)
  })

  test('a new token: the old key works until it is used, then it is dead and its stream ends', async () => {
    const old = await machineOf('moved')
    await using stream = await openFeed(lab.core.port, old)
    await stream.until(({ type }) => type === 'snapshot-end')
    const token = await lab.token(old.id)
    assert.equal((await report(old, old.identity)).status, 204)
    const fresh = await enrol(lab.core.port, token)
    assert.equal(fresh.reply.status, 200)
    const bye = await stream.until(({ type }) => type === 'bye')
    assert.equal(bye.type === 'bye' ? bye.reason : '', 'replaced')
    await stream.ended
    assert.equal((await report(old, old.identity)).status, 401)
    assert.equal((await report(fresh, fresh.identity)).status, 204)
  })

  test('revoked at one Core: the stream at another ends at once', async () => {
    const machine = await machineOf('to be revoked')
    const [, other] = lab.cores
    await using stream = await openFeed(other?.port ?? 0, machine)
    await stream.until(({ type }) => type === 'snapshot-end')
    const start = performance.now()
    await change((c) => revokeSentry(c, machine.id, null))
    const bye = await stream.until(({ type }) => type === 'bye')
    assert.ok(performance.now() - start < 1_000)
    assert.equal(bye.type === 'bye' ? bye.reason : '', 'revoked')
    await stream.ended
    assert.equal((await readSentry(reader(), machine.id)).registration.state, 'revoked')
    const token = await lab.token(machine.id)
    assert.equal((await report(machine, machine.identity)).status, 401, 'a new token alone lets nobody in')
    assert.equal((await enrol(lab.core.port, token)).reply.status, 200)
    assert.equal((await readSentry(reader(), machine.id)).registration.state, 'registered')
  })
})

describe('the service CA', () => {
  test('two Cores that start at once have one', async () => {
    const ours = await Promise.all(lab.cores.map(({ services }) => openServiceAuthority(services)))
    assert.equal(new Set(ours.map(({ certificatePem }) => certificatePem)).size, 1)
    const [ca] = ours
    const { validFromDate, validToDate } = new X509Certificate(ca?.certificatePem ?? '')
    assert.ok(validToDate.getTime() - validFromDate.getTime() > 19 * 365 * DAY)
  })

  test('the certificate of the listener has the name that Sentries pin', async () => {
    const { token } = await lab.add('pinning')
    const first = await peerOf(lab.core.port, caOf(token))
    assert.ok(first.subjectAltName?.includes(`DNS:${FEED_SERVER_NAME}`))
    assert.ok(first.subjectAltName?.includes('IP Address:127.0.0.1'))
    assert.ok(first.validToDate.getTime() - Date.now() < 91 * DAY)
  })
})

describe('what administrators do', () => {
  test('rename and assign, by version', async () => {
    const { id } = await lab.add('old name')
    const { version } = await readSentry(reader(), id)
    await change((c) => updateSentry(c, id, version, { name: 'new name' }))
    await assert.rejects(
      change((c) => updateSentry(c, id, version, { name: 'x' })),
      { code: 'CHANGED' },
    )
    const absent = '00000000-0000-4000-8000-000000000000'
    await assert.rejects(
      change((c) => updateSentry(c, id, null, { profileId: absent })),
      { code: 'IN_USE' },
    )
    const seen = await readSentry(reader(), id)
    assert.deepEqual([seen.name, seen.version, seen.registration.state], ['new name', version + 1, 'waiting'])
  })

  test('pages in the order of names', async () => {
    for (const name of ['zz page b', 'zz page A', 'zz page c']) await lab.add(name)
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = await listSentries(reader(), { limit: 2, ...(cursor === undefined ? {} : { cursor }) })
      names.push(...page.items.map(({ name }) => name))
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    assert.deepEqual(names.slice(-3), ['zz page A', 'zz page b', 'zz page c'])
    assert.equal(new Set(names).size, names.length)
  })

  test('the Sentry beside Core: registered once, and it takes over the first profile', async () => {
    const { services } = lab.core
    const [first, second] = [await localSentryToken(services), await localSentryToken(services)]
    assert.ok(first !== null && second !== null)
    assert.equal((await enrol(lab.core.port, first)).reply.status, 401, 'a second start makes a new token')
    const machine = await enrol(lab.core.port, second)
    assert.equal(machine.reply.status, 200)
    assert.equal(await localSentryToken(services), null)
    const profileId = await profile('first profile')
    await change((c) => adoptFirstProfile(c, profileId))
    await change((c) => profile('second profile').then((id) => adoptFirstProfile(c, id)))
    const { items } = await listSentries(reader(), { limit: 500 })
    const [local] = items.filter((sentry) => sentry.local)
    assert.deepEqual([local?.name, local?.profileId], ['this machine', profileId])
    assert.equal(items.filter((sentry) => sentry.profileId !== null).length, 1)
  })
})

describe('device listener', () => {
  test('serves no path of the API and none of the feed', async () => {
    await using listener = await startDeviceListener(lab.core.services)
    const { token } = await lab.add('device listener')
    const where = { port: listener.port, ca: caOf(token) }
    for (const path of ['/api/v1/sentries', '/api/v1/session', '/', FEED_PATHS.enrol, FEED_PATHS.feed, '/healthz?a']) {
      const reply = await call(where, null, { method: 'GET', path })
      assert.deepEqual([path, reply.status, codeOf(reply)], [path, 404, 'NOT_FOUND'])
    }
    assert.equal((await call(where, null, { method: 'POST', path: FEED_PATHS.enrol, body: {} })).status, 404)
    assert.deepEqual(await call(where, null, { method: 'GET', path: '/healthz' }), { status: 200, body: 'ok\n' })
  })
})

async function profile(name: string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into sentry_profiles (name, settings) values (${name}, '{}') returning id`.execute(
    lab.core.services.store.db,
  )
  return rows[0]?.id ?? ''
}

function peerOf(port: number, ca: string): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: FEED_SERVER_NAME }, () => {
      const certificate = socket.getPeerX509Certificate()
      socket.destroy()
      if (certificate === undefined) reject(new Error('no certificate'))
      else resolve(certificate)
    })
    socket.once('error', reject)
  })
}
