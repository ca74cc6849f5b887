import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ContractError, type Problem } from '../problems.ts'
import {
  EMAIL_PLUS_DEFAULTS,
  EMAIL_PLUS_KEYS,
  type EmailPlusPair,
  emailPlusProblems,
  emailPlusTemplate,
  emailPlusWarnings,
  forcesResync,
  parseEmailPlusConfiguration,
  RESYNC_KEYS,
} from './email-plus-configuration.ts'

const SENTRY = { host: 'sentry.example.com', oauth: true }
const string = (key: string, value: string) => ({ key, type: 'string', value }) as const
/** The five pairs of the procedure, typed as they stand there. */
const SEED: readonly EmailPlusPair[] = [
  string('eas_min_allowed_auth_mode', 'modern_auth'),
  string('modern_auth_authority_url', 'https://sentry.example.com/proxyservice'),
  string('modern_auth_resource_url', 'https://sentry.example.com'),
  { key: 'email_login_certificate', type: 'certificateRef', value: 'tu1_<CertificateName>_Mi4man22.pfx' },
  string('email_exchange_host', 'sentry.example.com'),
]
const BASE = { name: 'Email+', sentryProfileId: 'sentry-1', channel: 'clientCheckIn', pairs: SEED }
/** The seed with one pair replaced; null takes it out. */
const seedWith = (key: string, pair: unknown) => ({
  ...BASE,
  pairs: SEED.flatMap((old) => (old.key !== key ? [old] : pair === null ? [] : [pair])),
})
const plus = (pair: unknown, more: object = {}) => ({ ...BASE, ...more, pairs: [...SEED, pair] })

function problemsOf(input: unknown): readonly Problem[] {
  try {
    parseEmailPlusConfiguration(input)
  } catch (error) {
    if (error instanceof ContractError) return error.problems
    throw error
  }
  return []
}

