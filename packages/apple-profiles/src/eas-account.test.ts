import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EAS_ACCOUNT_KEYS, type EasAccountInput, type EasKeyRow, renderEasAccount } from './eas-account.ts'
import { parseOsVersion } from './os-version.ts'

const PLAIN: EasAccountInput = { Host: 'sentry.example.test', SSL: true }
const OAUTH: EasAccountInput = {
  ...PLAIN,
  OAuth: true,
  OAuthSignInURL: 'https://sentry.example.test/proxyservice/oauth2/authorize',
  OAuthTokenRequestURL: 'https://sentry.example.test/proxyservice/oauth2/token',
}
const rendered = (input: EasAccountInput, version: string | null) =>
  renderEasAccount(input, version === null ? null : (parseOsVersion(version) ?? assert.fail(version)))

describe('com.apple.eas.account is not made', () => {
  const NO_SERVICE: EasAccountInput = {
    EnableMail: false,
    EnableContacts: false,
    EnableCalendars: false,
    EnableReminders: false,
    EnableNotes: false,
  }
  const refused = [
    // These know OAuth but not the URLs: such a profile would lead past the Sentry.
    { title: 'for iOS 12.0 with OAuth', input: OAUTH, version: '12.0', reason: 'OS_TOO_OLD_FOR_OAUTH' },
    { title: 'for iOS 12.5.7 with OAuth', input: OAUTH, version: '12.5.7', reason: 'OS_TOO_OLD_FOR_OAUTH' },
    { title: 'for iOS 9 with OAuth', input: OAUTH, version: '9.3.6', reason: 'OS_TOO_OLD_FOR_OAUTH' },
    { title: 'with OAuth for a version not known', input: OAUTH, version: null, reason: 'OS_VERSION_UNKNOWN' },
    { title: 'with OAuth alone', input: { ...PLAIN, OAuth: true }, version: '18.1', reason: 'OAUTH_INCOMPLETE' },
    {
      title: 'without sign-in URL',
      input: { ...OAUTH, OAuthSignInURL: '' },
      version: '18.1',
      reason: 'OAUTH_INCOMPLETE',
    },
    {
      title: 'without token URL',
      input: { ...OAUTH, OAuthTokenRequestURL: ' ' },
      version: '18.1',
      reason: 'OAUTH_INCOMPLETE',
    },
    { title: 'without host', input: { ...OAUTH, Host: '' }, version: '18.1', reason: 'HOST_MISSING' },
    { title: 'without any service', input: { ...PLAIN, ...NO_SERVICE }, version: '18.1', reason: 'NO_SERVICE_ENABLED' },
  ] as const
  for (const { title, input, version, reason } of refused) {
    test(`${title}: ${reason}`, () => {
      const result = rendered(input, version)
      assert.equal(result.kind, 'not-sendable')
      assert.equal(result.reason, reason)
      assert.ok(result.remedy.length > 10)
    })
  }

  test('whatever else is asked: no device gets OAuth without both URLs', () => {
    const version = fc.option(fc.constantFrom('4.0', '11.4', '12.0', '12.5.7', '13.0', '14.6', '18.1'), { nil: null })
    const keys = fc.record(
      {
        OAuth: fc.boolean(),
        OAuthSignInURL: fc.constantFrom('', 'https://s/a'),
        OAuthTokenRequestURL: fc.constantFrom('', 'https://s/t'),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(keys, version, (input, text) => {
        const result = rendered({ ...PLAIN, ...input }, text)
        if (result.kind !== 'payload' || result.payload['OAuth'] !== true) return
        assert.ok(result.payload['OAuthSignInURL'] && result.payload['OAuthTokenRequestURL'], `iOS ${text ?? '?'}`)
      }),
    )
  })
})

describe('keys of com.apple.eas.account', () => {
  test('all 43 are in the table', () => assert.equal(Object.keys(EAS_ACCOUNT_KEYS).length, 43))

  test('secrets and obsolete keys are never rendered, even against the types', () => {
    const rows: [string, EasKeyRow][] = Object.entries(EAS_ACCOUNT_KEYS)
    const never = rows.filter(([, row]) => row.secret === true || row.obsoleteFrom !== undefined).map(([key]) => key)
    assert.equal(never.length, 9)
    const smuggled = Object.fromEntries(never.map((key) => [key, 'x']))
    const result = rendered({ ...PLAIN, ...smuggled }, '18.1')
    assert.deepEqual(result, { kind: 'payload', payload: PLAIN, dropped: [] })
  })

  const gates = [
    { key: 'MailNumberOfPastDaysToSync', value: 31, before: null, since: '4.0' },
    { key: 'PreventMove', value: true, before: '4.3.5', since: '5.0' },
    { key: 'allowMailDrop', value: true, before: '9.1', since: '9.2' },
    { key: 'SMIMESigningEnabled', value: true, before: '10.2.1', since: '10.3' },
    { key: 'SMIMEEncryptByDefault', value: true, before: '11.4.1', since: '12.0' },
    { key: 'EnableNotes', value: false, before: '12.5.7', since: '13.0' },
    { key: 'EnableNotesUserOverridable', value: false, before: '12.5.7', since: '13.0' },
    { key: 'VPNUUID', value: '7f6a2d1e-0b3c-4d5e-8f90-a1b2c3d4e5f6', before: '13.7', since: '14.0' },
  ] as const
  for (const { key, value, before, since } of gates) {
    test(`${key} is for iOS ${since} and later`, () => {
      const input = { ...PLAIN, [key]: value }
      if (before !== null) {
        assert.deepEqual(rendered(input, before), { kind: 'payload', payload: PLAIN, dropped: [{ key, since }] })
      }
      assert.deepEqual(rendered(input, since), { kind: 'payload', payload: input, dropped: [] })
      assert.deepEqual(rendered(input, null), { kind: 'payload', payload: input, dropped: [] })
    })
  }

  test('what iOS does anyway is not said, so it is not dropped either', () => {
    const input = { ...PLAIN, EnableMail: true, EnableMailUserOverridable: true, MailNumberOfPastDaysToSync: 7 }
    assert.deepEqual(rendered(input, '12.0'), { kind: 'payload', payload: PLAIN, dropped: [] })
  })

  test('OAuth is sent from iOS 13.0', () => {
    assert.deepEqual(rendered(OAUTH, '13.0'), { kind: 'payload', payload: OAUTH, dropped: [] })
  })
})
