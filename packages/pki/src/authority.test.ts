import 'reflect-metadata'
import assert from 'node:assert/strict'
import { sign as signBytes, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { createAuthority, newSerial, openAuthority } from './authority.ts'
import type { CrlRequest, GatewayRequest, ServerRequest } from './authority.ts'
import { createKeyPair, createRequest } from './certificate-request.ts'
import { MAX_REVOKED } from './crl.ts'
import { fingerprintOf, publicKeyFingerprint, readCertificates } from './fingerprint.ts'
import { toPem } from './pem.ts'
import { PKCS12_FILES } from './pkcs12-fixture-rows.ts'
import { readPkcs12 } from './pkcs12.ts'
import type { PkiErrorCode } from './pki-error.ts'
import { readPrivateKey } from './public-key.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1, 12, 30, 15)
const LIFE = { notBefore: NOW, notAfter: NOW + 90 * DAY }
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

const made = await createAuthority({
  commonName: 'Postern feed',
  notBefore: NOW - DAY,
  notAfter: NOW + 3_650 * DAY,
  keyType: 'P-256',
})
const ca = openAuthority(made)
const caCertificate = new X509Certificate(made.certificatePem)
const keys = await createKeyPair('P-256')
const csr = await createRequest({ privateKeyPem: keys.privateKeyPem, commonName: 'x', dnsNames: [] })
const gateway: GatewayRequest = { csr, sentryId: 'b1f6-01', name: 'Frankfurt', ...LIFE }
const server: ServerRequest = { publicKey: keys.publicKey, dnsNames: ['core.example.com'], ...LIFE }

async function hostileRequest(): Promise<string> {
  const pair = {
    privateKey: readPrivateKey(keys.privateKeyPem).toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']),
    publicKey: new X509Certificate((await ca.issueServer(server)).certificatePem).publicKey.toCryptoKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['verify'],
    ),
  }
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=another-sentry, O=Administrators',
    keys: pair,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    attributes: [new x509.ChallengePasswordAttribute('let me in')],
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'core.example.com' },
        { type: 'url', value: 'urn:postern:sentry:another-sentry' },
      ]),
    ],
  })
  return toPem('CERTIFICATE REQUEST', new Uint8Array(request.rawData))
}

test('CVE-2026-5787: a request for a CA, another subject and server names gets none of it', async () => {
  const { certificatePem } = await ca.issueGateway({ ...gateway, csr: await hostileRequest() })
  const [facts] = readCertificates(certificatePem)
  assert.ok(facts !== undefined)
  assert.equal(facts.subject, 'CN=b1f6-01, OU=Frankfurt')
  assert.equal(facts.isCa, false)
  assert.deepEqual(facts.extendedKeyUsage, [CLIENT_AUTH])
  assert.deepEqual(facts.dnsNames, [])
  assert.equal(new X509Certificate(certificatePem).subjectAltName, 'URI:urn:postern:sentry:b1f6-01')
  const usage = new x509.X509Certificate(certificatePem).getExtension(x509.KeyUsagesExtension)
  assert.equal(usage?.usages, x509.KeyUsageFlags.digitalSignature)
  assert.ok(!Buffer.from(certificatePem.replace(/-----.*-----/g, ''), 'base64').includes('another'))
})