describe('Email+ configuration is refused', () => {
  const authority = 'modern_auth_authority_url'
  const resource = 'modern_auth_resource_url'
  const host = 'email_exchange_host'
  const cases: { title: string; input: unknown; path: string; message: RegExp }[] = [
    { title: 'without pairs', input: { ...BASE, pairs: [] }, path: 'pairs', message: /fewer than 1|at least 1/ },
    { title: 'with an unknown field', input: { ...BASE, kvps: [] }, path: '', message: /no field "kvps"/ },
    {
      title: 'with an unknown channel',
      input: { ...BASE, channel: 'mail' },
      path: 'channel',
      message: /must be one of/,
    },
    {
      title: 'with a key of other characters',
      input: plus(string('__proto__', 'x')),
      path: 'pairs[5].key',
      message: /must match/,
    },
    {
      title: 'with an unknown type',
      input: plus({ key: 'a', type: 'bool', value: true }),
      path: 'pairs[5].type',
      message: /must be one of/,
    },
    {
      title: 'with no value',
      input: plus({ key: 'a', type: 'string', value: null }),
      path: 'pairs[5].value',
      message: /must be string/,
    },
    {
      title: 'with a fraction',
      input: plus({ key: 'a', type: 'integer', value: 1.5 }),
      path: 'pairs[5].value',
      message: /integer/,
    },
    {
      title: 'with text for a boolean',
      input: plus({ key: 'a', type: 'boolean', value: 'true' }),
      path: 'pairs[5].value',
      message: /must be of type boolean/,
    },
    {
      title: 'with a boolean for text',
      input: plus({ key: 'a', type: 'string', value: true }),
      path: 'pairs[5].value',
      message: /must be of type string/,
    },
    {
      title: 'with no name of a certificate',
      input: plus({ key: 'a', type: 'certificateRef', value: '' }),
      path: 'pairs[5].value',
      message: /must name a certificate/,
    },
    {
      title: 'with a misspelt variable',
      input: plus(string('a', '$EMIAL$')),
      path: 'pairs[5].value',
      message: /unknown variable/,
    },
    {
      title: 'with $PASSWORD$',
      input: plus(string('a', '$PASSWORD$')),
      path: 'pairs[5].value',
      message: /no password is stored/,
    },
    {
      title: 'with a key twice',
      input: plus(string(host, 'sentry.example.com')),
      path: 'pairs[5].key',
      message: /repeats email_exchange_host/,
    },
    {
      title: 'with a key twice, in other case',
      input: { ...BASE, pairs: [...SEED, string('a', ''), string('A', '')] },
      path: 'pairs[6].key',
      message: /repeats A/,
    },
    {
      title: 'with a known key in other case',
      input: plus(string('Email_Password', '')),
      path: 'pairs[5].key',
      message: /must be written email_password/,
    },
    {
      title: 'with a list of semicolons',
      input: plus(string('enabled_features', 'a;b')),
      path: 'pairs[5].value',
      message: /with commas/,
    },
    {
      title: 'with a password',
      input: plus(string('email_password', 'x')),
      path: 'pairs[5].value',
      message: /must be blank/,
    },
    {
      title: 'trusting all certificates',
      input: plus({ key: 'email_trust_all_certificates', type: 'boolean', value: true }),
      path: 'pairs[5].value',
      message: /must not be true/,
    },
    {
      title: 'trusting all certificates, as text',
      input: plus(string('email_trust_all_certificates', ' TRUE')),
      path: 'pairs[5].value',
      message: /must not be true/,
    },
    {
      title: 'trusting all certificates, as a number',
      input: plus({ key: 'email_trust_all_certificates', type: 'integer', value: 1 }),
      path: 'pairs[5].value',
      message: /must not be true/,
    },
    {
      title: 'with a device id of another kind',
      input: plus(string('email_device_id', '$DEVICE_UUID$')),
      path: 'pairs[5].value',
      message: /must be \$DEVICE_UUID_NO_DASHES\$/,
    },
    {
      title: 'with a certificate as text',
      input: seedWith('email_login_certificate', string('email_login_certificate', 'x')),
      path: 'pairs[3].type',
      message: /must be certificateRef/,
    },
    {
      title: 'modern_auth without authority',
      input: seedWith(authority, null),
      path: 'pairs',
      message: /lacks modern_auth_authority_url/,
    },
    {
      title: 'modern_auth without resource',
      input: seedWith(resource, null),
      path: 'pairs',
      message: /lacks modern_auth_resource_url/,
    },
    {
      title: 'modern_auth without host',
      input: seedWith(host, null),
      path: 'pairs',
      message: /lacks email_exchange_host/,
    },
    {
      title: 'modern_auth without a Sentry',
      input: { ...BASE, sentryProfileId: null },
      path: 'sentryProfileId',
      message: /must name a Standalone Sentry/,
    },
    {
      title: 'modern_auth in capitals',
      input: seedWith('eas_min_allowed_auth_mode', string('eas_min_allowed_auth_mode', 'Modern_Auth')),
      path: 'pairs[0].value',
      message: /must be spelt modern_auth/,
    },
    {
      title: 'another host in the authority',
      input: seedWith(authority, string(authority, 'https://other.example.com/proxyservice')),
      path: 'pairs[2].value',
      message: /all must name the Sentry/,
    },
    {
      title: 'another host in the resource',
      input: seedWith(resource, string(resource, 'https://outlook.office365.com')),
      path: 'pairs[2].value',
      message: /outlook\.office365\.com but modern_auth_authority_url names sentry/,
    },
    {
      title: 'another port in the host',
      input: seedWith(host, string(host, 'sentry.example.com:8443')),
      path: 'pairs[4].value',
      message: /all must name the Sentry/,
    },
    {
      title: 'a host with a scheme',
      input: seedWith(host, string(host, 'https://sentry.example.com')),
      path: 'pairs[4].value',
      message: /no full host name/,
    },
  ]
  for (const url of [
    'http://sentry.example.com/proxyservice',
    'https://sentry.example.com/proxyservice/',
    'https://sentry.example.com/proxyservice/oauth2',
    'https://sentry.example.com/ProxyService',
    'https://sentry.example.com/proxyservice?x',
    'https://a@sentry.example.com/proxyservice',
    'https://sentry.example.com',
    'proxyservice',
  ]) {
    cases.push({
      title: `authority ${url}`,
      input: seedWith(authority, string(authority, url)),
      path: 'pairs[1].value',
      message: /exactly of the form .*\/proxyservice$/,
    })
  }
  for (const url of ['http://sentry.example.com', 'https://sentry.example.com/x', 'sentry.example.com']) {
    cases.push({
      title: `resource ${url}`,
      input: seedWith(resource, string(resource, url)),
      path: 'pairs[2].value',
      message: /exactly of the form https:\/\/sentry\.example\.com$/,
    })
  }
  const insecure = /would lie unencrypted on the device/
  cases.push(
    {
      title: 'a certificate in managed app configuration',
      input: { ...BASE, channel: 'managedAppConfiguration' },
      path: 'pairs[3].value',
      message: insecure,
    },
    {
      title: 'a certificate when nothing is said of delivery',
      input: { ...BASE, channel: undefined },
      path: 'pairs[3].value',
      message: insecure,
    },
    {
      title: 'a certificate of a free key',
      input: plus({ key: 'smime', type: 'certificateRef', value: 'x' }, { channel: 'managedAppConfiguration' }),
      path: 'pairs[5].value',
      message: insecure,
    },
  )
  for (const { title, input, path, message } of cases) {
    test(title, () => {
      const problems = problemsOf(JSON.parse(JSON.stringify(input)))
      assert.ok(
        problems.some((problem) => problem.path === path && message.test(problem.message)),
        JSON.stringify(problems),
      )
    })
  }
})

