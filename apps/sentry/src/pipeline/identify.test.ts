import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import { FakeExchange, unsignedToken } from '../../tests/support/fake-exchange.ts'
import { readIdentity } from '../identity/device-identity.ts'
import { readDeviceTrust } from '../identity/trust.ts'
import { HeaderFields } from '../listener/header-fields.ts'
import { findCertificate, isUnreadable, readBearer, readEasRequest } from './identify.ts'
import { type Reason, REASONS } from '../decision/reasons.ts'

const PLAIN = 'Cmd=FolderSync&User=ann&DeviceId=ABC123&DeviceType=iPhone'
/** Version, FolderSync, 0x0409, device `ABC`, policy key, type `SP`; MS-ASHTTP 2.2.1.1.1.1. */
const base64 = (versionByte: string, policyKey: string, rest = ''): string =>
  Buffer.from(`${versionByte}09090403414243${policyKey}025350${rest}`, 'hex').toString('base64')
const KEY_7 = '0407000000'
const NO_KEY = '00'

const read = (query: string | null, raw: readonly string[], method = 'POST'): ReturnType<typeof readEasRequest> =>
  readEasRequest(new FakeExchange({ method, raw }), query)

describe('queries and versions that are refused', () => {
  const version = ['MS-ASProtocolVersion', '16.1'] as const
  const rejects: readonly {
    title: string
    query: string | null
    raw: readonly string[]
    reason: Reason
    method?: string
  }[] = [
    {
      title: 'T21 base64 version and header disagree',
      query: base64('a1', NO_KEY),
      raw: ['MS-ASProtocolVersion', '14.1'],
      reason: 'VERSION_CONTRADICTION',
    },
    {
      title: 'T21 base64 policy key and header disagree',
      query: base64('a1', KEY_7),
      raw: ['X-MS-PolicyKey', '8'],
      reason: 'VERSION_CONTRADICTION',
    },
    {
      title: 'T21 base64 policy key is absent, the header has one',
      query: base64('a1', NO_KEY),
      raw: ['X-MS-PolicyKey', '8'],
      reason: 'VERSION_CONTRADICTION',
    },
    {
      title: 'T21 base64 policy key and header disagree beyond 32 bits',
      query: base64('a1', KEY_7),
      raw: ['X-MS-PolicyKey', '4294967303'],
      reason: 'VERSION_CONTRADICTION',
    },
    {
      title: 'base64 options and MS-ASAcceptMultiPart disagree',
      query: base64('a1', NO_KEY),
      raw: ['MS-ASAcceptMultiPart', 'T'],
      reason: 'VERSION_CONTRADICTION',
    },
    {
      title: 'base64 options ask for multipart, MS-ASAcceptMultiPart says no',
      query: base64('a1', NO_KEY, '070102'),
      raw: ['MS-ASAcceptMultiPart', 'F'],
      reason: 'VERSION_CONTRADICTION',
    },
    {
      title: 'OPTIONS contradicts itself too',
      query: base64('a1', NO_KEY),
      raw: ['MS-ASProtocolVersion', '14.1'],
      method: 'OPTIONS',
      reason: 'VERSION_CONTRADICTION',
    },
    ...['A,B', '..%2F', 'A'.repeat(33), '', '%C3%84', 'A%00'].map((id) => ({
      title: `T22 DeviceId ${JSON.stringify(id)}`,
      query: `Cmd=Sync&User=ann&DeviceId=${id}&DeviceType=x`,
      raw: version,
      reason: 'QUERY_MALFORMED' as const,
    })),
    {
      title: 'T24 command that does not exist, by name',
      query: PLAIN.replace('FolderSync', 'Frobnicate'),
      raw: version,
      reason: 'COMMAND_UNKNOWN',
    },
    {
      title: 'T24 command that does not exist, by code 99',
      query: Buffer.from('a16309040341424300025350', 'hex').toString('base64'),
      raw: [],
      reason: 'COMMAND_UNKNOWN',
    },
    { title: 'T19 a parameter twice', query: `${PLAIN}&deviceid=B`, raw: version, reason: 'QUERY_MALFORMED' },
    { title: 'POST without a query', query: null, raw: version, reason: 'QUERY_MALFORMED' },
    { title: 'POST without a version', query: PLAIN, raw: [], reason: 'VERSION_MALFORMED' },
    ...['16.2', '16.10', ' 16.1', '16.1, 14.1', '161', 'x'].map((given) => ({
      title: `POST with version ${JSON.stringify(given)}`,
      query: PLAIN,
      raw: ['MS-ASProtocolVersion', given],
      reason: 'VERSION_MALFORMED' as const,
    })),
    ...['-1', '+7', '0x7', '7 ', '', '1'.repeat(65), '7,8'].map((key) => ({
      title: `policy key ${JSON.stringify(key.slice(0, 12))}`,
      query: PLAIN,
      raw: [...version, 'X-MS-PolicyKey', key],
      reason: 'HEADER_MALFORMED' as const,
    })),
  ]
  for (const { title, query, raw, reason, method } of rejects)
    test(title, () => assert.deepEqual(read(query, raw, method), { reason }))
  test('T24 the answer to a command that does not exist is 501', () => assert.equal(REASONS.COMMAND_UNKNOWN.http, 501))
})

