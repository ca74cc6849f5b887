import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { MAX_ITERATIONS } from './pkcs12-ciphers.ts'
import { PKCS12_FILES } from './pkcs12-fixture-rows.ts'
import { MAX_PASSWORD_CHARACTERS, MAX_PKCS12_BYTES, readPkcs12 } from './pkcs12.ts'
import { PkiError } from './pki-error.ts'
import type { PkiErrorCode } from './pki-error.ts'
import { readPrivateKey } from './public-key.ts'

const PASSWORD = 'throw-away'

function file(name: keyof typeof PKCS12_FILES): Buffer {
  return Buffer.from(PKCS12_FILES[name], 'base64')
}

const whole = file('EC_MODERN')
const REFUSED: [string, Uint8Array, string, PkiErrorCode][] = [
  ['nothing', Buffer.alloc(0), PASSWORD, 'PKCS12_MALFORMED'],
  ['text', Buffer.from('-----BEGIN CERTIFICATE-----'), PASSWORD, 'PKCS12_MALFORMED'],
  ['its end cut off', whole.subarray(0, -1), PASSWORD, 'PKCS12_MALFORMED'],
  ['bytes behind it', Buffer.concat([whole, Buffer.of(0)]), PASSWORD, 'PKCS12_MALFORMED'],
  ['over 1 MiB', Buffer.alloc(MAX_PKCS12_BYTES + 1), PASSWORD, 'PKCS12_TOO_LARGE'],
  ['another password', whole, 'Throw-away', 'PKCS12_PASSWORD'],
  ['another password (old protection)', file('RSA_LEGACY'), 'x', 'PKCS12_PASSWORD'],
  ['a password and none given', whole, '', 'PKCS12_PASSWORD'],
  ['no password and one given', file('EC_EMPTY_PASSWORD'), PASSWORD, 'PKCS12_PASSWORD'],
  ['a password that is too long', whole, 'x'.repeat(MAX_PASSWORD_CHARACTERS + 1), 'PKCS12_PASSWORD'],
  ['no integrity code', file('EC_NO_MAC'), PASSWORD, 'PKCS12_UNSUPPORTED'],
  ['RC4', file('EC_RC4'), PASSWORD, 'PKCS12_UNSUPPORTED'],
  ['no key', file('NO_KEY'), PASSWORD, 'PKCS12_NO_KEY'],
  ['no certificate', file('NO_CERTIFICATE'), PASSWORD, 'PKCS12_NO_CERTIFICATE'],
]

for (const [what, bytes, password, code] of REFUSED) {
  test(`a PKCS#12 file with ${what} is refused`, () => {
    assert.throws(
      () => readPkcs12(bytes, password),
      (error) => {
        assert.ok(error instanceof PkiError)
        assert.equal(error.code, code)
        assert.ok(password === '' || password === 'x' || !error.message.includes(password))
        return true
      },
    )
  })
}

test(`more than ${MAX_ITERATIONS} rounds are refused before the first`, () => {
  const started = performance.now()
  assert.throws(() => readPkcs12(file('EC_MANY_ROUNDS'), PASSWORD), { code: 'PKCS12_ITERATIONS' })
  assert.ok(performance.now() - started < 200)
})

test('any changed byte gives PkiError or the same key, and no other error', () => {
  const bytes = file('EC_LEGACY')
  const expected = readPkcs12(bytes, PASSWORD).privateKeyPem
  let refused = 0
  for (let at = 0; at < bytes.length; at += 23) {
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(at) ^ 0x41, at)
    try {
      assert.equal(readPkcs12(changed, PASSWORD).privateKeyPem, expected, `byte ${at}`)
    } catch (error) {
      assert.ok(error instanceof PkiError, `byte ${at}: ${String(error)}`)
      refused += 1
    }
  }
  assert.ok(refused > 60, String(refused))
})

const LEAF = {
  RSA: 'D1:C1:A6:3D:3F:47:7D:E3:37:36:3F:A7:47:FA:55:82:8E:D7:2F:FC:40:ED:54:FA:CB:08:1B:5E:EC:D6:18:F1',
  EC: '60:DA:91:59:83:21:EE:DE:AF:DA:1E:D2:1D:13:C6:E1:ED:81:5B:3A:21:15:86:75:FA:16:A8:52:3C:76:89:98',
} as const
const ISSUER = '31:AD:EE:94:A8:87:61:D1:D0:68:51:FC:70:07:9F:DB:DD:76:BC:31:54:4A:41:76:A2:2A:02:B8:69:64:F5:4B'

const READ: [keyof typeof PKCS12_FILES, string, keyof typeof LEAF, number][] = [
  ['RSA_MODERN', PASSWORD, 'RSA', 1],
  ['RSA_LEGACY', PASSWORD, 'RSA', 1],
  ['EC_MODERN', PASSWORD, 'EC', 1],
  ['EC_LEGACY', PASSWORD, 'EC', 1],
  ['EC_MIXED', PASSWORD, 'EC', 0],
  ['EC_UNICODE', 'Grün-€', 'EC', 1],
  ['EC_EMPTY_PASSWORD', '', 'EC', 0],
]

for (const [name, password, kind, chainLength] of READ) {
  test(`${name}: key, certificate and chain as OpenSSL wrote them`, () => {
    const { certificatePem, chainPem, privateKeyPem } = readPkcs12(file(name), password)
    const leaf = new X509Certificate(certificatePem)
    assert.equal(leaf.fingerprint256, LEAF[kind])
    assert.ok(leaf.checkPrivateKey(readPrivateKey(privateKeyPem)))
    assert.match(privateKeyPem, /^-----BEGIN PRIVATE KEY-----\n/)
    assert.deepEqual(
      chainPem.map((pem) => new X509Certificate(pem).fingerprint256),
      Array<string>(chainLength).fill(ISSUER),
    )
  })
}
