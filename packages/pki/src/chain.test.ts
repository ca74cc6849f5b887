import 'reflect-metadata'
import assert from 'node:assert/strict'
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { checkServerCertificate, orderChain } from './chain.ts'
import type { FindingCode, ServerCertificate } from './chain.ts'
import { toPem } from './pem.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1)
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const

interface Made {
  name: string
  pem: string
  keyPem: string
  keys: webcrypto.CryptoKeyPair
}

interface Wish {
  names?: string[]
  eku?: string | null
  isCa?: boolean
  from?: number
  days?: number
  hash?: string
  key?: webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams
}

/** Made by the library itself: most of these our own code would refuse to issue. `issuer` null: signed by itself. */
async function make(name: string, issuer: Made | null, wish: Wish = {}): Promise<Made> {
  const {
    names = [],
    eku = SERVER_AUTH,
    isCa = false,
    from = NOW - DAY,
    days = 90,
    hash = 'SHA-256',
    key = P256,
  } = wish
  const keys = await webcrypto.subtle.generateKey(key, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `41${randomBytes(8).toString('hex')}`,
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(from),
    notAfter: new Date(from + days * DAY),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: { name: 'ECDSA', hash },
    extensions: [
      new x509.BasicConstraintsExtension(isCa, undefined, true),
      ...(isCa || eku === null ? [] : [new x509.ExtendedKeyUsageExtension([eku])]),
      ...(names.length === 0
        ? []
        : [
            new x509.SubjectAlternativeNameExtension(
              names.map((value) => ({ type: /^\d/.test(value) ? 'ip' : 'dns', value })),
            ),
          ]),
    ],
  })
  const pkcs8 = new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const pem = toPem('CERTIFICATE', new Uint8Array(certificate.rawData))
  return { name, pem, keyPem: toPem('PRIVATE KEY', pkcs8), keys }
}

const CA: Wish = { isCa: true, days: 3_650 }
const names = ['mail.example.com', '*.phones.example.com', '192.0.2.7']
const root = await make('Root', null, CA)
const intermediate = await make('Intermediate', root, CA)
const leaf = await make('mail.example.com', intermediate, { names })
const otherRoot = await make('Other root', null, CA)
const namesake = await make('Root', null, CA)
const expiredIntermediate = await make('Expired', root, { isCa: true, from: NOW - 400 * DAY, days: 399 })
const notCa = await make('Not a CA', intermediate, { names })
const underNotCa = await make('victim.example.com', notCa, { names: ['victim.example.com'] })
const good = leaf.pem + intermediate.pem + root.pem

function check(change: Partial<ServerCertificate>): FindingCode[] {
  const input = { chainPem: good, privateKeyPem: leaf.keyPem, names: ['mail.example.com'], now: NOW, ...change }
  const findings = checkServerCertificate(input)
  const severities = findings.map(({ severity }) => severity)
  assert.deepEqual(severities, [...severities].sort(), 'errors come first')
  for (const { message } of findings) assert.match(message, /[;:.,] ?.+/, 'what, and what to do')
  return findings.map(({ code }) => code)
}

async function checkLeaf(wish: Wish, change: Partial<ServerCertificate> = {}): Promise<FindingCode[]> {
  const made = await make('mail.example.com', intermediate, { names, ...wish })
  return check({ chainPem: made.pem + intermediate.pem + root.pem, privateKeyPem: made.keyPem, ...change })
}

