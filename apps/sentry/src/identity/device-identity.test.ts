import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { createCa, type DeviceRequest } from '@postern/harness/ca'
import type { CertificateFinding } from '../decision/decide.ts'
import { type Reason, REASONS } from '../decision/reasons.ts'
import { chainReason, fingerprintOf, judgeIdentity, readClientCertHeader, readIdentity } from './device-identity.ts'
import { hexSerial, readCertificateNames } from './names.ts'
import { readDeviceTrust, TrustError } from './trust.ts'

const ca = await createCa()
const foreign = await createCa({ commonName: 'Foreign' })
const namesake = await createCa() // the same name, another key
const der = (pem: string): Buffer => new X509Certificate(pem).raw
const DAY_MS = 86_400_000
const at = (days: number): Date => new Date(Date.now() + days * DAY_MS)
const pem = (name: string, text: string): { name: string; pem: string } => ({ name, pem: text })
const caFile = pem('ca.crt', ca.certPem)
const trust = readDeviceTrust([caFile], [])
const judge = async (request: DeviceRequest, chain: Reason | null = null): Promise<CertificateFinding> =>
  judgeIdentity(readIdentity({ der: der((await ca.issueDevice(request)).certPem), chain }), trust, Date.now())

describe('certificates that are no device identity (6.3)', () => {
  const rejects: readonly { title: string; request?: DeviceRequest; chain?: Reason; reason: Reason }[] = [
    { title: 'T31 other CA, by the handshake', chain: 'CERTIFICATE_UNTRUSTED', reason: 'CERTIFICATE_UNTRUSTED' },
    { title: 'T31 expired', request: { notBefore: at(-9), notAfter: at(-1) }, reason: 'CERTIFICATE_EXPIRED' },
    { title: 'T31 not yet valid', request: { notBefore: at(1) }, reason: 'CERTIFICATE_NOT_YET_VALID' },
    { title: 'T31 without an extended usage', request: { eku: 'none' }, reason: 'CERTIFICATE_USAGE' },
    { title: 'T31 for servers', request: { eku: 'serverAuth' }, reason: 'CERTIFICATE_USAGE' },
    { title: 'T31 a CA as leaf', request: { isCa: true }, reason: 'CERTIFICATE_IS_CA' },
    { title: 'T31 two UPNs', request: { upn: ['ann@example.com', 'bob@example.com'] }, reason: 'CERTIFICATE_NAMES' },
    {
      title: 'the same UPN twice',
      request: { upn: ['ann@example.com', 'ann@example.com'] },
      reason: 'CERTIFICATE_NAMES',
    },
    { title: 'two device URIs', request: { deviceUri: ['urn:uuid:1', 'urn:uuid:2'] }, reason: 'CERTIFICATE_NAMES' },
    { title: 'T31 NUL in the UPN', request: { upn: 'ann@example.com\0.evil' }, reason: 'CERTIFICATE_NAMES' },
    { title: 'T31 NUL in the URI', request: { deviceUri: 'urn:uuid:1\0' }, reason: 'CERTIFICATE_NAMES' },
    {
      title: 'T31 NUL in a DNS name',
      request: { rawSan: [{ kind: 'dns', value: 'a\0b' }] },
      reason: 'CERTIFICATE_NAMES',
    },
    {
      title: 'T31 NUL in an address',
      request: { rawSan: [{ kind: 'email', value: 'ann@example.com\0' }] },
      reason: 'CERTIFICATE_NAMES',
    },
    { title: 'a line end in the UPN', request: { upn: 'ann@example.com\n' }, reason: 'CERTIFICATE_NAMES' },
    { title: 'an empty UPN', request: { upn: '' }, reason: 'CERTIFICATE_NAMES' },
    { title: 'a UPN of 1,025 characters', request: { upn: 'a'.repeat(1_025) }, reason: 'CERTIFICATE_NAMES' },
    {
      title: 'a subjectAltName that is no DER',
      request: { rawSan: [{ kind: 'raw', der: Uint8Array.of(0xa0, 5, 0, 0, 0, 0, 0) }] },
      reason: 'CERTIFICATE_NAMES',
    },
    {
      title: 'the handshake speaks first',
      request: { eku: 'none' },
      chain: 'CERTIFICATE_EXPIRED',
      reason: 'CERTIFICATE_EXPIRED',
    },
  ]
  for (const { title, request = {}, chain, reason } of rejects)
    test(title, async () => {
      const found = await judge(request, chain)
      assert.equal(found.state, 'refused')
      assert.equal(found.reason, reason)
      assert.match(found.fingerprint ?? '', /^sha256:[0-9a-f]{64}$/, 'the audit line names it all the same')
      assert.equal(REASONS[reason].http, 403)
    })
  test('T31 revoked, and only the revoked one', async () => {
    const [lost, kept] = [await ca.issueDevice(), await ca.issueDevice()]
    const withList = readDeviceTrust([caFile], [pem('a.crl', await ca.crl([lost]))])
    const stateOf = (text: string): CertificateFinding =>
      judgeIdentity(readIdentity({ der: der(text), chain: null }), withList, Date.now())
    assert.deepEqual(stateOf(lost.certPem), {
      state: 'refused',
      reason: 'CERTIFICATE_REVOKED',
      fingerprint: lost.fingerprint,
    })
    assert.equal(stateOf(kept.certPem).state, 'good')
  })
  test('T68 a period that ends while the connection lives', async () => {
    const { certPem } = await ca.issueDevice({ notAfter: at(1) })
    const identity = readIdentity({ der: der(certPem), chain: null })
    assert.equal(judgeIdentity(identity, trust, Date.now()).state, 'good')
    const later = judgeIdentity(identity, trust, Date.now() + 2 * DAY_MS)
    assert.equal(later.state === 'refused' && later.reason, 'CERTIFICATE_EXPIRED')
  })
  test('bytes that are no certificate', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('3000', 'hex'), Buffer.from('no certificate')]) {
      assert.deepEqual(readCertificateNames(bytes), { refused: 'CERTIFICATE_NAMES' })
    }
  })
  test('a good one cut short at every tenth byte', async () => {
    const whole = der((await ca.issueDevice({ upn: 'ann@example.com' })).certPem)
    for (let length = 0; length < whole.length; length += 10)
      assert.deepEqual(readCertificateNames(whole.subarray(0, length)), { refused: 'CERTIFICATE_NAMES' })
  })
})

