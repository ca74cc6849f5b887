import 'reflect-metadata'
import assert from 'node:assert/strict'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import { test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { createKeyPair, createRequest, MAX_REQUEST_CHARACTERS, readRequest } from './certificate-request.ts'
import { publicKeyFingerprint } from './fingerprint.ts'
import { toPem } from './pem.ts'
import { PKCS12_FILES } from './pkcs12-fixture-rows.ts'
import { readPkcs12 } from './pkcs12.ts'
import { PkiError } from './pki-error.ts'
import type { PkiErrorCode } from './pki-error.ts'
import { acceptPublicKey, readPrivateKey, spkiOf } from './public-key.ts'

const keys = await createKeyPair('P-256')
const other = await createKeyPair('P-256')
const pem = await createRequest({
  privateKeyPem: keys.privateKeyPem,
  commonName: 'sentry',
  dnsNames: ['a.example.com'],
})
const der = derOf(pem)

function derOf(text: string): Buffer {
  return Buffer.from(text.replace(/-----.*-----/g, ''), 'base64')
}

function request(bytes: Uint8Array): string {
  return toPem('CERTIFICATE REQUEST', bytes)
}

/** Signed by whatever WebCrypto key is given, for requests that our own code would not make. */
async function foreignRequest(
  algorithm: webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams,
  hash: string,
): Promise<string> {
  const pair = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=foreign',
    keys: pair,
    signingAlgorithm: { name: algorithm.name, hash },
  })
  return request(new Uint8Array(made.rawData))
}

const swapped = Buffer.from(der)
swapped.set(other.publicKey, der.indexOf(keys.publicKey))
const broken = Buffer.from(der)
broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1)
const otherSubject = Buffer.from(der)
otherSubject.write('sEntry', otherSubject.indexOf('sentry'))
const deep = Buffer.from('3080'.repeat(3_000), 'hex')

const REFUSED: [string, string, PkiErrorCode][] = [
  ['nothing', '', 'REQUEST_MALFORMED'],
  ['two requests', pem + pem, 'REQUEST_MALFORMED'],
  ['a certificate’s label', pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'), 'REQUEST_MALFORMED'],
  ['bytes behind it', request(Buffer.concat([der, Buffer.of(0)])), 'REQUEST_MALFORMED'],
  ['its end cut off', request(der.subarray(0, -1)), 'REQUEST_MALFORMED'],
  ['a key alone', request(keys.publicKey), 'REQUEST_MALFORMED'],
  ['thousands of openings', request(deep), 'REQUEST_MALFORMED'],
  ['16 KiB and more', pem + ' '.repeat(MAX_REQUEST_CHARACTERS), 'REQUEST_TOO_LARGE'],
  ['a broken signature', request(broken), 'REQUEST_SIGNATURE'],
  ['somebody else’s public key', request(swapped), 'REQUEST_SIGNATURE'],
  ['a subject changed after signing', request(otherSubject), 'REQUEST_SIGNATURE'],
  [
    'an RSA key of 1024 bits',
    await foreignRequest(
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1_024, publicExponent: Uint8Array.of(1, 0, 1) },
      'SHA-256',
    ),
    'KEY_WEAK',
  ],
  ['a key on P-521', await foreignRequest({ name: 'ECDSA', namedCurve: 'P-521' }, 'SHA-512'), 'KEY_UNSUPPORTED'],
  [
    'a signature over SHA-1',
    await foreignRequest({ name: 'ECDSA', namedCurve: 'P-256' }, 'SHA-1'),
    'REQUEST_ALGORITHM',
  ],
]

for (const [what, text, code] of REFUSED) {
  test(`a request with ${what} is refused`, () => {
    assert.throws(() => readRequest(text), { name: 'PkiError', code })
  })
}

test('any changed byte gives the same key or PkiError, and no other error', () => {
  const { fingerprint } = readRequest(pem)
  let refused = 0
  for (let at = 0; at < der.length; at += 1) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(der)
      changed.writeUInt8(changed.readUInt8(at) ^ mask, at)
      try {
        assert.equal(readRequest(request(changed)).fingerprint, fingerprint, `byte ${at}`)
      } catch (error) {
        assert.ok(error instanceof PkiError, `byte ${at}: ${String(error)}`)
        refused += 1
      }
    }
  }
  assert.ok(refused > 2.9 * der.length, `${refused} of ${3 * der.length}`)
})

