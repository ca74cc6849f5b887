import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeEasQuery } from '@postern/eas-query/query'
import { HeaderFields } from '../listener/header-fields.ts'
import { deviceFields, serverFields } from './forwarded-headers.ts'

type Field = readonly [name: string, value: string]

const PLAIN = decodeEasQuery('Cmd=Sync&User=ann&DeviceId=ABC123&DeviceType=iPhone')
/** 16.1, Sync, 0x0409, device `ABC`, the policy key given, type `SP`, and options where given. */
const base64 = (policyKey: string, options = ''): ReturnType<typeof decodeEasQuery> =>
  decodeEasQuery(Buffer.from(`a100090403414243${policyKey}025350${options}`, 'hex').toString('base64'))

describe('fields of a device that never reach a server', () => {
  const rejects: readonly (readonly [title: string, ...raw: string[]])[] = [
    ['T08 Client-Cert', 'Client-Cert', ':MIIB:'],
    ['T08 X-Forwarded-For', 'X-Forwarded-For', '10.0.0.1'],
    ['T08 X-Forwarded-Client-Cert', 'X-Forwarded-Client-Cert', 'Hash=1'],
    ['T08 X-User-Identity', 'X-User-Identity', 'bob@example.com'],
    ['T08 X-AnchorMailbox', 'X-AnchorMailbox', 'bob@example.com'],
    ['T08 Via', 'Via', '1.1 evil'],
    ['T08 Forwarded', 'Forwarded', 'for=10.0.0.1'],
    ['Authorization as the device wrote it', 'Authorization', 'Basic YW5uOnNlY3JldA=='],
    ['Origin', 'Origin', 'https://evil.example'],
    ['Connection', 'Connection', 'close'],
    ['Host', 'Host', 'outlook.office365.com'],
    ['Content-Length', 'Content-Length', '5'],
    ['Transfer-Encoding', 'Transfer-Encoding', 'chunked'],
    ['Expect', 'Expect', '100-continue'],
    ['Accept-Encoding as the device wrote it', 'Accept-Encoding', 'br'],
    ['a field that nobody knows', 'X-Anything', '1'],
    ['the name of a property that every object has', '__proto__', '1'],
  ]
  for (const [title, ...raw] of rejects)
    test(title, () => {
      const sent = serverFields(HeaderFields.ofRaw(raw), PLAIN, '16.1', 'token')
      assert.deepEqual(sent, [['Authorization', 'Bearer token']])
    })
  const codings: readonly (readonly [written: string, gzip: boolean])[] = [
    ['br', false],
    ['gzip;q=0', false],
    ['gzip; q=0.000', false],
    ['x-gzip', false],
    ['identity', false],
    ['', false],
    ['gzip', true],
    ['GZIP', true],
    ['gzip, deflate, br', true],
    ['br;q=1.0, gzip;q=0.5', true],
    ['gzip;q=0.001', true],
  ]
  for (const [written, gzip] of codings)
    test(`T96 Accept-Encoding: ${written} asks the server ${gzip ? 'for gzip alone' : 'for nothing'}`, () => {
      const sent = serverFields(HeaderFields.ofRaw(['Accept-Encoding', written]), PLAIN, '16.1', 'token')
      const asked = sent.filter(([name]) => name === 'Accept-Encoding')
      assert.deepEqual(asked, gzip ? [['Accept-Encoding', 'gzip']] : [])
    })
  test('T96 no Accept-Encoding from the device, none to the server', () => {
    assert.deepEqual(serverFields(HeaderFields.ofRaw([]), PLAIN, '16.1', 't'), [['Authorization', 'Bearer t']])
  })
})