describe('certificates that are', () => {
  const accepts: readonly (readonly [title: string, request: DeviceRequest, upn: string | null, uri: string | null])[] =
    [
      ['without names', {}, null, null],
      ['with a UPN', { upn: 'Ren\u00e9@example.com' }, 'Ren\u00e9@example.com', null],
      ['with a URI', { deviceUri: 'urn:uuid:5d0c' }, null, 'urn:uuid:5d0c'],
      ['with both', { upn: 'ann@example.com', deviceUri: 'urn:uuid:5d0c' }, 'ann@example.com', 'urn:uuid:5d0c'],
      ['an address is no UPN', { rawSan: [{ kind: 'email', value: 'ann@example.com' }] }, null, null],
      ['the common name is nobody', { commonName: 'ann@example.com' }, null, null],
    ]
  for (const [title, request, upn, deviceUri] of accepts)
    test(title, async () => {
      const { certPem, fingerprint } = await ca.issueDevice(request)
      const found = judgeIdentity(readIdentity({ der: der(certPem), chain: null }), trust, Date.now())
      assert.deepEqual(found, { state: 'good', fingerprint, upn, deviceUri })
    })
  test('none', () => assert.deepEqual(judgeIdentity(null, trust, 0), { state: 'absent' }))
  test('settled: a fingerprint is sha256: and lower-case hex over the DER', async () => {
    const { certPem } = await ca.issueDevice()
    const expected = `sha256:${createHash('sha256').update(der(certPem)).digest('hex')}`
    assert.equal(fingerprintOf(der(certPem)), expected)
  })
  const serials = [
    ['00', '0'],
    ['0000', '0'],
    ['0001', '1'],
    ['00ff', 'ff'],
    ['1000', '1000'],
  ] as const
  for (const [bytes, expected] of serials)
    test(`serial ${bytes} is ${expected}`, () => {
      assert.equal(hexSerial(new Uint8Array(Buffer.from(bytes, 'hex')).buffer), expected)
    })
})

