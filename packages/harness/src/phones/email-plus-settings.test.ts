import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readEmailPlusPairs } from './email-plus-settings.ts'

const PAIRS = {
  eas_min_allowed_auth_mode: 'modern_auth',
  modern_auth_authority_url: 'https://sentry.example.com/proxyservice',
  modern_auth_resource_url: 'https://sentry.example.com',
  email_login_certificate: 'ann.pfx',
  email_exchange_host: 'sentry.example.com',
}

describe('key-value pairs of Email+', () => {
  const rejects = [
    { key: 'eas_min_allowed_auth_mode', value: 'basic' },
    { key: 'modern_auth_authority_url', value: 'http://sentry.example.com/proxyservice' },
    { key: 'modern_auth_authority_url', value: 'https://sentry.example.com/' },
    { key: 'modern_auth_authority_url', value: 'https://sentry.example.com/proxyservice?x=1' },
    { key: 'modern_auth_authority_url', value: 'proxyservice' },
    { key: 'modern_auth_resource_url', value: '' },
    { key: 'email_login_certificate', value: '' },
    { key: 'email_exchange_host', value: '' },
  ]
  for (const { key, value } of rejects)
    test(`refuses ${key} ${JSON.stringify(value)}`, () =>
      assert.throws(() => readEmailPlusPairs({ ...PAIRS, [key]: value }), { name: 'EmailPlusSettingsError', key }))

  test('a slash at the end of the authority is cut before the paths are appended', () => {
    const settings = readEmailPlusPairs({
      ...PAIRS,
      modern_auth_authority_url: 'https://sentry.example.com/proxyservice/',
    })
    assert.equal(settings.authorizeUrl.href, 'https://sentry.example.com/proxyservice/oauth2/authorize')
    assert.equal(settings.tokenUrl.href, 'https://sentry.example.com/proxyservice/oauth2/token')
    assert.equal(settings.resource, 'https://sentry.example.com')
  })
})
