import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseExchangeConfiguration } from '@postern/contract/configurations/exchange'
import { ContractError } from '@postern/contract/problems'
import { type ExchangeInput, renderExchange } from './exchange.ts'

const hash = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest()
const golden = (name: string): string => readFileSync(new URL(`./golden/${name}.plist`, import.meta.url), 'utf8')
const SENTRY = { host: 'sentry.example.test', oauth: true }
const USER = {
  email: 'tu1@example.test',
  userId: 'tu1',
  upn: 'tu1@example.test',
  firstName: 'Test',
  lastName: 'User',
  displayName: 'Test User',
  custom: [],
}
const DEVICE = { id: 'dev-1', uuid: '00008030-001A', serial: 'F17ABC', osVersion: '17.4.1' }
/** What the procedure of the product says to enter, with the user principal name to sign in. */
const SEED = {
  name: 'Company mail',
  sentryProfileId: 'sentry-1',
  userName: '$USER_UPN$',
  useOAuth: true,
  oauthSignInUrl: 'https://sentry.example.test/proxyservice/oauth2/authorize',
  oauthTokenRequestUrl: 'https://sentry.example.test/proxyservice/oauth2/token',
}
const OLD = { name: 'Old mail', serverAddress: 'mail.example.test', domain: 'CORP' }

function input(configuration: object, more: Partial<ExchangeInput> = {}): ExchangeInput {
  const parsed = { id: 'cfg-1', ...parseExchangeConfiguration(configuration) }
  return {
    configuration: parsed,
    sentry: parsed.sentryProfileId === null ? null : SENTRY,
    user: USER,
    device: DEVICE,
    hash,
    ...more,
  }
}
function profileOf(given: ExchangeInput) {
  const result = renderExchange(given)
  return result.kind === 'profile' ? result : assert.fail(JSON.stringify(result))
}

describe('an Exchange profile is not made', () => {
  const refused = [
    // Such a device would sign in at the mail service directly.
    {
      title: 'for iOS 12',
      given: input(SEED, { device: { ...DEVICE, osVersion: '12.5.7' } }),
      reason: 'OS_TOO_OLD_FOR_OAUTH',
    },
    {
      title: 'for a device that told no version',
      given: input(SEED, { device: { ...DEVICE, osVersion: null } }),
      reason: 'OS_VERSION_UNKNOWN',
    },
    {
      title: 'for a version that cannot be read',
      given: input(SEED, { device: { ...DEVICE, osVersion: 'iOS 17' } }),
      reason: 'OS_VERSION_UNKNOWN',
    },
    { title: 'with a Sentry that is gone', given: input(SEED, { sentry: null }), reason: 'SENTRY_DOES_NOT_FIT' },
    {
      title: 'with a Sentry without OAuth',
      given: input(SEED, { sentry: { ...SENTRY, oauth: false } }),
      reason: 'SENTRY_DOES_NOT_FIT',
    },
    {
      title: 'with URLs of another Sentry',
      given: input(SEED, { sentry: { ...SENTRY, host: 'other.example.test' } }),
      reason: 'SENTRY_DOES_NOT_FIT',
    },
    {
      title: 'for what is no address',
      given: input({ ...SEED, emailAddress: '$USERID$' }),
      reason: 'EMAIL_ADDRESS_INVALID',
    },
    {
      title: 'for two addresses',
      given: input(SEED, { user: { ...USER, email: 'a@b@c.example' } }),
      reason: 'EMAIL_ADDRESS_INVALID',
    },
  ]
  for (const { title, given, reason } of refused) {
    test(`${title}: ${reason}`, () => {
      const result = renderExchange(given)
      assert.equal(result.kind, 'not-sendable')
      assert.equal(result.reason, reason)
      assert.ok(result.remedy.length > 10)
    })
  }

  test('for a user of whom something is missing, and all of it is named', () => {
    const given = input({ ...SEED, domain: '$USER_CUSTOM1$' }, { user: { ...USER, email: null, upn: '' } })
    assert.deepEqual(renderExchange(given), {
      kind: 'unresolved',
      variables: ['$USER_UPN$', '$USER_CUSTOM1$', '$EMAIL$'],
    })
  })
  test('for a configuration that nobody checked', () => {
    const given = input(SEED)
    const unchecked = { ...given, configuration: { ...given.configuration, userName: '$PASSWORD$' } }
    assert.throws(() => renderExchange(unchecked), ContractError)
  })
  test('with an id that could be taken for another', () => {
    const given = input(SEED)
    assert.throws(() => renderExchange({ ...given, device: { ...DEVICE, id: 'a.b' } }), { code: 'IDENTIFIER' })
  })
  test('with an identity that is not the one it says', () => {
    const identityPayloads = new Map([['user-cert', { uuid: 'a', payload: { PayloadUUID: 'b' } }]])
    assert.throws(
      () => renderExchange(input({ ...SEED, identityCertificate: 'user-cert' }, { identityPayloads })),
      RangeError,
    )
  })
})