describe('queries and versions that are read', () => {
  const accepts: readonly {
    title: string
    query: string | null
    raw: readonly string[]
    method?: string
    expected: readonly [version: string | null, command: string | null, key: string | null, sent: boolean]
  }[] = [
    {
      title: 'plain',
      query: PLAIN,
      raw: ['MS-ASProtocolVersion', '16.1'],
      expected: ['16.1', 'FolderSync', 'ABC123', false],
    },
    {
      title: 'plain with policy key 0: sent is not the same as absent',
      query: PLAIN,
      raw: ['MS-ASProtocolVersion', '14.1', 'X-MS-PolicyKey', '0'],
      expected: ['14.1', 'FolderSync', 'ABC123', true],
    },
    { title: 'base64 alone', query: base64('a1', KEY_7), raw: [], expected: ['16.1', 'FolderSync', 'ABC', true] },
    {
      title: 'base64 without a key',
      query: base64('8d', NO_KEY),
      raw: [],
      expected: ['14.1', 'FolderSync', 'ABC', false],
    },
    {
      title: 'base64 and headers that agree',
      query: base64('a1', KEY_7, '070102'),
      raw: ['MS-ASProtocolVersion', '16.1', 'X-MS-PolicyKey', '7', 'MS-ASAcceptMultiPart', 'T'],
      expected: ['16.1', 'FolderSync', 'ABC', true],
    },
    {
      title: 'base64 without a key and the header 0',
      query: base64('a1', NO_KEY),
      raw: ['X-MS-PolicyKey', '0', 'MS-ASAcceptMultiPart', 'F'],
      expected: ['16.1', 'FolderSync', 'ABC', true],
    },
    { title: 'OPTIONS with nothing', query: null, raw: [], method: 'OPTIONS', expected: [null, null, null, false] },
    {
      title: 'OPTIONS with a device',
      query: 'User=ann&DeviceId=abc123&DeviceType=x',
      raw: [],
      method: 'OPTIONS',
      expected: [null, null, 'ABC123', false],
    },
  ]
  for (const { title, query, raw, method, expected } of accepts)
    test(title, () => {
      const result = read(query, raw, method)
      assert.ok(!isUnreadable(result), JSON.stringify(result))
      const { query: found, version, policyKeySent } = result
      assert.deepEqual([version, found.command, found.deviceKey, policyKeySent], expected)
    })
})

describe('Authorization', () => {
  const bearer = (...values: string[]): ReturnType<typeof readBearer> =>
    readBearer(HeaderFields.ofRaw(values.flatMap((value) => ['Authorization', value])))
  const rejects: readonly (readonly [title: string, value: string | null, reason: Reason])[] = [
    ['T88 none', null, 'TOKEN_MISSING'],
    ['T89 Bearer without a token', 'Bearer', 'TOKEN_MISSING'],
    ['T89 Bearer and a blank', 'Bearer ', 'TOKEN_MISSING'],
    ['T33 Basic', 'Basic YW5uOnNlY3JldA==', 'TOKEN_BASIC'],
    ['T33 basic in other case', 'bASIC YW5uOnNlY3JldA==', 'TOKEN_BASIC'],
    ['T33 Basic without credentials', 'Basic', 'TOKEN_BASIC'],
    ['empty', '', 'TOKEN_MISSING'],
    ['Negotiate', 'Negotiate YII=', 'TOKEN_MISSING'],
    ['another scheme that begins alike', 'BearerX abc', 'TOKEN_MISSING'],
    ['two tokens', 'Bearer abc def', 'TOKEN_UNREADABLE'],
    ['two schemes', 'Bearer abc, Basic def', 'TOKEN_UNREADABLE'],
    ['characters that no token has', 'Bearer a"b', 'TOKEN_UNREADABLE'],
    ['a tab inside', 'Bearer a\tb', 'TOKEN_UNREADABLE'],
    ['bytes beyond ASCII', 'Bearer \u00e4', 'TOKEN_UNREADABLE'],
  ]
  for (const [title, value, reason] of rejects)
    test(title, () => {
      assert.deepEqual(value === null ? bearer() : bearer(value), { reason })
      assert.equal(REASONS[reason].http, 401)
    })
  test('an opaque token has no claims', () => {
    assert.deepEqual(bearer('Bearer opaque-token_1.~+/=='), { token: 'opaque-token_1.~+/==', claims: null })
  })
  test('a token is read, whatever the case of its scheme', () => {
    const token = unsignedToken({ aud: 'https://outlook.office365.com', upn: 'ann@example.com' })
    const result = bearer(`bEARER  ${token} `)
    assert.ok(!isUnreadable(result))
    assert.equal(result.token, token)
    assert.equal(result.claims?.user, 'ann@example.com')
  })
})

