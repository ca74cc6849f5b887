import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { TlsCertificate, TrustedRoot } from '@postern/contract/api/certificates'
import { createCa, type Issued, type TestCa } from '@postern/harness/ca'
import { createAuthority, openAuthority } from '@postern/pki/authority'
import { readRequest } from '@postern/pki/certificate-request'
import { type ProfileLab, type ProfileReply, startProfileLab } from './support/profile-lab.ts'

const DAY_MS = 86_400_000
const CERTIFICATES = '/api/v1/certificates'
const ROOTS = '/api/v1/trusted-roots'
const NOBODY = '00000000-0000-4000-8000-00000000dead'
const NAME = 'sentry.example.com'

let lab: ProfileLab
let ca: TestCa
let count = 0

before(async () => {
  lab = await startProfileLab(Date.now())
  ca = await createCa()
})
after(() => lab[Symbol.asyncDispose]())

const inDays = (days: number): Date => new Date(lab.now() + days * DAY_MS)
const issue = (more: object = {}): Promise<Issued> => ca.issueServer({ names: [NAME], notAfter: inDays(90), ...more })
const called = (): string => `certificate ${(count += 1)}`

function upload(file: object, name = called()): Promise<ProfileReply> {
  return lab.call('POST', CERTIFICATES, { name, ...file })
}

async function uploaded(issued: Issued): Promise<TlsCertificate> {
  const reply = await upload({ chainPem: issued.certPem + ca.certPem, privateKeyPem: issued.keyPem })
  assert.equal(reply.status, 201, reply.text)
  return reply.body as TlsCertificate
}