describe('Email+ configuration', () => {
  test('the five pairs of the procedure are taken as they are', () =>
    assert.deepEqual(parseEmailPlusConfiguration(BASE), { ...EMAIL_PLUS_DEFAULTS, ...BASE }))

  test('a certificate goes over managed app configuration when that was said', () => {
    const input = { ...BASE, channel: 'managedAppConfiguration', allowInsecureDelivery: true }
    assert.deepEqual(parseEmailPlusConfiguration(input), { ...EMAIL_PLUS_DEFAULTS, ...input })
  })

  test('free keys and other ways to sign in need no Sentry', () => {
    const pairs = [
      string('eas_min_allowed_auth_mode', 'basic'),
      string('signature', 'Regards; $DISPLAY_NAME$'),
      { key: 'max_size', type: 'integer', value: -1 },
      { key: 'email_trust_all_certificates', type: 'boolean', value: false },
      string('email_password', ''),
      string('enabled_features', 'delegated_shared_mailbox,other'),
    ]
    assert.deepEqual(problemsOf({ name: 'x', pairs }), [])
  })

  test('the template is the procedure, and names account and device', () => {
    const pairs = emailPlusTemplate('Sentry.example.com:443', 'tu1_<CertificateName>_Mi4man22.pfx')
    assert.deepEqual(pairs, [
      ...SEED,
      string('email_address', '$EMAIL$'),
      string('email_device_id', '$DEVICE_UUID_NO_DASHES$'),
      string('email_exchange_username', '$USERID$'),
    ])
    const configuration = parseEmailPlusConfiguration({ ...BASE, pairs })
    assert.deepEqual(emailPlusProblems(configuration, SENTRY), [])
    assert.deepEqual(emailPlusWarnings(configuration, SENTRY), [])
    assert.deepEqual(
      problemsOf({ name: 'x', sentryProfileId: 's', pairs: emailPlusTemplate('sentry.example.com:8443', null) }),
      [],
    )
  })

  test('every known key says what it is', () => {
    for (const { description } of Object.values(EMAIL_PLUS_KEYS)) assert.match(description, /^[A-Z].*\.$/)
  })
})

describe('Email+ configuration beside its Sentry', () => {
  const refused = [
    { title: 'a Sentry that is gone', sentry: null, path: 'sentryProfileId' },
    { title: 'a Sentry without OAuth', sentry: { ...SENTRY, oauth: false }, path: 'sentryProfileId' },
    { title: 'another Sentry', sentry: { ...SENTRY, host: 'other.example.com' }, path: 'pairs[4].value' },
  ]
  for (const { title, sentry, path } of refused) {
    test(`${title} is an error`, () =>
      assert.deepEqual(
        emailPlusProblems(parseEmailPlusConfiguration(BASE), sentry).map((each) => each.path),
        [path],
      ))
  }

  const warned: { title: string; pairs: readonly EmailPlusPair[]; paths: string[] }[] = [
    { title: 'no address and no device id', pairs: SEED, paths: ['pairs', 'pairs'] },
    {
      title: 'OAuth URLs without modern_auth',
      pairs: emailPlusTemplate('sentry.example.com', 'x').slice(1),
      paths: ['pairs[0].value', 'pairs[1].value'],
    },
    {
      title: 'mail past the Sentry',
      pairs: [...emailPlusTemplate('other.example.com', null).slice(3)],
      paths: ['pairs[0].value'],
    },
    {
      title: 'what looks like a list',
      pairs: [...emailPlusTemplate('sentry.example.com', null), string('free', 'a;b')],
      paths: ['pairs[7].value'],
    },
  ]
  for (const { title, pairs, paths } of warned) {
    test(`${title} is a warning`, () => {
      const configuration = parseEmailPlusConfiguration({ ...BASE, pairs })
      assert.deepEqual(emailPlusProblems(configuration, SENTRY), [])
      assert.deepEqual(
        emailPlusWarnings(configuration, SENTRY).map((each) => each.path),
        paths,
      )
    })
  }
})

describe('edits of Email+ that make every device synchronise again', () => {
  const before = emailPlusTemplate('sentry.example.com', 'cert')
  const edit = (key: string, value: string): EmailPlusPair[] =>
    before.map((pair) => (pair.key === key ? { ...pair, value } : pair))
  test('the keys are those of the documentation', () =>
    assert.deepEqual([...RESYNC_KEYS].sort(), [
      'email_address',
      'email_exchange_host',
      'email_exchange_username',
      'email_login_certificate',
    ]))
  for (const key of RESYNC_KEYS) {
    test(`${key} changed, taken out or added`, () => {
      assert.deepEqual(forcesResync(before, edit(key, 'other.example.com')), [key])
      assert.deepEqual(
        forcesResync(
          before,
          before.filter((pair) => pair.key !== key),
        ),
        [key],
      )
      assert.deepEqual(
        forcesResync(
          before.filter((pair) => pair.key !== key),
          before,
        ),
        [key],
      )
    })
  }
  test('another order, another free key or another authority does not', () => {
    assert.deepEqual(forcesResync(before, [...before].reverse()), [])
    assert.deepEqual(forcesResync(before, [...before, string('free', 'x')]), [])
    assert.deepEqual(
      forcesResync(before, edit('modern_auth_authority_url', 'https://other.example.com/proxyservice')),
      [],
    )
  })
})