describe('what the handshake says of a path', () => {
  const cases: readonly (readonly [authorized: boolean, error: string | null, reason: Reason | null])[] = [
    [false, 'CERT_HAS_EXPIRED', 'CERTIFICATE_EXPIRED'],
    [false, 'CERT_NOT_YET_VALID', 'CERTIFICATE_NOT_YET_VALID'],
    [false, 'INVALID_PURPOSE', 'CERTIFICATE_USAGE'],
    [false, 'CERT_REVOKED', 'CERTIFICATE_REVOKED'],
    [false, 'SELF_SIGNED_CERT_IN_CHAIN', 'CERTIFICATE_UNTRUSTED'],
    [false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERTIFICATE_UNTRUSTED'],
    [false, 'CRL_HAS_EXPIRED', 'CERTIFICATE_UNTRUSTED'],
    [false, '__proto__', 'CERTIFICATE_UNTRUSTED'],
    [false, null, 'CERTIFICATE_UNTRUSTED'],
    [true, null, null],
  ]
  for (const [authorized, error, reason] of cases)
    test(`${String(authorized)} ${error ?? 'without a word'}`, () =>
      assert.equal(chainReason(authorized, error), reason))
})

describe('a certificate in a header needs an issuer of ours (6.4)', () => {
  const header = (text: string): string => `:${der(text).toString('base64')}:`
  const reasonOf = (text: string, now: number = Date.now()): Reason | null | undefined =>
    readClientCertHeader(header(text), trust, now)?.chain
  test('a foreign CA', async () => {
    assert.equal(reasonOf((await foreign.issueDevice()).certPem), 'CERTIFICATE_UNTRUSTED')
  })
  test('a CA of the same name with another key', async () => {
    assert.equal(reasonOf((await namesake.issueDevice()).certPem), 'CERTIFICATE_UNTRUSTED')
  })
  test('an intermediate that was not configured', async () => {
    const below = await ca.issueIntermediate()
    assert.equal(reasonOf((await below.issueDevice()).certPem), 'CERTIFICATE_UNTRUSTED')
  })
  test('a CA that is past its own end', async () => {
    assert.equal(reasonOf((await ca.issueDevice()).certPem, Date.now() + 60 * DAY_MS), 'CERTIFICATE_UNTRUSTED')
  })
  test('one of ours', async () => assert.equal(reasonOf((await ca.issueDevice()).certPem), null))
})

describe('CAs and revocation lists of the configuration', async () => {
  const device = await ca.issueDevice()
  const list = await ca.crl([device])
  const foreignList = await foreign.crl([])
  const namesakeList = await namesake.crl([])
  const block = (label: string): string => `-----BEGIN ${label}-----\nMAA=\n-----END ${label}-----\n`
  const rejects: readonly (readonly [title: string, cas: string, crl: string | null, word: string])[] = [
    ['a CA file without a certificate', 'nothing', null, 'ca.crt'],
    ['a CA file with a key', device.keyPem, null, 'ca.crt'],
    ['a CA file with rubbish in it', block('CERTIFICATE'), null, 'ca.crt'],
    ['a device certificate as CA', device.certPem, null, 'no CA'],
    ['a good CA and a device certificate', ca.certPem + device.certPem, null, 'no CA'],
    ['a list file without a list', ca.certPem, ca.certPem, 'a.crl'],
    ['a list file with rubbish in it', ca.certPem, block('X509 CRL'), 'a.crl'],
    ['a list of a foreign CA', ca.certPem, foreignList, 'a.crl'],
    ['a list of a CA of the same name with another key', ca.certPem, namesakeList, 'a.crl'],
  ]
  for (const [title, cas, crl, word] of rejects)
    test(title, () => {
      const read = (): unknown => readDeviceTrust([pem('ca.crt', cas)], crl === null ? [] : [pem('a.crl', crl)])
      assert.throws(read, (error) => error instanceof TrustError && error.message.includes(word))
    })
  test('several CAs in one file and in several', () => {
    const read = readDeviceTrust([pem('a', ca.certPem + foreign.certPem), pem('b', namesake.certPem)], [])
    assert.equal(read.cas.length, 3)
  })
  test('lines that end in CR LF', () => {
    const crlf = readDeviceTrust(
      [pem('a', ca.certPem.replaceAll('\n', '\r\n'))],
      [pem('l', list.replaceAll('\n', '\r\n'))],
    )
    assert.equal(crlf.cas.length, 1)
    assert.deepEqual(
      [...crlf.revoked.values()].map((serials) => serials.size),
      [1],
    )
  })
  test('two lists of one CA add up', async () => {
    const second = await ca.issueDevice()
    const read = readDeviceTrust([caFile], [pem('a', list), pem('b', await ca.crl([second]))])
    assert.deepEqual(
      [...read.revoked.values()].map((serials) => serials.size),
      [2],
    )
  })
})
