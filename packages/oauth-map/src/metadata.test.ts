import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLOUDS, cloudOfLoginHost, isCbaHost } from './clouds.ts'
import { idpMetadata, instanceDiscoveryError, openidConfiguration } from './metadata.ts'
import type { OAuthMapping } from './model.ts'

const mapping = (tokenEndpoint: string): OAuthMapping => ({
  authorizationEndpoint: tokenEndpoint.replace(/token$/, 'authorize'),
  tokenEndpoint,
  sentryResource: 'https://sentry.test',
  destinationResource: 'https://outlook.office365.com/',
  clients: [],
})

describe('OpenID metadata (OpenID Connect Discovery 1.0)', () => {
  for (const [api, path] of [
    ['v1', '/proxyservice/oauth2'],
    ['v2', '/proxyservice/oauth2/v2.0'],
  ] as const) {
    test(`T77 ${api}: endpoints are here, issuer and keys there`, () => {
      const idp = { issuer: 'https://i.test/', jwksUri: 'https://i.test/keys' }
      const document = openidConfiguration(mapping('https://login.windows.net/common/oauth2/token'), api, idp)
      assert.equal(document.authorization_endpoint, `https://sentry.test${path}/authorize`)
      assert.equal(document.token_endpoint, `https://sentry.test${path}/token`)
      assert.equal(document.issuer, idp.issuer)
      assert.equal(document.jwks_uri, idp.jwksUri)
    })
  }

  const WINDOWS = 'https://login.windows.net/common'
  const rows = [
    [`${WINDOWS}/oauth2/token`, 'v1', 'https://sts.windows.net/{tenantid}/', `${WINDOWS}/discovery/keys`],
    [
      `${WINDOWS}/oauth2/token`,
      'v2',
      'https://login.microsoftonline.com/{tenantid}/v2.0',
      `${WINDOWS}/discovery/v2.0/keys`,
    ],
    [
      'https://login.microsoftonline.us/t1/oauth2/token',
      'v2',
      'https://login.microsoftonline.us/t1/v2.0',
      'https://login.microsoftonline.us/t1/discovery/v2.0/keys',
    ],
    [
      'https://login.chinacloudapi.cn/t1/oauth2/token',
      'v1',
      'https://sts.chinacloudapi.cn/t1/',
      'https://login.chinacloudapi.cn/t1/discovery/keys',
    ],
    [
      'https://fs.test:8443/adfs/oauth2/token',
      'v1',
      'https://fs.test:8443/adfs',
      'https://fs.test:8443/adfs/discovery/keys',
    ],
  ] as const
  for (const [endpoint, api, issuer, jwksUri] of rows) {
    test(`T77 ${api} of ${endpoint}`, () => {
      assert.deepEqual(idpMetadata(mapping(endpoint), api), { issuer, jwksUri })
    })
  }

  test('T76 instance discovery says exactly invalid_instance', () => {
    const { status, body } = instanceDiscoveryError()
    assert.equal(status, 400)
    assert.equal((JSON.parse(body) as { error: string }).error, 'invalid_instance')
  })
})

describe('T110 national clouds', () => {
  test('the table', () => {
    assert.deepEqual(
      CLOUDS.map((cloud) => [cloud.name, cloud.easHosts[0], cloud.loginHosts[0], cloud.cbaHosts[0]]),
      [
        ['worldwide', 'outlook.office365.com', 'login.microsoftonline.com', 'outlook-cba.office365.com'],
        ['us-gcc-high', 'outlook.office365.us', 'login.microsoftonline.us', 'outlook-cba.office365.us'],
        ['us-dod', 'outlook-dod.office365.us', 'login.microsoftonline.us', 'outlook-dod-cba.office365.us'],
        ['china', 'partner.outlook.cn', 'login.partner.microsoftonline.cn', 'outlook-cba.partner.outlook.cn'],
      ],
    )
  })
  for (const cloud of CLOUDS) {
    test(`${cloud.name} holds together`, () => {
      assert.equal(new URL(cloud.destinationResource).hostname, cloud.easHosts[0])
      assert.equal(new URL(cloud.authorizationEndpoint).hostname, cloud.loginHosts[0])
      assert.equal(new URL(cloud.tokenEndpoint).hostname, cloud.loginHosts[0])
      assert.ok(cloud.cbaHosts.every(isCbaHost))
      assert.ok(!cloud.redirectHosts.some(isCbaHost))
      assert.ok(!cloud.easHosts.some(isCbaHost))
    })
  }
  test('older names of login hosts', () => {
    assert.equal(cloudOfLoginHost('LOGIN.windows.net')?.name, 'worldwide')
    assert.equal(cloudOfLoginHost('login.chinacloudapi.cn')?.name, 'china')
    assert.equal(cloudOfLoginHost('login.windows.net.evil.test'), null)
  })
  test('T37 certificate hosts of any cloud', () => {
    assert.ok(isCbaHost('Outlook-CBA.office365.com'))
    assert.ok(!isCbaHost('cba.office365.com'))
    assert.ok(!isCbaHost('outlook-cba'))
  })
})
