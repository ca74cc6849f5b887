import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { endpointFor } from './model.ts'
import { parseResource, sameRedirectUri, sameResource } from './resource.ts'

describe('resource identifiers (RFC 3986 6.2, RFC 8707 2)', () => {
  const refused = [
    '',
    'https://',
    'https:///x',
    'http://sentry.test',
    'https:sentry.test',
    'sentry.test',
    'https://a@sentry.test',
    'https://sentry.test?x',
    'https://sentry.test#x',
    'https://sentry.test\\x',
    'https://sentry.test%2fx',
    'https://sentry.test/%2e',
    'https://sentry.test/../x',
    'https://sentry.test/./',
    'https://sentry.test//',
    'https://sentry..test',
    'https://sentry.test.',
    'https://sentry.test:',
    'https://sentry.test:0443',
    'https://sentry.test:+443',
    'https://sentry.test:0',
    'https://sentry.test:65536',
    'https://sentry.test:1e2',
    'https://[::1]',
    'https://sentr\u212a.test',
    ' https://sentry.test',
    'https://sentry.test\n',
    '00000003-0000-0000-c000-000000000000',
    `https://${'a'.repeat(254)}`,
  ]
  for (const text of refused)
    test(`no resource: ${JSON.stringify(text)}`, () => assert.equal(parseResource(text), null))

  const accepted: [string, string][] = [
    ['https://sentry.test', 'https://sentry.test'],
    ['https://sentry.test/', 'https://sentry.test'],
    ['HTTPS://Sentry.TEST:443/', 'https://sentry.test'],
    ['https://localhost:8443', 'https://localhost:8443'],
    ['https://sentry.test/Path/', 'https://sentry.test/Path'],
  ]
  for (const [text, normal] of accepted) test(`T80 ${text}`, () => assert.equal(parseResource(text), normal))

  test('two values that are no resources are not the same resource', () => assert.equal(sameResource('x', 'x'), false))
})

describe('redirect URIs (RFC 8252 7.1)', () => {
  const cases: [string, string, boolean][] = [
    ['com.apple.Preferences://oauth-redirect/', 'com.apple.preferences://oauth-redirect', true],
    ['com.apple.preferences://oauth-redirect', 'com.apple.Preferences://oauth-redirect/', true],
    ['com.apple.preferences://OAuth-redirect', 'com.apple.preferences://oauth-redirect', false],
    ['com.apple.preferences://oauth-redirect//', 'com.apple.preferences://oauth-redirect/', false],
    ['com.apple.preferences.evil://oauth-redirect', 'com.apple.preferences://oauth-redirect', false],
    ['HTTPS://app.test/cb', 'https://app.test/cb', true],
    ['https://app.test/cb/', 'https://app.test/cb', false],
    ['https://APP.test/cb', 'https://app.test/cb', false],
    ['no-scheme', 'no-scheme', false],
    ['', '', false],
  ]
  for (const [given, registered, expected] of cases) {
    test(`T86 ${given} for ${registered}`, () => assert.equal(sameRedirectUri(given, registered), expected))
  }
})

describe('endpoints', () => {
  const mapping = (tokenEndpoint: string): Parameters<typeof endpointFor>[0] => ({
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint,
    sentryResource: '',
    destinationResource: '',
    clients: [],
  })
  test('v2 has /v2.0 after /oauth2', () => {
    const fs = mapping('https://fs.test/adfs/oauth2/token')
    assert.equal(endpointFor(fs, 'v1', 'token'), 'https://fs.test/adfs/oauth2/token')
    assert.equal(endpointFor(fs, 'v2', 'token'), 'https://fs.test/adfs/oauth2/v2.0/token')
    assert.equal(endpointFor(fs, 'v2', 'authorize'), 'https://login.windows.net/common/oauth2/v2.0/authorize')
  })
  test('v2 that is configured as such stays', () => {
    const url = 'https://login.windows.net/t/oauth2/v2.0/token'
    assert.equal(endpointFor(mapping(url), 'v2', 'token'), url)
  })
  test('no v2 without /oauth2', () => {
    assert.throws(() => endpointFor(mapping('https://idp.test/token'), 'v2', 'token'), { code: 'server_error' })
  })
})