describe('fields of a device that a server gets', () => {
  test('T97 as they are, in their order, in one spelling of names', () => {
    const raw = [
      ['user-agent', 'Apple-iPhone15C2/2301.355'],
      ['ms-asprotocolversion', '16.1'],
      ['X-MS-POLICYKEY', '0007'],
      ['MS-ASAcceptMultiPart', 'T'],
      ['content-type', 'application/vnd.ms-sync.wbxml'],
      ['Accept', '*/*'],
      ['accept-language', 'de-CH'],
      ['Cookie', 'a=1; b=2'],
      ['client-request-id', 'x'],
      ['Return-Client-Request-Id', 'true'],
    ]
    assert.deepEqual(serverFields(HeaderFields.ofRaw(raw.flat()), PLAIN, '16.1', 't'), [
      ['User-Agent', 'Apple-iPhone15C2/2301.355'],
      ['MS-ASProtocolVersion', '16.1'],
      ['X-MS-PolicyKey', '0007'],
      ['MS-ASAcceptMultiPart', 'T'],
      ['Content-Type', 'application/vnd.ms-sync.wbxml'],
      ['Accept', '*/*'],
      ['Accept-Language', 'de-CH'],
      ['Cookie', 'a=1; b=2'],
      ['client-request-id', 'x'],
      ['return-client-request-id', 'true'],
      ['Authorization', 'Bearer t'],
    ])
  })
  test('OPTIONS without a query', () => {
    const sent = serverFields(HeaderFields.ofRaw(['User-Agent', 'x']), null, null, 't')
    assert.deepEqual(sent, [
      ['User-Agent', 'x'],
      ['Authorization', 'Bearer t'],
    ])
  })
  test('base64: what the query says is written as fields, once', () => {
    const raw = ['MS-ASProtocolVersion', '16.1', 'X-MS-PolicyKey', '7', 'MS-ASAcceptMultiPart', 'T']
    assert.deepEqual(serverFields(HeaderFields.ofRaw(raw), base64('0407000000', '070102'), '16.1', 't'), [
      ['MS-ASProtocolVersion', '16.1'],
      ['X-MS-PolicyKey', '7'],
      ['MS-ASAcceptMultiPart', 'T'],
      ['Authorization', 'Bearer t'],
    ])
  })
  test('base64 without a policy key: none is made up', () => {
    const sent = serverFields(HeaderFields.ofRaw([]), base64('00'), '16.1', 't')
    assert.deepEqual(sent, [
      ['MS-ASProtocolVersion', '16.1'],
      ['Authorization', 'Bearer t'],
    ])
  })
  test('base64 with policy key 0: it is sent', () => {
    const sent = serverFields(HeaderFields.ofRaw([]), base64('0400000000'), '16.1', 't')
    assert.deepEqual(sent[1], ['X-MS-PolicyKey', '0'])
  })
})

const URI = 'https://sentry.example.com/proxyservice/oauth2/authorize'
const toDevice = (fields: readonly Field[], status = 200, versions: ReadonlySet<string> | null = null): Field[] =>
  deviceFields(status, fields, { authorizationUri: URI, versions })

describe('fields of a server that never reach a device', () => {
  const rejects: readonly Field[] = [
    ['Alt-Svc', 'h3=":443"'],
    ['Server', 'Microsoft-IIS/10.0'],
    ['X-FEServer', 'FE1'],
    ['X-BEServer', 'BE1'],
    ['X-CalculatedBETarget', 'be1.internal'],
    ['Public-Key-Pins', 'pin-sha256="x"'],
    ['Strict-Transport-Security', 'max-age=0'],
    ['X-Powered-By', 'ASP.NET'],
    ['X-AspNet-Version', '4.0.30319'],
    ['Location', 'https://evil.example/'],
    ['X-MS-Location', 'https://eas.evil.example/Microsoft-Server-ActiveSync'],
    ['Access-Control-Allow-Origin', '*'],
    ['Connection', 'keep-alive'],
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', '5'],
    ['Upgrade', 'h2c'],
    ['Refresh', '0;url=https://evil.example'],
    ['X-Request-Id', 'theirs'],
  ]
  for (const [name, value] of rejects) test(`T70 ${name}`, () => assert.deepEqual(toDevice([[name, value]]), []))
})

