import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprintOf, MAX_CERTIFICATES, MAX_PEM_CHARACTERS, readCertificates } from './fingerprint.ts'
import { toPem } from './pem.ts'
import { PKCS12_FILES } from './pkcs12-fixture-rows.ts'
import { readPkcs12 } from './pkcs12.ts'
import type { PkiErrorCode } from './pki-error.ts'

const { certificatePem, chainPem, privateKeyPem } = readPkcs12(
  Buffer.from(PKCS12_FILES.EC_MODERN, 'base64'),
  'throw-away',
)
const [issuerPem = ''] = chainPem
const der = Buffer.from(certificatePem.replace(/-----.*-----/g, ''), 'base64')

const REFUSED: [string, string, PkiErrorCode][] = [
  ['nothing', '', 'CERTIFICATE_MALFORMED'],
  ['a key alone', privateKeyPem, 'CERTIFICATE_MALFORMED'],
  ['a block without an end', certificatePem + certificatePem.slice(0, 200), 'CERTIFICATE_MALFORMED'],
  ['a block with other text in it', certificatePem.replace('MII', 'M!I'), 'CERTIFICATE_MALFORMED'],
  ['a block that is cut off', toPem('CERTIFICATE', der.subarray(0, -1)), 'CERTIFICATE_MALFORMED'],
  ['bytes behind the certificate', toPem('CERTIFICATE', Buffer.concat([der, Buffer.of(0)])), 'CERTIFICATE_MALFORMED'],
  [
    'a second block that is no certificate',
    certificatePem + toPem('CERTIFICATE', Buffer.of(5, 0)),
    'CERTIFICATE_MALFORMED',
  ],
  ['too many certificates', issuerPem.repeat(MAX_CERTIFICATES + 1), 'CERTIFICATE_TOO_LARGE'],
  ['a huge file', certificatePem + ' '.repeat(MAX_PEM_CHARACTERS), 'CERTIFICATE_TOO_LARGE'],
]

for (const [what, pem, code] of REFUSED) {
  test(`a certificate file with ${what} is refused`, () => {
    assert.throws(() => readCertificates(pem), { name: 'PkiError', code })
  })
}

test('a huge file of openings is refused at once', () => {
  const started = performance.now()
  assert.throws(() => readCertificates('-----BEGIN CERTIFICATE-----\n'.repeat(9_000)), {
    code: 'CERTIFICATE_MALFORMED',
  })
  assert.ok(performance.now() - started < 1_000)
})

test('the facts are those that OpenSSL prints', () => {
  const [leaf, issuer, ...more] = readCertificates(`subject=CN = x\n${certificatePem}\n${privateKeyPem}${issuerPem}`)
  assert.ok(leaf !== undefined && issuer !== undefined)
  assert.deepEqual(more, [])
  const { notBefore, notAfter, pem, ...facts } = leaf
  assert.deepEqual(facts, {
    subject: 'CN=mail.example.com',
    issuer: 'CN=Throw-away CA',
    serial: '11b4eabc659d3b3a94c4d124d38a5149c6b0e0da',
    dnsNames: ['mail.example.com'],
    ipAddresses: ['192.0.2.7', '2001:db8:0:0:0:0:0:7'],
    isCa: false,
    keyType: 'ec',
    keyBits: 256,
    signatureHash: 'sha256',
    extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'],
    fingerprint: 'sha256:60da91598321eedeafda1ed21d13c6e1ed815b3a21158675fa16a8523c768998',
    publicKeyFingerprint: 'sha256:923aa4a1bcd402cacd95158dcf3eaeb10cb0a7e7ae180697e18788b5557f3da2',
  })
  assert.equal(pem, certificatePem)
  assert.equal((notAfter - notBefore) / 86_400_000, 36_500)
  assert.equal(issuer.isCa, true)
  assert.equal(issuer.fingerprint, 'sha256:31adee94a88761d1d06851fc70079fdbdd76bc31544a4176a22a02b86964f54b')
  assert.deepEqual([issuer.dnsNames, issuer.extendedKeyUsage], [[], []])
})

test('a fingerprint is SHA-256 in lower-case hex', () => {
  // FIPS 180-2 appendix B.1
  const expected = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  assert.equal(fingerprintOf(Buffer.from('abc')), expected)
})
