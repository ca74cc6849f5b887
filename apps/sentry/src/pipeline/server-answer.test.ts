import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import type { UpstreamResponse } from '../transport/upstream/upstream-types.ts'
import { followRedirect, isFrontEndAnswer, isRedirect } from './server-answer.ts'

const answer = (status: number, ...headers: (readonly [string, string])[]): UpstreamResponse => ({
  status,
  headers,
  body: Readable.from([]),
  bodyLength: 0,
})
const redirectHosts = ['*.outlook.com', 'outlook.office365.com', 'eas.example.com:8443']
const runtime = { redirectRules: { redirectHosts, labHosts: new Set<string>() } } as unknown as Parameters<
  typeof followRedirect
>[1]

describe('redirects of a server (2.3)', () => {
  const EAS = '/Microsoft-Server-ActiveSync'
  const rejects: readonly (readonly [title: string, location: string, reason: string, detail: string])[] = [
    ['T35 plain http', `http://outlook.office365.com${EAS}`, 'UPSTREAM_REDIRECT', 'NOT_HTTPS'],
    ['T35 a host that is not listed', `https://evil.test${EAS}`, 'UPSTREAM_REDIRECT', 'HOST_NOT_LISTED'],
    ['T35 an address', `https://169.254.169.254${EAS}`, 'UPSTREAM_REDIRECT', 'IP_LITERAL'],
    ['T35 an IPv6 address', `https://[::1]${EAS}`, 'UPSTREAM_REDIRECT', 'IP_LITERAL'],
    ['T35 another port', `https://outlook.office365.com:8443${EAS}`, 'UPSTREAM_REDIRECT', 'PORT'],
    ['T35 a user', `https://outlook.office365.com@evil.test${EAS}`, 'UPSTREAM_REDIRECT', 'USERINFO'],
    ['another path', 'https://outlook.office365.com/EWS/Exchange.asmx', 'UPSTREAM_REDIRECT', 'PATH'],
    ['no URL', 'outlook.office365.com', 'UPSTREAM_REDIRECT', 'MALFORMED'],
    [
      'T37 the certificate endpoint',
      `https://outlook-cba.office365.com${EAS}`,
      'UPSTREAM_CERTIFICATE_AUTH',
      'CBA_HOST',
    ],
  ]
  for (const [title, location, reason, detail] of rejects)
    test(title, () => {
      const followed = followRedirect(answer(451, ['x-ms-location', location]), runtime)
      assert.ok(followed !== null && 'reason' in followed, JSON.stringify(followed))
      assert.equal(followed.reason, reason)
      assert.equal(followed.detail, detail)
    })
  for (const status of [301, 302, 303, 307, 308])
    test(`${status} has no meaning here`, () => {
      const followed = followRedirect(answer(status, ['Location', `https://outlook.office365.com${EAS}`]), runtime)
      assert.deepEqual(followed, { reason: 'UPSTREAM_REDIRECT', detail: `STATUS_${status}` })
    })
  test('451 that names no place', () => {
    assert.equal(followRedirect(answer(451), runtime), null)
  })
  const accepts: readonly (readonly [location: string, host: string, port: number])[] = [
    [`https://outlook.office365.com${EAS}`, 'outlook.office365.com', 443],
    [`https://EAS.Outlook.com${EAS}/`, 'eas.outlook.com', 443],
    [`https://eas.example.com:8443${EAS}`, 'eas.example.com', 8443],
  ]
  for (const [location, host, port] of accepts)
    test(`T34 ${location}`, () => {
      assert.deepEqual(followRedirect(answer(451, ['X-MS-LOCATION', location]), runtime), { target: { host, port } })
    })
  for (const [status, expected] of [
    [200, false],
    [299, false],
    [300, true],
    [399, true],
    [400, false],
    [401, false],
    [449, false],
    [451, true],
    [503, false],
  ] as const)
    test(`${status} is ${expected ? 'a' : 'no'} redirect`, () => assert.equal(isRedirect(status), expected))
})

describe('front ends that answer in the place of the mail server (2.7)', () => {
  const versions = ['MS-ASProtocolVersions', '16.1'] as const
  const exchange = ['MS-Server-ActiveSync', '15.20'] as const
  const httpApi = ['Server', 'Microsoft-HTTPAPI/2.0'] as const
  const proxyError = ['x-proxyerrorhresult', '0x1'] as const
  const cases: readonly (readonly [title: string, answer: UpstreamResponse, isOptions: boolean, expected: boolean])[] =
    [
      ['T92 OPTIONS answered without versions', answer(200), true, true],
      ['T92 OPTIONS by the front end', answer(200, httpApi), true, true],
      ['POST by the front end', answer(200, httpApi), false, true],
      ['POST with an error of the proxy', answer(200, proxyError), false, true],
      ['OPTIONS with versions', answer(200, versions), true, false],
      ['POST by Exchange behind HTTPAPI', answer(200, httpApi, exchange), false, false],
      ['POST that says nothing about itself', answer(200), false, false],
      ['T91 an honest 503', answer(503, httpApi), false, false],
      ['401 without versions', answer(401), true, false],
    ]
  for (const [title, response, isOptions, expected] of cases)
    test(title, () => assert.equal(isFrontEndAnswer(response, isOptions), expected))
})