const GATEWAY_REFUSED: [string, Partial<GatewayRequest>, PkiErrorCode][] = [
  ['a request that was changed', { csr: csr.replace('MI', 'MJ') }, 'REQUEST_MALFORMED'],
  ['a huge request', { csr: csr + ' '.repeat(20_000) }, 'REQUEST_TOO_LARGE'],
  ['an id with a slash', { sentryId: 'a/b' }, 'ISSUE_NAME'],
  ['an id with a line end', { sentryId: 'a\n' }, 'ISSUE_NAME'],
  ['an id that adds an attribute', { sentryId: 'a, O=b' }, 'ISSUE_NAME'],
  ['an empty id', { sentryId: '' }, 'ISSUE_NAME'],
  ['an id of 65 characters', { sentryId: 'a'.repeat(65) }, 'ISSUE_NAME'],
  ['a name with a NUL', { name: 'a\0b' }, 'ISSUE_NAME'],
  ['an end before the start', { notAfter: LIFE.notBefore }, 'ISSUE_VALIDITY'],
  ['an end that is no number', { notAfter: Number.NaN }, 'ISSUE_VALIDITY'],
  ['an end after the authority’s', { notAfter: NOW + 3_651 * DAY }, 'ISSUE_VALIDITY'],
  ['a start before the authority’s', { notBefore: NOW - 2 * DAY }, 'ISSUE_VALIDITY'],
  ['a serial number of zero', { serial: '00' }, 'ISSUE_SERIAL'],
  ['a negative serial number', { serial: 'ff01' }, 'ISSUE_SERIAL'],
  ['a serial number of 21 bytes', { serial: '01'.repeat(21) }, 'ISSUE_SERIAL'],
  ['half a byte of serial number', { serial: '123' }, 'ISSUE_SERIAL'],
]
for (const [what, change, code] of GATEWAY_REFUSED) {
  test(`no certificate for a Sentry with ${what}`, async () => {
    await assert.rejects(ca.issueGateway({ ...gateway, ...change }), { name: 'PkiError', code })
  })
}

const SERVER_REFUSED: [string, Partial<ServerRequest>, PkiErrorCode][] = [
  ['no name', { dnsNames: [] }, 'ISSUE_NAME'],
  ['a URL for a name', { dnsNames: ['https://core.example.com'] }, 'ISSUE_NAME'],
  ['an address with a zone', { ipAddresses: ['fe80::1%eth0'] }, 'ISSUE_NAME'],
  ['a prefix for an address', { ipAddresses: ['192.0.2.0/24'] }, 'ISSUE_NAME'],
  [
    '101 names',
    { dnsNames: Array<string>(60).fill('a.example'), ipAddresses: Array<string>(41).fill('::1') },
    'ISSUE_NAME',
  ],
  ['bytes for a key', { publicKey: Buffer.from('key') }, 'KEY_MALFORMED'],
]
for (const [what, change, code] of SERVER_REFUSED) {
  test(`no certificate for a server with ${what}`, async () => {
    await assert.rejects(ca.issueServer({ ...server, ...change }), { name: 'PkiError', code })
  })
}

test('a Sentry’s certificate verifies against its authority and says who it is', async () => {
  const issued = await ca.issueGateway({ ...gateway, name: '#30 Zürich' })
  const certificate = new X509Certificate(issued.certificatePem)
  assert.ok(certificate.checkIssued(caCertificate) && certificate.verify(caCertificate.publicKey))
  assert.ok(certificate.checkPrivateKey(readPrivateKey(keys.privateKeyPem)))
  assert.equal(certificate.serialNumber.toLowerCase(), issued.serial)
  assert.equal(issued.fingerprint, fingerprintOf(certificate.raw))
  assert.equal(issued.publicKeyFingerprint, publicKeyFingerprint(keys.publicKey))
  assert.equal(certificate.subject, 'CN=b1f6-01\nOU=\\#30 Zürich')
  assert.deepEqual([certificate.validFromDate.getTime(), certificate.validToDate.getTime()], [NOW, LIFE.notAfter])
  assert.deepEqual([issued.notBefore, issued.notAfter], [NOW, LIFE.notAfter])
})

