import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import {
  type EmailPlusPair,
  emailPlusTemplate,
  parseEmailPlusConfiguration,
} from '@postern/contract/configurations/email-plus'
import { ContractError } from '@postern/contract/problems'
import { type EmailPlusInput, renderEmailPlus } from './email-plus.ts'

const golden = (): object =>
  JSON.parse(readFileSync(new URL('./golden/email-plus-seed.json', import.meta.url), 'utf8')) as object
const SENTRY = { host: 'sentry.example.test', oauth: true }
const USER = {
  email: 'tu1@example.test',
  userId: 'tu1',
  upn: null,
  firstName: null,
  lastName: null,
  displayName: null,
  custom: [],
}
const DEVICE = { id: 'dev-1', uuid: '0A1B2C3D-0000-4000-8000-00000000000F', serial: null, osVersion: null }
const CERTIFICATE = 'tu1_<CertificateName>_Mi4man22.pfx'
const TEMPLATE = emailPlusTemplate(SENTRY.host, CERTIFICATE)

function input(pairs: readonly EmailPlusPair[], more: Partial<EmailPlusInput> = {}): EmailPlusInput {
  const configuration = parseEmailPlusConfiguration({
    name: 'Email+',
    sentryProfileId: 's',
    channel: 'clientCheckIn',
    pairs,
  })
  return { configuration, sentry: SENTRY, user: USER, device: DEVICE, ...more }
}

describe('Email+ settings are not made', () => {
  for (const [title, sentry] of [
    ['with a Sentry that is gone', null],
    ['with a Sentry without OAuth', { ...SENTRY, oauth: false }],
    ['with hosts of another Sentry', { ...SENTRY, host: 'other.example.test' }],
  ] as const) {
    test(title, () => {
      const result = renderEmailPlus(input(TEMPLATE, { sentry }))
      assert.equal(result.kind, 'not-sendable')
      assert.equal(result.reason, 'SENTRY_DOES_NOT_FIT')
    })
  }
  test('for a user and a device of which something is missing', () => {
    const given = input(TEMPLATE, { user: { ...USER, userId: null }, device: { ...DEVICE, uuid: null } })
    assert.deepEqual(renderEmailPlus(given), { kind: 'unresolved', variables: ['$DEVICE_UUID_NO_DASHES$', '$USERID$'] })
  })
  test('for a configuration that nobody checked', () => {
    const given = input(TEMPLATE)
    const pairs: EmailPlusPair[] = [{ key: 'a', type: 'string', value: '$NOBODY$' }]
    assert.throws(() => renderEmailPlus({ ...given, configuration: { ...given.configuration, pairs } }), ContractError)
  })
})

describe('Email+ settings', () => {
  test('the five pairs of the procedure, as they stand there', () => {
    const result = renderEmailPlus(input(TEMPLATE.slice(0, 5)))
    assert.equal(result.kind, 'settings')
    const { managedAppConfiguration, android, certificates } = result
    assert.deepEqual({ managedAppConfiguration, android }, golden())
    assert.deepEqual(
      Object.keys(managedAppConfiguration),
      TEMPLATE.slice(0, 5).map(({ key }) => key),
    )
    assert.deepEqual(certificates, [CERTIFICATE])
  })
  test('account and device are filled in; types stay', () => {
    const free: EmailPlusPair[] = [
      { key: 'prompt_email_password', type: 'boolean', value: false },
      { key: 'max_size', type: 'integer', value: 25 },
      { key: 'signature', type: 'string', value: 'Costs $$5, $EMAIL_LOCAL$' },
    ]
    const result = renderEmailPlus(input([...TEMPLATE.slice(5), ...free]))
    assert.equal(result.kind, 'settings')
    assert.deepEqual(result.managedAppConfiguration, {
      email_address: 'tu1@example.test',
      email_device_id: '0A1B2C3D00004000800000000000000F',
      email_exchange_username: 'tu1',
      prompt_email_password: false,
      max_size: 25,
      signature: 'Costs $5, tu1',
    })
    assert.deepEqual(
      result.android.restrictions.map(({ type }) => type),
      ['string', 'string', 'string', 'bool', 'integer', 'string'],
    )
    assert.deepEqual(
      result.warnings.map(({ path }) => path),
      ['pairs'],
    )
  })
})