describe('cookies of a server', () => {
  const cases: readonly (readonly [title: string, written: string, passed: string])[] = [
    ['T60 Domain is taken off', 'a=1; Domain=.office365.com; Path=/; Secure', 'a=1; Path=/; Secure'],
    ['Domain in any case and spacing', 'a=1;DOMAIN = x ;path=/', 'a=1; Path=/; Secure'],
    ['T60 Secure is put on', 'a=1; path=/; HttpOnly', 'a=1; HttpOnly; Path=/; Secure'],
    ['without Path: ActiveSync only', 'a=1', 'a=1; Path=/Microsoft-Server-ActiveSync; Secure'],
    ['another Path: ActiveSync only', 'a=1; Path=/owa', 'a=1; Path=/Microsoft-Server-ActiveSync; Secure'],
    [
      'other attributes stay',
      'a=1; expires=Thu, 01 Jan 2026 00:00:00 GMT; Max-Age=5; SameSite=None; HttpOnly; path=/',
      'a=1; expires=Thu, 01 Jan 2026 00:00:00 GMT; Max-Age=5; SameSite=None; HttpOnly; Path=/; Secure',
    ],
    ['a value with equals signs', 'a=b=c==; path=/', 'a=b=c==; Path=/; Secure'],
    ['an empty one', '', '; Path=/Microsoft-Server-ActiveSync; Secure'],
  ]
  for (const [title, written, passed] of cases)
    test(title, () => assert.deepEqual(toDevice([['Set-Cookie', written]]), [['Set-Cookie', passed]]))
  test('T60 two of them stay two', () => {
    const sent = toDevice([
      ['set-cookie', 'a=1; path=/'],
      ['SET-COOKIE', 'b=2; path=/'],
    ])
    assert.deepEqual(sent, [
      ['Set-Cookie', 'a=1; Path=/; Secure'],
      ['Set-Cookie', 'b=2; Path=/; Secure'],
    ])
  })
})

describe('challenges of a server', () => {
  const own = [
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000"',
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*"',
    'token_types="app_asserted_user_v1 service_asserted_app_v1"',
    `authorization_uri="${URI}"`,
    'error="invalid_token"',
  ].join(', ')
  const cases: readonly (readonly [title: string, written: string | null, passed: string])[] = [
    ['none: our own', null, own],
    ['Basic does not come back: our own', 'Basic realm=""', own],
    ['Negotiate: our own', 'Negotiate', own],
    ['a scheme that begins alike: our own', 'BearerX authorization_uri="https://evil.example"', own],
    ['Bearer that cannot be read: our own', 'Bearer authorization_uri="https://evil.example', own],
    [
      'T90 error and claims as they are, authorization_uri ours',
      'Bearer client_id="x", authorization_uri="https://login.windows.net/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="',
      `Bearer client_id="x", authorization_uri="${URI}", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="`,
    ],
  ]
  for (const [title, written, passed] of cases)
    test(title, () => {
      const fields: Field[] = written === null ? [] : [['WWW-Authenticate', written]]
      assert.deepEqual(toDevice(fields, 401), [['WWW-Authenticate', passed]])
    })
  test('Basic beside Bearer is dropped alone', () => {
    const sent = toDevice(
      [
        ['WWW-Authenticate', 'Basic realm=""'],
        ['WWW-Authenticate', 'bearer authorization_uri="https://login.windows.net/x"'],
      ],
      401,
    )
    assert.deepEqual(sent, [['WWW-Authenticate', `bearer authorization_uri="${URI}"`]])
  })
})

describe('fields of a server that a device gets', () => {
  const same: readonly Field[] = [
    ['Content-Type', 'application/vnd.ms-sync.wbxml'],
    ['Content-Encoding', 'gzip'],
    ['Retry-After', '120'],
    ['X-MS-ASThrottle', 'CommandFrequency'],
    ['X-MS-BackOffDuration', 'L/-480'],
    ['MS-Server-ActiveSync', '15.20'],
    ['MS-ASProtocolCommands', 'Sync,Ping'],
    ['X-MS-RP', '14.0,14.1'],
    ['x-ms-diagnostics', '2000001;reason="x"'],
    ['request-id', 'y'],
    ['Cache-Control', 'private'],
    ['Vary', 'Accept-Encoding'],
  ]
  for (const [name, value] of same)
    test(name, () => assert.deepEqual(toDevice([[name.toUpperCase(), value]]), [[name, value]]))
  const versions: readonly (readonly [offered: string, allowed: readonly string[] | null, passed: string])[] = [
    ['16.1', ['14.1'], ''],
    ['2.5,12.1,14.0,14.1,16.0,16.1', ['16.1', '14.1'], '14.1,16.1'],
    ['14.1, 16.1', ['16.1'], '16.1'],
    ['14.1, 16.1', null, '14.1, 16.1'],
  ]
  for (const [offered, allowed, passed] of versions)
    test(`T87 ${offered} of which ${allowed?.join() ?? 'all'} may be spoken`, () => {
      const sent = toDevice([['MS-ASProtocolVersions', offered]], 200, allowed === null ? null : new Set(allowed))
      assert.deepEqual(sent, [['MS-ASProtocolVersions', passed]])
    })
})