test('a server’s certificate covers its names and nothing else', async () => {
  const { publicKey } = readCertificateOfRsa()
  const certificate = new X509Certificate(
    (
      await ca.issueServer({
        ...server,
        publicKey,
        dnsNames: ['A.example.com', '*.b.example.com'],
        ipAddresses: ['127.0.0.1', '::1'],
      })
    ).certificatePem,
  )
  assert.ok(certificate.verify(caCertificate.publicKey))
  assert.deepEqual(certificate.keyUsage, [SERVER_AUTH])
  for (const name of ['a.example.com', 'x.b.example.com']) assert.ok(certificate.checkHost(name), name)
  for (const name of ['b.example.com', 'x.y.b.example.com', 'evil.com'])
    assert.equal(certificate.checkHost(name), undefined)
  for (const address of ['127.0.0.1', '::1']) assert.ok(certificate.checkIP(address), address)
  const usage = new x509.X509Certificate(certificate.raw).getExtension(x509.KeyUsagesExtension)
  assert.equal(usage?.usages, x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment)
})

test('a name too long for a subject stands in the alternative names alone', async () => {
  const name = `${'x'.repeat(60)}.example.com`
  const certificate = new X509Certificate((await ca.issueServer({ ...server, dnsNames: [name] })).certificatePem)
  assert.deepEqual([certificate.subject, certificate.checkHost(name)], ['CN=server', name])
})

test('an authority is a CA for end certificates only, far into the future, with the serial that was asked for', async () => {
  const notAfter = Date.UTC(2126, 0, 1)
  const far = await createAuthority({ commonName: 'Far', notBefore: NOW, notAfter, keyType: 'P-384', serial: '01AB' })
  const certificate = new X509Certificate(far.certificatePem)
  assert.ok(certificate.ca && certificate.verify(certificate.publicKey))
  assert.deepEqual([certificate.serialNumber, certificate.validToDate.getTime()], ['01AB', notAfter])
  const constraints = new x509.X509Certificate(certificate.raw).getExtension(x509.BasicConstraintsExtension)
  assert.deepEqual([constraints?.ca, constraints?.pathLength, constraints?.critical], [true, 0, true])
  const issued = new X509Certificate((await openAuthority(far).issueServer(server)).certificatePem)
  assert.ok(issued.verify(certificate.publicKey))
  assert.match(issued.signatureAlgorithm ?? '', /sha384/i)
})

test('serial numbers are positive, of 16 bytes, and do not repeat', () => {
  const serials = Array.from({ length: 200 }, newSerial)
  assert.equal(new Set(serials).size, 200)
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/)
})

test('an authority opens only with its own key and a certificate that may sign', async () => {
  const issued = await ca.issueServer(server)
  const rsa = readPkcs12(Buffer.from(PKCS12_FILES.RSA_MODERN, 'base64'), 'throw-away')
  const { privateKeyPem } = keys
  const refused: [string, Parameters<typeof openAuthority>[0], PkiErrorCode][] = [
    ['another key', { certificatePem: made.certificatePem, privateKeyPem }, 'AUTHORITY_KEY'],
    ['no key', { certificatePem: made.certificatePem, privateKeyPem: '' }, 'KEY_MALFORMED'],
    ['a leaf', { certificatePem: issued.certificatePem, privateKeyPem }, 'AUTHORITY_CERTIFICATE'],
    ['an RSA leaf', { certificatePem: rsa.certificatePem, privateKeyPem: rsa.privateKeyPem }, 'AUTHORITY_CERTIFICATE'],
    ['two certificates', { ...made, certificatePem: made.certificatePem.repeat(2) }, 'AUTHORITY_CERTIFICATE'],
    ['text', { ...made, certificatePem: 'CA' }, 'CERTIFICATE_MALFORMED'],
  ]
  for (const [what, options, code] of refused)
    assert.throws(() => openAuthority(options), { name: 'PkiError', code }, what)
})

test('the key may live elsewhere, and a signer with another key is found out', async () => {
  const signed: number[] = []
  const signer = (pem: string) => async (tbs: Uint8Array) => {
    signed.push(tbs.length)
    return signBytes('sha256', tbs, { key: readPrivateKey(pem), dsaEncoding: 'ieee-p1363' })
  }
  const { certificatePem } = made
  const remote = openAuthority({ certificatePem, sign: signer(made.privateKeyPem) })
  assert.ok(new X509Certificate((await remote.issueGateway(gateway)).certificatePem).verify(caCertificate.publicKey))
  assert.equal(signed.length, 1)
  const wrong = openAuthority({ certificatePem, sign: signer(keys.privateKeyPem) })
  await assert.rejects(wrong.issueGateway(gateway), { code: 'AUTHORITY_KEY' })
  await assert.rejects(wrong.crl({ ...LIST, revoked: [] }), { code: 'AUTHORITY_KEY' })
})

