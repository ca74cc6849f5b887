import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ContractError, type Problem } from '../problems.ts'
import {
  EXCHANGE_DEFAULTS,
  ExchangeConfiguration,
  exchangeAddresses,
  exchangeProblems,
  exchangeWarnings,
  parseExchangeConfiguration,
  sentryUrls,
} from './exchange-configuration.ts'

const SENTRY = { host: 'sentry.example.com', oauth: true }
/** What the procedure of the product says to enter. */
const SEED = {
  name: 'Company mail',
  sentryProfileId: 'sentry-1',
  serverAddress: 'sentry.example.com',
  useOAuth: true,
  oauthSignInUrl: 'https://sentry.example.com/proxyservice/oauth2/authorize',
  oauthTokenRequestUrl: 'https://sentry.example.com/proxyservice/oauth2/token',
}
const FOLLOWS = { name: 'Company mail', sentryProfileId: 'sentry-1', useOAuth: true }
const TYPED = { name: 'Old mail', serverAddress: 'mail.example.com' }

function problemsOf(input: unknown): readonly Problem[] {
  try {
    parseExchangeConfiguration(input)
  } catch (error) {
    if (error instanceof ContractError) return error.problems
    throw error
  }
  return []
}
const OFF = { enabled: false, userMayChange: true }
const SMIME = {
  signing: { enabled: false, certificate: null, userMayChange: false, userMayChooseCertificate: false },
  encryption: {
    byDefault: false,
    certificate: null,
    userMayChange: false,
    userMayChooseCertificate: false,
    perMessageSwitch: false,
  },
}

describe('Exchange configuration is refused', () => {
  const cases: { title: string; input: unknown; path: string; message: RegExp }[] = [
    { title: 'when it is no object', input: 'x', path: '', message: /object/ },
    { title: 'without a name', input: { serverAddress: 'mail.example.com' }, path: '', message: /"name"; add it/ },
    { title: 'with an empty name', input: { ...TYPED, name: '' }, path: 'name', message: /fewer than 1|at least 1/ },
    { title: 'with a line break in the name', input: { ...TYPED, name: 'a\nb' }, path: 'name', message: /must match/ },
    { title: 'with half a character', input: { ...TYPED, name: '\ud800' }, path: 'name', message: /must match/ },
    { title: 'with an unknown field', input: { ...TYPED, ssl: true }, path: '', message: /no field "ssl"/ },
    {
      title: 'with a password',
      input: { ...TYPED, password: 'x' },
      path: 'password',
      message: /no password is stored/,
    },
    {
      title: 'with a password and OAuth',
      input: { ...SEED, password: '' },
      path: 'password',
      message: /with OAuth there is none/,
    },
    {
      title: 'with $PASSWORD$',
      input: { ...TYPED, userName: '$PASSWORD$' },
      path: 'userName',
      message: /no password is stored/,
    },
    { title: 'without SSL', input: { ...TYPED, useSsl: false }, path: 'useSsl', message: /must be true/ },
    { title: 'without any address', input: { name: 'x' }, path: 'serverAddress', message: /give one of the two/ },
    {
      title: 'with 5 past days',
      input: { ...TYPED, pastDaysOfMailToSync: 5 },
      path: 'pastDaysOfMailToSync',
      message: /one of 0, 1, 3, 7, 14, 31/,
    },
    {
      title: 'with a VPN that is no UUID',
      input: { ...TYPED, perAppVpnUuid: 'vpn' },
      path: 'perAppVpnUuid',
      message: /must match/,
    },
    {
      title: 'with a misspelt variable',
      input: { ...TYPED, domain: '$DOMIAN$' },
      path: 'domain',
      message: /unknown variable \$DOMIAN\$/,
    },
    {
      title: 'with an address that is none',
      input: { ...TYPED, emailAddress: 'boss' },
      path: 'emailAddress',
      message: /write \$EMAIL\$/,
    },
    {
      title: 'with nothing enabled',
      input: { ...TYPED, services: { mail: OFF, contacts: OFF, calendars: OFF, reminders: OFF, notes: OFF } },
      path: 'services',
      message: /enable at least one/,
    },
    {
      title: 'with only some services said',
      input: { ...TYPED, services: { mail: OFF } },
      path: 'services',
      message: /lacks/,
    },
    {
      title: 'signing without a certificate',
      input: { ...TYPED, smime: { ...SMIME, signing: { ...SMIME.signing, enabled: true } } },
      path: 'smime.signing.certificate',
      message: /name a certificate enrollment setting/,
    },
    {
      title: 'encrypting without a certificate',
      input: { ...TYPED, smime: { ...SMIME, encryption: { ...SMIME.encryption, byDefault: true } } },
      path: 'smime.encryption.certificate',
      message: /name a certificate enrollment setting/,
    },
    {
      title: 'with OAuth and no Sentry',
      input: { ...SEED, sentryProfileId: null },
      path: 'sentryProfileId',
      message: /must name a Standalone Sentry/,
    },
  ]
  for (const url of [
    'http://sentry.example.com/proxyservice/oauth2/authorize',
    'https://user@sentry.example.com/proxyservice/oauth2/authorize',
    'https://sentry.example.com/proxyservice/oauth2/authorize?resource=x',
    'https://sentry.example.com/proxyservice/oauth2/authorize#',
    'sentry.example.com/proxyservice/oauth2/authorize',
  ]) {
    cases.push({
      title: `with sign-in at ${url}`,
      input: { ...SEED, oauthSignInUrl: url },
      path: 'oauthSignInUrl',
      message: /must be an https URL/,
    })
  }
  for (const url of [
    'https://login.windows.net/common/oauth2/token',
    'https://sentry.example.com:8443/proxyservice/oauth2/token',
    'https://sentry.example.com.evil.test/proxyservice/oauth2/token',
  ]) {
    cases.push({
      title: `with tokens from ${url}`,
      input: { ...SEED, oauthTokenRequestUrl: url },
      path: 'oauthTokenRequestUrl',
      message: /must have the host of the server address/,
    })
  }
  for (const address of [
    'sentry',
    'https://sentry.example.com',
    'sentry.example.com/',
    '192.0.2.1',
    '[2001:db8::1]',
    'a..b',
    '-a.example',
    'a.example.com.',
    'sentry.example.com:0',
    'sentry.example.com:70000',
    'a b.example',
    '$USERID$.example.com',
    'é.example',
  ]) {
    cases.push({
      title: `with server ${address}`,
      input: { ...TYPED, serverAddress: address },
      path: 'serverAddress',
      message: /no full host name/,
    })
  }
  for (const { title, input, path, message } of cases) {
    test(title, () => {
      const problems = problemsOf(input)
      const found = problems.filter((problem) => problem.path === path)
      assert.ok(
        found.some((problem) => message.test(problem.message)),
        JSON.stringify(problems),
      )
    })
  }

  test('every problem is told at once', () => {
    const input = { ...SEED, userName: '$X$', pastDaysOfMailToSync: 2, oauthSignInUrl: 'http://a', password: 'p' }
    const paths = problemsOf(input).map(({ path }) => path)
    for (const path of ['userName', 'pastDaysOfMailToSync', 'password']) assert.ok(paths.includes(path), path)
  })
})