const CHAINS: [string, Partial<ServerCertificate>, FindingCode[]][] = [
  ['a whole chain with its private root', {}, []],
  ['text for a file', { chainPem: 'x' }, ['CHAIN_UNREADABLE']],
  ['text for a key', { privateKeyPem: 'x' }, ['KEY_UNREADABLE']],
  ['another key', { privateKeyPem: root.keyPem, chainPem: leaf.pem + intermediate.pem }, ['KEY_MISMATCH', 'NO_ROOT']],
  [
    'the key of the intermediate',
    { privateKeyPem: intermediate.keyPem, names: [] },
    ['LEAF_IS_CA', 'SAN_MISSING', 'EKU_MISSING', 'VALIDITY_TOO_LONG', 'CHAIN_EXTRA', 'CHAIN_ORDER'],
  ],
  ['a leaf alone', { chainPem: leaf.pem }, ['NO_CA_IN_FILE', 'NO_ROOT']],
  ['a leaf and a root without what is between', { chainPem: leaf.pem + root.pem }, ['NO_CHAIN', 'ROOT_MISMATCH']],
  ['a leaf and a foreign root', { chainPem: leaf.pem + otherRoot.pem }, ['NO_CHAIN', 'ROOT_MISMATCH']],
  ['no root', { chainPem: leaf.pem + intermediate.pem }, ['NO_ROOT']],
  ['a root that did not sign', { chainPem: leaf.pem + intermediate.pem + otherRoot.pem }, ['ROOT_MISMATCH']],
  [
    'a root of the same name and another key',
    { chainPem: leaf.pem + intermediate.pem + namesake.pem },
    ['ROOT_MISMATCH'],
  ],
  ['a foreign root beside the right one', { chainPem: good + otherRoot.pem }, ['CHAIN_EXTRA']],
  ['root first', { chainPem: root.pem + intermediate.pem + leaf.pem }, ['CHAIN_ORDER']],
  ['intermediate and root swapped', { chainPem: leaf.pem + root.pem + intermediate.pem }, ['CHAIN_ORDER']],
  ['the same twice', { chainPem: good + intermediate.pem }, []],
  [
    'a leaf signed by a leaf',
    {
      chainPem: underNotCa.pem + notCa.pem + intermediate.pem + root.pem,
      privateKeyPem: underNotCa.keyPem,
      names: ['victim.example.com'],
    },
    ['ISSUER_NOT_CA'],
  ],
  ['another name', { names: ['mail.example.com', 'smtp.example.com'] }, ['NAME_NOT_COVERED']],
  ['one label under the wildcard', { names: ['a.phones.example.com'] }, []],
  ['two labels under the wildcard', { names: ['a.b.phones.example.com'] }, ['NAME_NOT_COVERED']],
  ['the parent of the wildcard', { names: ['phones.example.com'] }, ['NAME_NOT_COVERED']],
  ['a suffix for a name', { names: ['.example.com'] }, ['NAME_NOT_COVERED']],
  ['a NUL in the name', { names: ['mail.example.com\0'] }, ['NAME_NOT_COVERED']],
  ['its address', { names: ['192.0.2.7'] }, []],
  ['another address', { names: ['192.0.2.8', '::1'] }, ['NAME_NOT_COVERED', 'NAME_NOT_COVERED']],
  ['before its time', { now: NOW - 2 * DAY }, ['NOT_YET_VALID', 'NOT_YET_VALID', 'NOT_YET_VALID']],
  ['31 days before its end', { now: NOW + 58 * DAY }, []],
  ['30 days before its end', { now: NOW + 59 * DAY }, ['EXPIRES_SOON']],
  ['at its last moment', { now: NOW + 89 * DAY }, ['EXPIRES_SOON']],
  ['after its end', { now: NOW + 89 * DAY + 1 }, ['EXPIRED']],
]

for (const [what, change, codes] of CHAINS) {
  test(`server certificate: ${what} → ${codes.join(', ') || 'accepted'}`, () => {
    assert.deepEqual(check(change), codes)
  })
}

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: Uint8Array.of(1, 0, 1) } as const
const LEAVES: [string, Wish, FindingCode[]][] = [
  ['P-384', { key: { name: 'ECDSA', namedCurve: 'P-384' } }, []],
  ['RSA of 1024 bits', { key: { ...RSA, modulusLength: 1_024 } }, ['KEY_WEAK']],
  ['a signature over SHA-1', { hash: 'SHA-1' }, ['SIGNATURE_WEAK']],
  ['a name in the CN only', { names: [] }, ['SAN_MISSING']],
  ['no extended key usage', { eku: null }, ['EKU_MISSING']],
  ['for clients only', { eku: CLIENT_AUTH }, ['EKU_MISSING']],
  ['398 days', { days: 398 }, []],
  ['399 days', { days: 399 }, ['VALIDITY_TOO_LONG_IF_PUBLIC']],
  ['825 days', { days: 825 }, ['VALIDITY_TOO_LONG_IF_PUBLIC']],
  ['826 days', { days: 826 }, ['VALIDITY_TOO_LONG']],
  ['ten years and no usage, issued before the rules', { from: Date.UTC(2019, 5, 30), days: 3_650, eku: null }, []],
  ['825 days, issued before the second rule', { from: Date.UTC(2020, 7, 31), days: 825 }, ['EXPIRED']],
]

for (const [what, wish, codes] of LEAVES) {
  test(`Apple’s rules: ${what} → ${codes.join(', ') || 'accepted'}`, async () => {
    assert.deepEqual(await checkLeaf(wish), codes)
  })
}

test('a certificate that signed itself has no chain', async () => {
  const alone = await make('mail.example.com', null, { names })
  assert.deepEqual(check({ chainPem: alone.pem, privateKeyPem: alone.keyPem }), ['SELF_SIGNED'])
})

test('an intermediate that ended is found, though the leaf is valid', async () => {
  const made = await make('mail.example.com', expiredIntermediate, { names })
  const chainPem = made.pem + expiredIntermediate.pem + root.pem
  assert.deepEqual(check({ chainPem, privateKeyPem: made.keyPem }), ['EXPIRED'])
})

test('messages name the certificate and the day', () => {
  const input = { chainPem: good, privateKeyPem: leaf.keyPem, names: ['x"y'], now: NOW + 100 * DAY }
  const messages = checkServerCertificate(input).map(({ message }) => message)
  assert.deepEqual(messages, [
    'CN=mail.example.com ended on 2026-08-29; replace it',
    '"x\\"y" is not in it; have it issued with that name',
  ])
})

test('orderChain puts the leaf first, then its issuers, then what does not belong', () => {
  const expected = [leaf, intermediate, root, otherRoot].map(({ pem }) => new X509Certificate(pem).toString())
  for (const pems of [
    [leaf, intermediate, root, otherRoot],
    [root, otherRoot, intermediate, leaf],
    [intermediate, root, leaf, leaf, otherRoot],
  ]) {
    const sorted = orderChain(pems.map(({ pem }) => pem))
    assert.deepEqual(sorted, expected)
  }
  assert.throws(() => orderChain([]), { code: 'CERTIFICATE_MALFORMED' })
})