describe('Exchange profile', () => {
  test('of the procedure, byte by byte', () => {
    const { plist, warnings, missingIdentities } = profileOf(input(SEED))
    assert.equal(plist, golden('exchange-seed'))
    assert.deepEqual(warnings, [])
    assert.deepEqual(missingIdentities, [])
  })
  test('with everything left to the Sentry it is the same', () => {
    const empty = {
      ...SEED,
      oauthSignInUrl: null,
      oauthTokenRequestUrl: null,
      serverAddress: 'SENTRY.example.test:443',
    }
    assert.equal(profileOf(input(empty)).plist, golden('exchange-seed'))
  })
  test('without OAuth there is no word of it, and no password', () => {
    const { plist, payload } = profileOf(input(OLD))
    assert.doesNotMatch(plist, /OAuth|Password/)
    assert.match(plist, /<string>CORP\\tu1<\/string>/)
    assert.equal(payload['PayloadDisplayName'], 'Old mail')
  })
  test('facts cannot become markup', () => {
    const { plist } = profileOf(input(OLD, { user: { ...USER, userId: '</string><key>Host</key>&' } }))
    assert.match(plist, /CORP\\&lt;\/string&gt;&lt;key&gt;Host&lt;\/key&gt;&amp;</)
  })
  test('days, services, S/MIME and VPN reach the payload', () => {
    const on = { enabled: true, userMayChange: true }
    const choice = { userMayChange: true, userMayChooseCertificate: false }
    const configuration = {
      ...SEED,
      pastDaysOfMailToSync: 31,
      allowMove: false,
      useOnlyInMail: true,
      syncRecentAddresses: false,
      services: {
        mail: on,
        contacts: on,
        calendars: on,
        reminders: { ...on, userMayChange: false },
        notes: { ...on, enabled: false },
      },
      smime: {
        signing: { enabled: true, certificate: 'sign', ...choice },
        encryption: { byDefault: true, certificate: 'sign', ...choice, perMessageSwitch: true },
      },
      perAppVpnUuid: '7f6a2d1e-0b3c-4d5e-8f90-a1b2c3d4e5f6',
    }
    const given = input(configuration)
    const { plist, warnings, missingIdentities } = profileOf(given)
    const keys = [
      '<key>PreventMove</key> <true/> <key>PreventAppSheet</key> <true/> <key>disableMailRecentsSyncing</key> <true/>',
      '<key>MailNumberOfPastDaysToSync</key> <integer>31</integer> <key>SMIMESigningEnabled</key> <true/>',
      '<key>SMIMESigningCertificateUUID</key> <string>c9b7b5b4-62e0-5c6b-88e5-628502cffad9</string>',
      '<key>SMIMESigningUserOverrideable</key> <true/>',
      '<key>SMIMEEncryptionCertificateUUID</key> <string>c9b7b5b4-62e0-5c6b-88e5-628502cffad9</string>',
      '<key>SMIMEEncryptByDefault</key> <true/> <key>SMIMEEncryptByDefaultUserOverrideable</key> <true/>',
      '<key>SMIMEEnableEncryptionPerMessageSwitch</key> <true/>',
      '<key>EnableNotes</key> <false/> <key>EnableRemindersUserOverridable</key> <false/>',
      '<key>VPNUUID</key> <string>7f6a2d1e-0b3c-4d5e-8f90-a1b2c3d4e5f6</string>',
    ]
    assert.ok(plist.replaceAll(/\s+/g, ' ').includes(keys.join(' ')), plist)
    assert.deepEqual(missingIdentities, ['sign'])
    assert.deepEqual(
      warnings.map(({ path }) => path),
      ['smime.signing.certificate'],
    )

    const early = profileOf({ ...given, device: { ...DEVICE, osVersion: '13.7' } })
    assert.doesNotMatch(early.plist, /VPNUUID/)
    assert.deepEqual(
      early.warnings.map(({ path }) => path),
      ['useOAuth', 'payload.VPNUUID', 'smime.signing.certificate'],
    )
  })
  test('an edited URL is sent as it was written, and warned about', () => {
    const { plist, warnings } = profileOf(input({ ...SEED, oauthSignInUrl: `${SEED.oauthSignInUrl}/` }))
    assert.match(plist, /oauth2\/authorize\/</)
    assert.deepEqual(
      warnings.map(({ path }) => path),
      ['oauthSignInUrl'],
    )
  })
})