describe('Exchange configuration', () => {
  test('only a name and an address are needed', () =>
    assert.deepEqual(parseExchangeConfiguration(TYPED), { ...EXCHANGE_DEFAULTS, ...TYPED }))

  test('the values of the procedure are taken as they are', () =>
    assert.deepEqual(parseExchangeConfiguration(SEED), { ...EXCHANGE_DEFAULTS, ...SEED }))

  test('what was parsed parses again to the same', () => {
    const once = parseExchangeConfiguration({ ...SEED, smime: SMIME, domain: 'CORP', pastDaysOfMailToSync: 0 })
    assert.deepEqual(parseExchangeConfiguration(once), once)
  })

  test('every field has a label and a sentence that helps', () => {
    for (const [name, schema] of Object.entries<object>(ExchangeConfiguration.properties)) {
      assert.ok('title' in schema && typeof schema.title === 'string' && schema.title.length > 3, name)
      assert.ok(
        'description' in schema && typeof schema.description === 'string' && schema.description.endsWith('.'),
        name,
      )
    }
    const { useOAuth, oauthSignInUrl, oauthTokenRequestUrl } = ExchangeConfiguration.properties
    assert.partialDeepStrictEqual(useOAuth, { title: 'Use OAuth for Authentication' })
    assert.partialDeepStrictEqual(oauthSignInUrl, { title: 'OAuth Sign In URL' })
    assert.partialDeepStrictEqual(oauthTokenRequestUrl, { title: 'OAuth Token Request URL' })
  })
})