describe('a certificate is refused by field, with what to do', () => {
  const rows: readonly (readonly [string, () => Promise<object>, string, RegExp])[] = [
    ['nothing sent', async () => ({}), 'chainPem', /is missing/],
    ['both kinds', async () => ({ pkcs12: 'AAAA', chainPem: 'x' }), 'pkcs12', /together with PEM/],
    ['PKCS#12 that is no base64', async () => ({ pkcs12: '!' }), 'pkcs12', /base64/],
    ['PKCS#12 that is none', async () => ({ pkcs12: 'AAAA', password: 'x' }), 'pkcs12', /PKCS#12/],
    ['no PEM', async () => ({ chainPem: 'x', privateKeyPem: 'y' }), 'privateKeyPem', /private key/],
    [
      'a key of another one',
      async () => ({ chainPem: (await issue()).certPem + ca.certPem, privateKeyPem: (await issue()).keyPem }),
      'chainPem',
      /KEY_MISMATCH/,
    ],
    ['no CA in the file', async () => fileOf(await issue(), ''), 'chainPem', /NO_CA_IN_FILE/],
    ['another CA in the file', async () => fileOf(await issue(), (await createCa()).certPem), 'chainPem', /NO_CHAIN/],
    [
      'signed by itself',
      async () => fileOf(await issue({ overrides: { selfSigned: true } }), ''),
      'chainPem',
      /SELF_SIGNED|NO_CA_IN_FILE/,
    ],
    [
      'not for servers',
      async () => fileOf(await issue({ overrides: { eku: 'clientAuth' } })),
      'chainPem',
      /EKU_MISSING/,
    ],
    ['over', async () => fileOf(await issue({ notBefore: inDays(-20), notAfter: inDays(-1) })), 'chainPem', /EXPIRED/],
    ['not yet', async () => fileOf(await issue({ notBefore: inDays(1) })), 'chainPem', /NOT_YET_VALID/],
    ['too long', async () => fileOf(await issue({ notAfter: inDays(900) })), 'chainPem', /VALIDITY_TOO_LONG/],
    ['a password for PEM', async () => ({ ...fileOf(await issue()), password: 'x' }), 'password', /without a password/],
  ]
  for (const [title, file, path, says] of rows) {
    test(title, async () => {
      const reply = await upload(await file())
      assert.equal(reply.status, 400, reply.text)
      const problems = (reply.body as { problems: { path: string; message: string }[] }).problems
      assert.ok(
        problems.some((one) => one.path === path && says.test(one.message)),
        reply.text,
      )
    })
  }

  test('a name that is taken', async () => {
    const file = fileOf(await issue())
    assert.equal((await upload(file, 'Twice')).status, 201)
    assert.equal((await upload(file, 'Twice')).status, 409)
  })
})

function fileOf(issued: Issued, chain = ca.certPem): { chainPem: string; privateKeyPem: string } {
  return { chainPem: issued.certPem + chain, privateKeyPem: issued.keyPem }
}

describe('a certificate that is accepted', () => {
  test('with its facts, its days and what may become of it', async () => {
    const certificate = await uploaded(await issue({ notAfter: inDays(20) }))
    assert.deepEqual([certificate.source, certificate.state], ['uploaded', 'ready'])
    assert.ok(certificate.daysLeft === 19 || certificate.daysLeft === 20)
    assert.deepEqual(certificate.chain[0]?.names, [NAME])
    assert.ok(certificate.findings.some(({ code, severity }) => code === 'EXPIRES_SOON' && severity === 'warning'))
  })

  test('without a root it is warned of; wrong order is put right', async () => {
    const intermediate = await ca.issueIntermediate()
    const issued = await intermediate.issueServer({ names: [NAME], notAfter: inDays(25) })
    const chain = issued.chainPem ?? ''
    const reply = await upload({ chainPem: chain + issued.certPem, privateKeyPem: issued.keyPem })
    assert.equal(reply.status, 201, reply.text)
    const { findings, chainPem, chain: facts } = reply.body as TlsCertificate
    const codes = findings.map(({ code }) => code)
    assert.ok(codes.includes('NO_ROOT') && codes.includes('CHAIN_ORDER'), codes.join(' '))
    assert.deepEqual(facts[0]?.names, [NAME])
    assert.equal(new X509Certificate(chainPem ?? '').subject, `CN=${NAME}`)
  })

  test('key and chain in one PEM text: the key does not stay in it', async () => {
    const issued = await issue()
    const reply = await upload({ chainPem: issued.keyPem + issued.certPem + ca.certPem })
    assert.equal(reply.status, 201, reply.text)
    assert.doesNotMatch(reply.text, /PRIVATE KEY/)
  })
})

describe('a request', () => {
  test('is made with a key that stays in Core, and completed by what an authority signed for that key', async () => {
    const body = { name: called(), dnsNames: [NAME, 'mail.example.com'] }
    const reply = await lab.call('POST', `${CERTIFICATES}/csr`, body)
    assert.equal(reply.status, 201, reply.text)
    const { id, state, requestPem } = reply.body as TlsCertificate
    assert.equal(state, 'pending')
    assert.equal((await lab.call('GET', `${CERTIFICATES}/${id}/findings`)).status, 409)
    const path = `${CERTIFICATES}/${id}/complete`
    const other = fileOf(await issue()).chainPem
    assert.match((await lab.call('POST', path, { chainPem: other })).text, /KEY_MISMATCH/)
    const chainPem = await signed(requestPem ?? '', [NAME, 'mail.example.com'])
    const completed = await lab.call('POST', path, { chainPem })
    assert.equal(completed.status, 200, completed.text)
    assert.equal((completed.body as TlsCertificate).state, 'ready')
    assert.equal((await lab.call('POST', path, { chainPem })).status, 409)
    assert.deepEqual((await lab.call('GET', `${CERTIFICATES}/${id}/findings`)).body, { items: [] })
  })

  test('names that cannot stand in a certificate are refused', async () => {
    const reply = await lab.call('POST', `${CERTIFICATES}/csr`, { name: called(), dnsNames: ['no name'] })
    assert.equal(reply.status, 400)
    assert.match(reply.text, /dnsNames/)
  })
})

/** What an authority outside of Core would answer to a request. */
async function signed(requestPem: string, dnsNames: string[]): Promise<string> {
  const life = { notBefore: lab.now() - DAY_MS, notAfter: lab.now() + 90 * DAY_MS }
  const made = await createAuthority({ commonName: 'Company CA', keyType: 'P-256', ...life })
  const { publicKey } = readRequest(requestPem)
  const { certificatePem } = await openAuthority(made).issueServer({ publicKey, dnsNames, ...life })
  return certificatePem + made.certificatePem
}

describe('use and renewal', () => {
  test('a certificate in use is shown, cannot be removed, and is replaced for all who use it', async () => {
    const certificate = await uploaded(await issue())
    const path = `${CERTIFICATES}/${certificate.id}`
    const settings = {
      name: 'Uses it',
      sentryHost: NAME,
      serverAuthentication: {
        authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
        tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
        destinationResource: 'https://outlook.office365.com/',
      },
      tls: { certificateId: certificate.id },
    }
    const profile = await lab.call('POST', '/api/v1/sentry-profiles', { settings })
    assert.equal(profile.status, 201, profile.text)
    const shown = (await lab.call('GET', path)).body as TlsCertificate
    assert.deepEqual(
      shown.usedBy.map(({ name }) => name),
      ['Uses it'],
    )
    assert.equal((await lab.call('DELETE', path, undefined, { 'if-match': '"1"' })).status, 409)
    const misnamed = fileOf(await ca.issueServer({ names: ['other.example.com'], notAfter: inDays(90) }))
    const refused = await lab.call('PUT', path, misnamed, { 'if-match': '"1"' })
    assert.match(refused.text, /NAME_NOT_COVERED/)
    const replaced = await lab.call('PUT', path, fileOf(await issue()), { 'if-match': '"1"' })
    assert.equal(replaced.status, 200, replaced.text)
    assert.equal(replaced.etag, '"2"')
    assert.notEqual((replaced.body as TlsCertificate).chain[0]?.fingerprint, certificate.chain[0]?.fingerprint)
  })

  test('removing takes the key along', async () => {
    const { id } = await uploaded(await issue())
    const { db } = lab.services.store
    const { key_id: key } = await db
      .selectFrom('certificates')
      .select('key_id')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    assert.equal((await lab.call('DELETE', `${CERTIFICATES}/${id}`, undefined, { 'if-match': '"1"' })).status, 204)
    assert.equal(await db.selectFrom('secrets').select('id').where('id', '=', key).executeTakeFirst(), undefined)
    assert.equal((await lab.call('GET', `${CERTIFICATES}/${id}`)).status, 404)
  })

  test('a list of all, page by page', async () => {
    const page = await lab.call('GET', `${CERTIFICATES}?limit=2`)
    const { items, next } = page.body as { items: TlsCertificate[]; next: string }
    assert.equal(items.length, 2)
    assert.equal((await lab.call('GET', `${CERTIFICATES}?limit=2&cursor=${next}`)).status, 200)
  })
})

describe('trusted roots', () => {
  const add = (body: object): Promise<ProfileReply> =>
    lab.call('POST', ROOTS, { name: called(), purpose: 'device', ...body })

  const refused: readonly (readonly [string, () => Promise<object>, RegExp])[] = [
    ['nothing sent', async () => ({}), /pem: is missing/],
    ['both forms', async () => ({ pem: 'x', derBase64: 'AAAA' }), /together/],
    ['no certificate', async () => ({ pem: 'x' }), /BEGIN CERTIFICATE/],
    ['bytes that are none', async () => ({ derBase64: 'AAAA' }), /not PKCS#7/],
    ['a certificate that is no CA', async () => ({ pem: (await issue()).certPem }), /is no CA certificate/],
  ]
  for (const [title, body, says] of refused) {
    test(`${title} is refused`, async () => {
      const reply = await add(await body())
      assert.equal(reply.status, 400, reply.text)
      assert.match(reply.text, says)
    })
  }

  test('PEM and DER are the same', async () => {
    const der = new X509Certificate(ca.certPem).raw.toString('base64')
    const text = Buffer.from(ca.certPem).toString('base64')
    for (const body of [{ pem: ca.certPem }, { derBase64: der }, { derBase64: text }]) {
      const reply = await add(body)
      assert.equal(reply.status, 201, reply.text)
      assert.equal((reply.body as TrustedRoot).certificates[0]?.fingerprint, fingerprint())
    }
  })

  test('a revocation list counts when a CA of the root signed it, and no older one after it', async () => {
    const { id } = (await add({ pem: ca.certPem })).body as TrustedRoot
    const path = `${ROOTS}/${id}/crl`
    const device = await ca.issueDevice()
    const older = await ca.crl([])
    const strange = await (await createCa()).crl([device])
    assert.match((await lab.call('PUT', path, { pem: strange })).text, /no CA of this trusted root signed it/)
    assert.match((await lab.call('PUT', path, { pem: ca.certPem })).text, /BEGIN X509 CRL/)
    assert.match((await lab.call('PUT', path, { derBase64: 'MAA=' })).text, /whole revocation list/)
    assert.equal((await lab.call('PUT', `${ROOTS}/${NOBODY}/crl`, { pem: older })).status, 404)
    const damaged = older.replace(/[A-Za-z](?=[^\n]*\n-----END)/, (letter) => (letter === 'A' ? 'B' : 'A'))
    assert.equal((await lab.call('PUT', path, { pem: damaged })).status, 400)
    const reply = await lab.call('PUT', path, { pem: await ca.crl([device]) })
    assert.equal(reply.status, 200, reply.text)
    const { crl } = reply.body as TrustedRoot
    assert.deepEqual([crl?.revoked, crl?.overdue], [1, false])
    const now = lab.now()
    lab.at(now + 30 * DAY_MS)
    const late = (await lab.call('GET', `${ROOTS}/${id}`)).body as TrustedRoot
    lab.at(now)
    assert.equal(late.crl?.overdue, true)
  })

  test('by purpose', async () => {
    await add({ pem: ca.certPem, purpose: 'upstream' })
    const { items } = (await lab.call('GET', `${ROOTS}?purpose=upstream`)).body as { items: TrustedRoot[] }
    assert.ok(items.length > 0 && items.every(({ purpose }) => purpose === 'upstream'))
  })

  test('one that nothing uses is removed', async () => {
    const { id } = (await add({ pem: ca.certPem })).body as TrustedRoot
    assert.equal((await lab.call('DELETE', `${ROOTS}/${id}`, undefined, { 'if-match': '"7"' })).status, 412)
    assert.equal((await lab.call('DELETE', `${ROOTS}/${id}`, undefined, { 'if-match': '"1"' })).status, 204)
  })
})

function fingerprint(): string {
  return `sha256:${new X509Certificate(ca.certPem).fingerprint256.replaceAll(':', '').toLowerCase()}`
}

test('no root while Core has issued nothing', async () => {
  const reply = await lab.call('GET', `${CERTIFICATES}/root`)
  assert.equal(reply.status, 404)
  assert.match(reply.text, /issued no certificate yet/)
})

test('no private key in any reply, audit row or table but the vault', async () => {
  const { db } = lab.services.store
  const rows = await Promise.all([
    db.selectFrom('audit').selectAll().execute(),
    db.selectFrom('certificates').selectAll().execute(),
    db.selectFrom('secrets').selectAll().execute(),
  ])
  const everything = JSON.stringify(rows) + lab.replies.map(({ text }) => text).join('\n')
  assert.match(everything, /BEGIN CERTIFICATE/)
  assert.doesNotMatch(everything, /PRIVATE KEY/)
})