const LIST: CrlRequest = {
  revoked: [
    { serial: '01ab', at: NOW - 2_000, reason: 'keyCompromise' },
    { serial: newSerial(), at: NOW - 1_000, reason: 'unspecified' },
  ],
  number: 300,
  thisUpdate: NOW,
  nextUpdate: NOW + DAY,
}

test('a revocation list is signed, numbered and names what is revoked', async () => {
  const list = new x509.X509Crl(await ca.crl(LIST))
  assert.equal(await list.verify({ publicKey: new x509.X509Certificate(made.certificatePem).publicKey }), true)
  assert.deepEqual([list.thisUpdate.getTime(), list.nextUpdate?.getTime()], [NOW, NOW + DAY])
  assert.equal(numberOf(list), '0202012c')
  assert.deepEqual(
    list.entries.map(({ serialNumber, revocationDate, reason }) => [serialNumber, revocationDate.getTime(), reason]),
    [
      ['01ab', NOW - 2_000, x509.X509CrlReason.keyCompromise],
      [LIST.revoked[1]?.serial, NOW - 1_000, undefined],
    ],
  )
  const empty = new x509.X509Crl(await ca.crl({ ...LIST, revoked: [], number: 128 }))
  assert.deepEqual(empty.entries, [])
  assert.equal(numberOf(empty), '02020080')
})

test('a long revocation list is made in a moment, with times after 2049 in their own form', async () => {
  const revoked = Array.from({ length: 5_000 }, (_, index) => ({
    serial: (0x70_0000 + index).toString(16),
    at: NOW,
    reason: 'superseded' as const,
  }))
  const nextUpdate = Date.UTC(2050, 0, 1)
  const started = performance.now()
  await ca.crl({ ...LIST, revoked, nextUpdate })
  assert.ok(performance.now() - started < 1_000)
  const list = new x509.X509Crl(await ca.crl({ ...LIST, revoked: revoked.slice(0, 300), nextUpdate }))
  assert.deepEqual([list.entries.length, list.nextUpdate?.getTime()], [300, nextUpdate])
})

const entry = { serial: '01', at: NOW - 1, reason: 'superseded' } as const
const BAD_LISTS: [string, Partial<CrlRequest>][] = [
  ['a negative number', { number: -1 }],
  ['a fraction for a number', { number: 1.5 }],
  ['the next update before this one', { nextUpdate: NOW }],
  ['a serial number twice', { revoked: [entry, entry] }],
  ['a serial number that is no hex', { revoked: [{ ...entry, serial: '0x01' }] }],
  ['a revocation in the future', { revoked: [{ ...entry, at: NOW + 1 }] }],
  ['too many entries', { revoked: Array<typeof entry>(MAX_REVOKED + 1).fill(entry) }],
]
for (const [what, change] of BAD_LISTS) {
  test(`no revocation list with ${what}`, async () => {
    await assert.rejects(ca.crl({ ...LIST, ...change }), { name: 'PkiError', code: 'CRL_CONTENT' })
  })
}

/** The list's number as DER in hex. */
function numberOf(list: x509.X509Crl): string {
  return Buffer.from(list.getExtension('2.5.29.20')?.value ?? new ArrayBuffer(0)).toString('hex')
}

function readCertificateOfRsa(): { publicKey: Buffer } {
  const { certificatePem } = readPkcs12(Buffer.from(PKCS12_FILES.RSA_MODERN, 'base64'), 'throw-away')
  return { publicKey: new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'der' }) }
}