describe('identity of the account', () => {
  const withCertificate = { ...SEED, identityCertificate: 'user-cert' }
  // UUIDs made with Python's uuid module.
  test('is foreseen while its payload is missing, and told', () => {
    const { plist, warnings, missingIdentities } = profileOf(input(withCertificate))
    assert.match(plist, /<key>PayloadCertificateUUID<\/key>\s*<string>590dc9ce-c47c-5c1d-a83c-de800d89c035</)
    assert.deepEqual(missingIdentities, ['user-cert'])
    assert.deepEqual(
      warnings.map(({ path }) => path),
      ['identityCertificate'],
    )
  })
  test('is in the same profile, before the account', () => {
    const uuid = '590dc9ce-c47c-5c1d-a83c-de800d89c035'
    const payload = { PayloadType: 'com.apple.security.scep', PayloadUUID: uuid }
    const given = input(withCertificate, { identityPayloads: new Map([['user-cert', { uuid, payload }]]) })
    const { payload: profile, missingIdentities, warnings } = profileOf(given)
    assert.deepEqual(missingIdentities, [])
    assert.deepEqual(warnings, [])
    assert.partialDeepStrictEqual(profile['PayloadContent'], [payload, { PayloadCertificateUUID: uuid }])
  })
})

describe('an update keeps the account', () => {
  const ids = (plist: string): string[] => plist.match(/core\.exchange[^<]*|[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []
  test('whatever is edited, identifiers and UUIDs stay; another device has its own', () => {
    const edit = fc.record({
      name: fc.stringMatching(/^[A-Za-z ]{1,20}$/),
      pastDaysOfMailToSync: fc.constantFrom(0, 1, 3, 7, 14, 31),
      allowMove: fc.boolean(),
    })
    const before = profileOf(input(SEED))
    assert.equal(ids(before.plist).length, 4)
    fc.assert(
      fc.property(edit, (fields) => {
        const given = input({ ...SEED, ...fields })
        assert.deepEqual(ids(profileOf(given).plist), ids(before.plist))
        assert.equal(profileOf(given).plist, profileOf(given).plist)
        const other = ids(profileOf({ ...given, device: { ...DEVICE, id: 'dev-2' } }).plist)
        assert.ok(other.every((id) => !ids(before.plist).includes(id)))
      }),
    )
  })
})