describe('Exchange configuration beside its Sentry', () => {
  const refused = [
    {
      title: 'a Sentry that is gone',
      input: FOLLOWS,
      sentry: null,
      path: 'sentryProfileId',
      message: /choose one that exists/,
    },
    {
      title: 'a Sentry without OAuth',
      input: FOLLOWS,
      sentry: { ...SENTRY, oauth: false },
      path: 'sentryProfileId',
      message: /set Enable Pass Through with OAuth/,
    },
    {
      title: 'another server',
      input: { ...FOLLOWS, serverAddress: 'other.example.com' },
      sentry: SENTRY,
      path: 'serverAddress',
      message: /must be that of the chosen Sentry/,
    },
    {
      title: 'sign-in elsewhere',
      input: { ...FOLLOWS, oauthSignInUrl: 'https://login.windows.net/common/oauth2/authorize' },
      sentry: SENTRY,
      path: 'oauthSignInUrl',
      message: /must have the host/,
    },
  ]
  for (const { title, input, sentry, path, message } of refused) {
    test(`${title} is an error`, () => {
      const problems = exchangeProblems(parseExchangeConfiguration(input), sentry)
      assert.equal(problems.length, 1)
      assert.equal(problems[0]?.path, path)
      assert.match(problems[0].message, message)
    })
  }

  const warned = [
    {
      title: 'an edited path',
      input: { ...SEED, oauthSignInUrl: `${SEED.oauthSignInUrl}/` },
      sentry: SENTRY,
      path: 'oauthSignInUrl',
      message:
        /^edited: differs from what the chosen Sentry serves, https:\/\/sentry\.example\.com\/proxyservice\/oauth2\/authorize/,
    },
    {
      title: 'the path of the other version',
      input: { ...SEED, oauthTokenRequestUrl: 'https://sentry.example.com/proxyservice/oauth2/v2.0/token' },
      sentry: SENTRY,
      path: 'oauthTokenRequestUrl',
      message: /^edited/,
    },
    {
      title: 'a URL without OAuth',
      input: { ...TYPED, oauthSignInUrl: 'https://mail.example.com/x' },
      sentry: null,
      path: 'oauthSignInUrl',
      message: /is not sent while/,
    },
    {
      title: 'another server without OAuth',
      input: { ...TYPED, sentryProfileId: 'sentry-1' },
      sentry: SENTRY,
      path: 'serverAddress',
      message: /mail goes past it/,
    },
    {
      title: 'a port',
      input: FOLLOWS,
      sentry: { host: 'sentry.example.com:8443', oauth: true },
      path: 'serverAddress',
      message: /has a port/,
    },
  ]
  for (const { title, input, sentry, path, message } of warned) {
    test(`${title} is a warning`, () => {
      const configuration = parseExchangeConfiguration(input)
      assert.deepEqual(exchangeProblems(configuration, sentry), [])
      const warnings = exchangeWarnings(configuration, sentry)
      assert.equal(warnings.length, 1)
      assert.equal(warnings[0]?.path, path)
      assert.match(warnings[0].message, message)
    })
  }

  const UPPER = {
    ...SEED,
    serverAddress: 'SENTRY.example.com',
    oauthSignInUrl: 'https://Sentry.Example.com:443/proxyservice/oauth2/authorize',
  }
  for (const [title, input] of [
    ['as entered', SEED],
    ['left empty', FOLLOWS],
    ['in capitals and with the port of https', UPPER],
  ] as const) {
    test(`the procedure's values ${title}: no error, no warning`, () => {
      const configuration = parseExchangeConfiguration(input)
      assert.deepEqual(exchangeProblems(configuration, SENTRY), [])
      assert.deepEqual(exchangeWarnings(configuration, SENTRY), [])
    })
  }

  test('empty fields are filled from the Sentry', () => {
    assert.deepEqual(exchangeAddresses(parseExchangeConfiguration(FOLLOWS), SENTRY), {
      serverAddress: 'sentry.example.com',
      oauth: { signInUrl: SEED.oauthSignInUrl, tokenRequestUrl: SEED.oauthTokenRequestUrl },
    })
    assert.deepEqual(exchangeAddresses(parseExchangeConfiguration(TYPED), null), {
      serverAddress: 'mail.example.com',
      oauth: null,
    })
    assert.equal(exchangeAddresses(parseExchangeConfiguration({ ...FOLLOWS, useOAuth: false }), null), null)
  })

  test('a Sentry serves four URLs, with its port where it has one', () => {
    const base = 'https://sentry.example.com:8443'
    assert.deepEqual(sentryUrls('Sentry.example.com:8443'), {
      signIn: `${base}/proxyservice/oauth2/authorize`,
      tokenRequest: `${base}/proxyservice/oauth2/token`,
      authority: `${base}/proxyservice`,
      resource: base,
    })
  })
})