test('a request gives its public key, verified', async () => {
  const rsaKeyPem = readPkcs12(Buffer.from(PKCS12_FILES.RSA_MODERN, 'base64'), 'throw-away').privateKeyPem
  const p384 = await createKeyPair('P-384')
  for (const [privateKeyPem, keyType] of [
    [keys.privateKeyPem, 'P-256'],
    [p384.privateKeyPem, 'P-384'],
    [rsaKeyPem, 'RSA'],
  ] as const) {
    const publicKey = spkiOf(readPrivateKey(privateKeyPem))
    const text = await createRequest({ privateKeyPem, commonName: 'mail', dnsNames: [] })
    const fingerprint = publicKeyFingerprint(publicKey)
    assert.deepEqual(readRequest(text), { publicKey, keyType, fingerprint, verified: true })
  }
})

test('a request that is made carries its names, and a foreign reader verifies it', async () => {
  const commonName = '#0c0141, O=evil'
  const text = await createRequest({
    privateKeyPem: keys.privateKeyPem,
    commonName,
    dnsNames: ['A.example.com', '*.b.example.com'],
  })
  const read = new x509.Pkcs10CertificateRequest(text)
  assert.equal(await read.verify(), true)
  assert.deepEqual(read.subjectName.toJSON(), [{ CN: [commonName] }])
  const names = read.getExtension('2.5.29.17')
  assert.ok(names instanceof x509.SubjectAlternativeNameExtension)
  assert.deepEqual(
    names.names.items.map(({ value }) => value),
    ['a.example.com', '*.b.example.com'],
  )
})

const BAD_NAMES: [string, string, string[]][] = [
  ['an empty common name', ' ', []],
  ['a common name with a line end', 'a\nb', []],
  ['a common name of 65 characters', 'x'.repeat(65), []],
  ['a wildcard over everything', 'a', ['*']],
  ['a wildcard over a top-level domain', 'a', ['*.com']],
  ['a wildcard inside', 'a', ['a.*.example.com']],
  ['an underscore', 'a', ['a_b.example.com']],
  ['an address for a name', 'a', ['192.0.2.1']],
  ['a NUL', 'a', ['a.example.com\0.evil.example']],
  ['a label of 64 characters', 'a', [`${'x'.repeat(64)}.example.com`]],
  ['101 names', 'a', Array<string>(101).fill('a.example.com')],
]
for (const [what, commonName, dnsNames] of BAD_NAMES) {
  test(`${what} is refused`, async () => {
    const made = createRequest({ privateKeyPem: keys.privateKeyPem, commonName, dnsNames })
    await assert.rejects(made, { name: 'PkiError', code: 'ISSUE_NAME' })
  })
}

const explicit = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey
const BAD_KEYS: [string, Uint8Array, PkiErrorCode][] = [
  ['bytes that are no key', Buffer.from('no key'), 'KEY_MALFORMED'],
  ['a key with bytes behind it', Buffer.concat([keys.publicKey, Buffer.of(0)]), 'KEY_MALFORMED'],
  ['explicit curve parameters (CVE-2020-0601)', spkiOf(explicit), 'KEY_UNSUPPORTED'],
  ['Ed25519', spkiOf(generateKeyPairSync('ed25519').publicKey), 'KEY_UNSUPPORTED'],
  ['more than 2 KiB', Buffer.alloc(2_049), 'KEY_UNSUPPORTED'],
]
for (const [what, spki, code] of BAD_KEYS) {
  test(`a public key with ${what} is refused`, () => {
    assert.throws(() => acceptPublicKey(spki), { name: 'PkiError', code })
  })
}

const BAD_PRIVATE_KEYS = ['', 'no key', keys.publicKeyPem, keys.privateKeyPem + ' '.repeat(65_536)]
test('what is no private key is refused, without quoting it', () => {
  for (const text of BAD_PRIVATE_KEYS) {
    assert.throws(
      () => readPrivateKey(text),
      (error) => error instanceof PkiError && error.code === 'KEY_MALFORMED' && error.cause === undefined,
    )
  }
})
