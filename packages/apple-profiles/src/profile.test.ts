import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'plist'
import { EAS_ACCOUNT_TYPE, type EasAccountInput, renderEasAccount } from './eas-account.ts'
import { parseOsVersion } from './os-version.ts'
import {
  payloadIdentity,
  type PlistDict,
  type PlistValue,
  ProfileError,
  toPayload,
  toPlist,
  toProfile,
} from './profile.ts'

const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest()
const golden = (name: string): string => readFileSync(new URL(`./golden/${name}.plist`, import.meta.url), 'utf8')
const ORIGIN = { kind: 'exchange', configurationId: 'cfg-1', deviceId: 'dev-1', role: null }

describe('identity of a payload', () => {
  for (const id of ['', 'a.b', 'a b', 'a/b', 'é', 'a\n', '<x>', 'x'.repeat(129)]) {
    test(`${JSON.stringify(id.slice(0, 9))} is no id`, () => {
      const refused = { name: 'ProfileError', code: 'IDENTIFIER' }
      assert.throws(() => payloadIdentity({ ...ORIGIN, configurationId: id }, sha1), refused)
      assert.throws(() => payloadIdentity({ ...ORIGIN, deviceId: id }, sha1), refused)
      assert.throws(() => payloadIdentity({ ...ORIGIN, role: id }, sha1), refused)
    })
  }

  // UUIDs made with Python's uuid module.
  const known = [
    { role: null, identifier: 'core.exchange.cfg-1.dev-1', uuid: '2ca1b963-a1dd-51b0-842f-600e59e5632a' },
    { role: 'eas', identifier: 'core.exchange.cfg-1.dev-1.eas', uuid: 'fb0d987f-841b-5182-8951-150edbe36e26' },
  ]
  for (const { role, identifier, uuid } of known) {
    test(`of ${role ?? 'the profile'} stays as it is for ever`, () =>
      assert.deepEqual(payloadIdentity({ ...ORIGIN, role }, sha1), { identifier, uuid }))
  }

  test('another device, configuration, kind or role is another identity', () => {
    const all = [
      ORIGIN,
      { ...ORIGIN, kind: 'other' },
      { ...ORIGIN, configurationId: 'cfg-2' },
      { ...ORIGIN, deviceId: 'dev-2' },
      { ...ORIGIN, role: 'eas' },
    ].map((origin) => payloadIdentity(origin, sha1))
    assert.equal(new Set(all.map(({ uuid }) => uuid)).size, all.length)
    assert.equal(new Set(all.map(({ identifier }) => identifier)).size, all.length)
  })
})

describe('property list', () => {
  const refused: { title: string; value: PlistValue; code: ProfileError['code'] }[] = [
    { title: 'NUL', value: 'a\u0000b', code: 'TEXT' },
    { title: 'half of a surrogate pair', value: '\ud800', code: 'TEXT' },
    { title: 'a non-character', value: ['\uffff'], code: 'TEXT' },
    { title: 'a fraction', value: 1.5, code: 'NUMBER' },
    { title: 'NaN', value: { deep: Number.NaN }, code: 'NUMBER' },
    { title: 'more than 2^53', value: 2 ** 53, code: 'NUMBER' },
  ]
  for (const { title, value, code } of refused) {
    test(`${title} is refused, and the place is named`, () =>
      assert.throws(() => toPlist({ key: value }), { name: 'ProfileError', code, message: /^\/key/ }))
  }
  test('a key that XML cannot carry is refused', () => assert.throws(() => toPlist({ '\u0001': 1 }), { code: 'TEXT' }))

  test('any text comes back as it was, and cannot become markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, key) => {
        const dict: PlistDict = { [`k${key}`]: text, after: true }
        let xml: string
        try {
          xml = toPlist(dict)
        } catch (error) {
          assert.ok(error instanceof ProfileError && error.code === 'TEXT')
          return
        }
        if (!`${key}${text}`.includes('\r')) assert.deepEqual(parse(xml), dict)
      }),
    )
  })
})

describe('profile, byte by byte', () => {
  const iOS = (text: string) => parseOsVersion(text) ?? assert.fail(text)
  const identity = payloadIdentity({ ...ORIGIN, role: 'identity' }, sha1)
  const scep = toPayload('com.apple.security.scep', identity, 'User certificate', {
    PayloadContent: { URL: 'https://core.example.test/scep', 'Key Type': 'RSA', Keysize: 2048 },
  })

  function profile(keys: EasAccountInput, before: readonly PlistDict[], description: string): string {
    const result = renderEasAccount(keys, iOS('18.1'))
    if (result.kind !== 'payload') return assert.fail(result.remedy)
    const eas = payloadIdentity({ ...ORIGIN, role: 'eas' }, sha1)
    const content = [...before, toPayload(EAS_ACCOUNT_TYPE, eas, 'Company mail', result.payload)]
    return toPlist(
      toProfile({ identity: payloadIdentity(ORIGIN, sha1), displayName: 'Company mail', description, content }),
    )
  }

  const OAUTH: EasAccountInput = {
    OAuthTokenRequestURL: 'https://sentry.example.test/proxyservice/oauth2/token',
    OAuthSignInURL: 'https://sentry.example.test/proxyservice/oauth2/authorize',
    OAuth: true,
    UserName: 'tu1@example.test',
    EmailAddress: 'tu1@example.test',
    SSL: true,
    Host: 'sentry.example.test',
    PayloadCertificateUUID: identity.uuid,
  }

  test('an account with OAuth and an identity', () => {
    assert.equal(profile({ ...OAUTH, EnableMail: true, PreventMove: false }, [scep], ''), golden('exchange-oauth'))
  })

  test('every key that may be sent, each with what is not its default', () => {
    const keys: EasAccountInput = {
      ...OAUTH,
      PreventMove: true,
      PreventAppSheet: true,
      disableMailRecentsSyncing: true,
      MailNumberOfPastDaysToSync: 0,
      allowMailDrop: true,
      CommunicationServiceRules: { DefaultServiceHandlers: { AudioCall: 'com.example.calls' } },
      SMIMESigningEnabled: true,
      SMIMESigningCertificateUUID: identity.uuid,
      SMIMESigningUserOverrideable: true,
      SMIMESigningCertificateUUIDUserOverrideable: true,
      SMIMEEncryptionCertificateUUID: identity.uuid,
      SMIMEEncryptByDefault: true,
      SMIMEEncryptByDefaultUserOverrideable: true,
      SMIMEEncryptionCertificateUUIDUserOverrideable: true,
      SMIMEEnableEncryptionPerMessageSwitch: true,
      EnableMail: true,
      EnableContacts: false,
      EnableCalendars: false,
      EnableReminders: false,
      EnableNotes: false,
      EnableMailUserOverridable: false,
      EnableContactsUserOverridable: false,
      EnableCalendarsUserOverridable: false,
      EnableRemindersUserOverridable: false,
      EnableNotesUserOverridable: false,
      VPNUUID: '7f6a2d1e-0b3c-4d5e-8f90-a1b2c3d4e5f6',
    }
    assert.equal(profile(keys, [scep], 'Mail & calendar <work>'), golden('exchange-all-keys'))
  })
})