const ca = await createCa()
const other = await createCa({ commonName: 'Other' })
const balancer = await ca.issueDevice({ commonName: 'balancer' })
const device = await ca.issueDevice({ upn: 'ann@example.com' })
const der = (pem: string): Buffer => new X509Certificate(pem).raw

describe('Client-Cert of a balancer (6.4)', () => {
  const trust = readDeviceTrust([{ name: 'ca', pem: ca.certPem }], [])
  const runtime = { trust, balancers: new Set([balancer.fingerprint]) } as unknown as Parameters<
    typeof findCertificate
  >[2]
  const header = (bytes: Uint8Array): string => `:${Buffer.from(bytes).toString('base64')}:`
  const find = (of: string, value: string | null): ReturnType<typeof findCertificate> => {
    const fields = HeaderFields.ofRaw(value === null ? [] : ['Client-Cert', value])
    return findCertificate(fields, readIdentity({ der: der(of), chain: null }), runtime, Date.now())
  }
  const text = der(device.certPem).toString('base64')
  const rejects: readonly (readonly [title: string, value: string])[] = [
    ['T108 unpadded base64', `:${text.replace(/=*$/, '')}${text.endsWith('=') ? '' : 'A'}:`],
    ['T108 bytes behind the DER', header(Buffer.concat([der(device.certPem), Buffer.of(0)]))],
    ['bytes missing', header(der(device.certPem).subarray(0, -1))],
    ['T108 two of them in one value', `${header(der(device.certPem))}, ${header(der(device.certPem))}`],
    ['no colons', text],
    ['one colon', `:${text}`],
    ['a blank inside', `: ${text}:`],
    ['URL-safe alphabet', `:${text.replaceAll('+', '-').replaceAll('/', '_')}-:`],
    ['a PEM', `:${Buffer.from(device.certPem).toString('base64')}:`],
    ['empty', ''],
    ['an empty sequence', '::'],
    ['longer than any certificate', `:${'A'.repeat(16_384)}:`],
  ]
  for (const [title, value] of rejects)
    test(title, () => {
      assert.deepEqual(find(balancer.certPem, value), { reason: 'CLIENT_CERT_HEADER' })
      assert.equal(REASONS.CLIENT_CERT_HEADER.http, 400)
    })
  test('a certificate of a foreign CA', async () => {
    const foreign = await other.issueDevice({ upn: 'ann@example.com' })
    const found = find(balancer.certPem, header(der(foreign.certPem)))
    assert.deepEqual(found, { state: 'refused', reason: 'CERTIFICATE_UNTRUSTED', fingerprint: foreign.fingerprint })
  })
  test('an expired certificate', async () => {
    const expired = await ca.issueDevice({ notBefore: new Date(1e12), notAfter: new Date(1.1e12) })
    const found = find(balancer.certPem, header(der(expired.certPem)))
    assert.equal('reason' in found && found.reason, 'CERTIFICATE_EXPIRED')
  })
  test('T108 from anybody else it is ignored', () => {
    const found = find(device.certPem, header(der(balancer.certPem)))
    assert.equal('fingerprint' in found && found.fingerprint, device.fingerprint)
  })
  test('without the header the balancer is nobody', () => {
    assert.deepEqual(find(balancer.certPem, null), { state: 'absent' })
  })
  test('T108 from the trusted balancer', () => {
    assert.deepEqual(find(balancer.certPem, header(der(device.certPem))), {
      state: 'good',
      fingerprint: device.fingerprint,
      upn: 'ann@example.com',
      deviceUri: null,
    })
  })
})
