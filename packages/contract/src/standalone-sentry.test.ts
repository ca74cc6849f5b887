import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ContractError } from './problems.ts'
import { compareSettings } from './standalone-sentry-compare.ts'
import { type SentryMaterial, toSentryDocument } from './standalone-sentry-document.ts'
import { SENTRY_PRESETS, TENANT_PLACEHOLDER } from './standalone-sentry-presets.ts'
import { deviceSettings, parseStandaloneSentry, settingsWarnings, titleOf } from './standalone-sentry.ts'

/** The values of the configuration procedure, character for character, with the host's name in place of the placeholder. */
const SEED = {
  name: 'Office 365',
  sentryHost: 'sentry.example.com',
  enableActiveSync: true,
  serverAuthentication: {
    method: 'passThrough',
    passThroughWithOAuth: true,
    authorizationEndpoint: '"https://login.windows.net/common/oauth2/authorize"',
    tokenEndpoint: '"https://login.windows.net/common/oauth2/token"',
    sentryResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
  },
}
const ROOT = '00000000-0000-4000-8000-000000000001'
const OTHER = '00000000-0000-4000-8000-000000000002'
const CLIENT = { name: 'Mail', clientId: 'app', redirectUris: ['com.example.app://oauth'] }

/** `SEED` with one member replaced; the path is dotted. Undefined takes it out. */
function withValue(path: string, value: unknown): Record<string, unknown> {
  const copy = structuredClone(SEED) as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() ?? ''
  let at = copy
  for (const name of names) {
    at[name] ??= {}
    at = at[name] as Record<string, unknown>
  }
  if (value === undefined) Reflect.deleteProperty(at, last)
  else at[last] = value
  return copy
}

function withValues(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  let copy: Record<string, unknown> = structuredClone(SEED)
  for (const [path, value] of Object.entries(values)) {
    const names = path.split('.')
    const section = names.length === 1 ? null : (names[0] ?? '')
    const last = names.at(-1) ?? ''
    copy =
      section === null
        ? { ...copy, [last]: value }
        : { ...copy, [section]: { ...(copy[section] as object | undefined), [last]: value } }
  }
  return copy
}

function problemsOf(input: unknown): readonly { path: string; message: string }[] {
  try {
    parseStandaloneSentry(input)
    return []
  } catch (error) {
    assert.ok(error instanceof ContractError)
    return error.problems
  }
}

const AUTHORIZE = 'serverAuthentication.authorizationEndpoint'
const TOKEN = 'serverAuthentication.tokenEndpoint'
const SENTRY = 'serverAuthentication.sentryResource'
const DESTINATION = 'serverAuthentication.destinationResource'

const REFUSED: readonly (readonly [set: string, value: unknown, path: string, says: RegExp])[] = [
  ['name', undefined, 'name', /^Name: is empty; enter/],
  ['name', ' \n ', 'name', /^Name: is empty/],
  ['name', 'a\u0007b', 'name', /control characters; write/],
  ['name', 'x'.repeat(201), 'name', /200 characters/],
  ['sentryHost', '', 'sentryHost', /^Sentry Host \/ IP: is empty; enter/],
  ['sentryHost', '<SentryHostName>', 'sentryHost', /<SentryHostName> is a placeholder.*sentry\.example\.com/],
  ['sentryHost', 'https://sentry.example.com', 'sentryHost', /is a URL; write the host name alone/],
  ['sentryHost', 'sentry.example.com/mail', 'sentryHost', /has a path/],
  ['sentryHost', 'sentry.example.com:8443', 'sentryHost', /has a port.*External Port/],
  ['sentryHost', '*.example.com', 'sentryHost', /wildcard/],
  ['sentryHost', '2001:db8::1', 'sentryHost', /IPv6 address/],
  ['sentryHost', '10.0.0.256', 'sentryHost', /no IPv4 address/],
  ['sentryHost', 'sentry_example.com', 'sentryHost', /no host name/],
  ['sentryHost', 'sentry.example.com.', 'sentryHost', /no host name/],
  ['sentryHost', 7, 'sentryHost', /string/],
  ['externalPort', 0, 'externalPort', /^External Port: must be a whole number from 1 to 65535/],
  ['externalPort', 443.5, 'externalPort', /whole number/],
  ['alternativeNames', ['mail.example.com', 'MAIL.example.com'], 'alternativeNames[1]', /repeats/],
  ['alternativeNames', ['sentry.example.com'], 'alternativeNames[0]', /^Additional Names: repeats/],
  ['alternativeNames', [''], 'alternativeNames[0]', /leave it out/],
  ['enableActiveSync', false, 'enableActiveSync', /^Enable ActiveSync: is off.*select it/],
  ['enableActiveSync', 'yes', 'enableActiveSync', /boolean/],
  ['deviceAuthentication.method', 'groupCertificate', 'deviceAuthentication.trustedRootIds', /choose the authority/],
  ['deviceAuthentication.method', 'identityCertificate', 'deviceAuthentication.trustedRootIds', /choose the authority/],
  ['deviceAuthentication.method', 'Kerberos', 'deviceAuthentication.method', /must be one of/],
  ['deviceAuthentication.checkCrl', true, 'deviceAuthentication.checkCrl', /^Check CRL: .*switch it off/],
  ['deviceAuthentication.trustedRootIds', [ROOT, ROOT], 'deviceAuthentication.trustedRootIds[1]', /twice/],
  ['serverAuthentication.method', 'kerberos', 'serverAuthentication.method', /^Server Authentication: must be one of/],
  ['serverAuthentication.passThroughWithOAuth', false, 'serverAuthentication.passThroughWithOAuth', /select it/],
  [AUTHORIZE, undefined, AUTHORIZE, /^Destination OAuth2 Authorization Endpoint: is empty; enter it/],
  [AUTHORIZE, 'http://login.windows.net/common/oauth2/authorize', AUTHORIZE, /not encrypted; begin it with https/],
  [AUTHORIZE, 'login.windows.net/common/oauth2/authorize', AUTHORIZE, /does not begin with https/],
  [AUTHORIZE, 'https://u:p@login.windows.net/common/oauth2/authorize', AUTHORIZE, /user name/],
  [AUTHORIZE, 'https://login.windows.net/common/oauth2/authorize?x=1', AUTHORIZE, /query or fragment/],
  [AUTHORIZE, 'https://login.windows.net/common/oauth2/authorize#x', AUTHORIZE, /query or fragment/],
  [AUTHORIZE, 'https://login.windows.net/common/authorize', AUTHORIZE, /\/oauth2\//],
  [AUTHORIZE, 'https://login.windows.net/common/oauth2/token', AUTHORIZE, /is the token endpoint/],
  [AUTHORIZE, 'https://login.windows.net/common/oauth2/v2.0/authorize', AUTHORIZE, /leave out \/v2\.0/],
  [AUTHORIZE, 'https://login.microsoftonline.com/{tenant}/oauth2/authorize', AUTHORIZE, /\{tenant\} is a placeholder/],
  [AUTHORIZE, 'https://login.windows.net\\@evil.example/oauth2/authorize', AUTHORIZE, /user name|cannot be/],
  [AUTHORIZE, 'https://login.windows.net/../oauth2/authorize', AUTHORIZE, /cannot be/],
  [TOKEN, undefined, TOKEN, /^Destination OAuth2 Token Endpoint: is empty/],
  [TOKEN, 'https://login.windows.net/common/oauth2/authorize', TOKEN, /is the authorize endpoint/],
  [TOKEN, 'https://login.chinacloudapi.cn/common/oauth2/token', TOKEN, /belongs to china.*one cloud/],
  [SENTRY, 'https://<SentryHostName>', SENTRY, /^Sentry Resource: <SentryHostName> is a placeholder/],
  [SENTRY, 'https://other.example.com', SENTRY, /must name the Sentry Host; write https:\/\/sentry\.example\.com/],
  [SENTRY, 'https://sentry.example.com:8443', SENTRY, /must name the Sentry Host/],
  [SENTRY, 'https://sentry.example.com/mail', SENTRY, /has a path/],
  [SENTRY, 'http://sentry.example.com', SENTRY, /begin it with https/],
  [DESTINATION, undefined, DESTINATION, /^Destination Resource: is empty/],
  [DESTINATION, 'https://sentry.example.com/', DESTINATION, /is the Sentry itself/],
  [DESTINATION, '00000002-0000-0ff1-ce00-000000000000', DESTINATION, /does not begin with https/],
  ['serverAuthentication.clients', [], 'serverAuthentication.clients', /nobody could sign in/],
  ['serverAuthentication.clients', [CLIENT, CLIENT], 'serverAuthentication.clients[1].clientId', /^Client ID: repeats/],
  [
    'serverAuthentication.clients',
    [{ ...CLIENT, clientId: '<Email+>' }],
    'serverAuthentication.clients[0].clientId',
    /placeholder/,
  ],
  [
    'serverAuthentication.clients',
    [{ ...CLIENT, clientId: '' }],
    'serverAuthentication.clients[0].clientId',
    /is empty/,
  ],
  [
    'serverAuthentication.clients',
    [{ ...CLIENT, redirectUris: [] }],
    'serverAuthentication.clients[0].redirectUris',
    /is empty/,
  ],
  [
    'serverAuthentication.clients',
    [{ ...CLIENT, redirectUris: ['javascript:x'] }],
    'serverAuthentication.clients[0].redirectUris[0]',
    /^Redirect URIs:/,
  ],
  [
    'serverAuthentication.tenantIds',
    ['contoso.onmicrosoft.com'],
    'serverAuthentication.tenantIds[0]',
    /never as a domain/,
  ],
  ['activeSync.servers', ['https://outlook.office365.com/x'], 'activeSync.servers[0]', /without https/],
  ['activeSync.servers', ['a.example.com', 'A.example.com:443'], 'activeSync.servers[1]', /repeats/],
  ['activeSync.servers', ['sentry.example.com'], 'activeSync.servers[0]', /is the Sentry itself/],
  ['activeSync.servers', ['mail.example.com:99999'], 'activeSync.servers[0]', /host or host:port/],
  ['activeSync.redirectHosts', ['*.com'], 'activeSync.redirectHosts[0]', /^Redirect Hosts:/],
  ['activeSync.versions', [], 'activeSync.versions', /no version/],
  ['activeSync.versions', ['17.0'], 'activeSync.versions[0]', /must be one of/],
  ['activeSync.scheduling', 'random', 'activeSync.scheduling', /^Scheduling: must be one of/],
  ['activeSync.deadThreshold', 0, 'activeSync.deadThreshold', /^Dead Threshold: must be a whole number from 1 to 100/],
  ['activeSync.healthCheck', { intervalSeconds: 0 }, 'activeSync.healthCheck.intervalSeconds', /from 1 to 3600/],
  ['devices.servedHours', 169, 'devices.servedHours', /from 0 to 168/],
  ['devices.unknownDevices', 'ask', 'devices.unknownDevices', /^Unknown Devices: must be one of/],
  ['tls.minVersion', 'TLSv1.1', 'tls.minVersion', /^Minimum TLS Version: must be one of/],
  ['tls.reserveCertificateId', ROOT, 'tls.reserveCertificateId', /leave it empty/],
  ['tls', { certificateId: ROOT, reserveCertificateId: ROOT }, 'tls.reserveCertificateId', /choose another/],
  ['balancers.proxyProtocolFrom', ['10.0.0.0/33'], 'balancers.proxyProtocolFrom[0]', /^PROXY Protocol From:.*CIDR/],
  ['balancers.clientCertificateFrom', ['sha256:ab'], 'balancers.clientCertificateFrom[0]', /64 hexadecimal/],
  ['balancers.clientCertificateFrom', [`sha256:${'a'.repeat(64)}`], 'balancers.clientCertificateFrom', /take them out/],
  ['limits.heldPerDevice', 1_001, 'limits.heldPerDevice', /from 1 to 1000/],
  ['attachmentControl', true, '', /has no field "attachmentControl"/],
  ['serverAuthentication.realm', 'X', 'serverAuthentication', /^Server Authentication: has no field "realm"/],
]

describe('a Standalone Sentry is refused by field, rule and remedy', () => {
  for (const [set, value, path, says] of REFUSED) {
    test(`${set} = ${value === undefined ? 'left out' : JSON.stringify(value).slice(0, 60)}`, () => {
      const problems = problemsOf(withValue(set, value))
      const problem = problems.find((one) => one.path === path)
      assert.ok(problem, `no problem at ${path}: ${JSON.stringify(problems)}`)
      assert.match(problem.message, says)
    })
  }

  test('all problems are told at once, also beside a value of the wrong type', () => {
    const input = withValues({
      sentryHost: 'https://x',
      externalPort: 'x',
      'activeSync.servers': ['a/b'],
      'serverAuthentication.tokenEndpoint': 'http://x',
    })
    const paths = problemsOf(input).map(({ path }) => path)
    for (const path of ['sentryHost', 'externalPort', 'activeSync.servers[0]', TOKEN]) assert.ok(paths.includes(path))
  })

  for (const input of [null, 'x', [], 7]) {
    test(`${JSON.stringify(input)} is no Standalone Sentry`, () => assert.ok(problemsOf(input).length > 0))
  }
})

describe('normal form', () => {
  test('the literal values of the procedure, quotes and all', () => {
    const settings = parseStandaloneSentry(SEED)
    assert.equal(
      settings.serverAuthentication.authorizationEndpoint,
      'https://login.windows.net/common/oauth2/authorize',
    )
    assert.equal(settings.serverAuthentication.tokenEndpoint, 'https://login.windows.net/common/oauth2/token')
    assert.equal(settings.serverAuthentication.sentryResource, 'https://sentry.example.com')
    assert.equal(settings.serverAuthentication.destinationResource, 'https://outlook.office365.com/')
    assert.deepEqual(settings.activeSync.servers, ['outlook.office365.com'])
    assert.deepEqual(settings.activeSync.redirectHosts, [
      'outlook.office365.com',
      'outlook.office.com',
      '*.outlook.com',
    ])
    assert.equal(settings.deviceAuthentication.method, 'passThrough')
    assert.equal(settings.devices.unknownDevices, 'block')
  })

  const same: readonly (readonly [string, readonly string[], string])[] = [
    [
      'sentryHost',
      [' Sentry.Example.com ', 'sentry.example.com:443', '"sentry.example.com"', 'sentry.example.com/'],
      'sentry.example.com',
    ],
    [
      AUTHORIZE,
      [
        'https://LOGIN.windows.net:443/common/oauth2/authorize/',
        '“https://login.windows.net/common/oauth2/authorize”',
        'HTTPS://login.windows.net/common/oauth2/authorize',
      ],
      'https://login.windows.net/common/oauth2/authorize',
    ],
    [
      TOKEN,
      ["'https://login.windows.net:443/common/oauth2/token'", ' https://login.windows.net/common/oauth2/token/ '],
      'https://login.windows.net/common/oauth2/token',
    ],
    [
      SENTRY,
      ['https://sentry.example.com/', 'https://sentry.example.com:443', 'https://SENTRY.example.com:443/', ''],
      'https://sentry.example.com',
    ],
    [
      DESTINATION,
      ['https://outlook.office365.com', 'https://outlook.office365.com:443/', 'https://Outlook.office365.com:443'],
      'https://outlook.office365.com/',
    ],
  ]
  for (const [path, spellings, expected] of same) {
    for (const spelling of spellings) {
      test(`${path} ${JSON.stringify(spelling)}`, () => {
        const settings = parseStandaloneSentry(withValue(path, spelling)) as unknown as Record<string, unknown>
        const value = path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], settings)
        assert.equal(value, expected)
      })
    }
  }

  test('servers lose a default port and a slash; fingerprints are taken as tools print them', () => {
    const hex = 'AB'.repeat(32).match(/../g) ?? []
    const settings = parseStandaloneSentry(
      withValues({
        'activeSync.servers': ['MAIL.example.com:443', 'mail2.example.com:8443', 'mail3.example.com/'],
        'deviceAuthentication.method': 'identityCertificate',
        'deviceAuthentication.trustedRootIds': [ROOT],
        'balancers.clientCertificateFrom': [`SHA256 Fingerprint=${hex.join(':')}`],
      }),
    )
    assert.deepEqual(settings.activeSync.servers, ['mail.example.com', 'mail2.example.com:8443', 'mail3.example.com'])
    assert.deepEqual(settings.activeSync.redirectHosts, [])
    assert.deepEqual(settings.balancers.clientCertificateFrom, [`sha256:${'ab'.repeat(32)}`])
  })

  test('an external port is part of the Sentry Resource and of what devices are told', () => {
    const settings = parseStandaloneSentry(withValues({ externalPort: 8443, [SENTRY]: '' }))
    assert.equal(settings.serverAuthentication.sentryResource, 'https://sentry.example.com:8443')
    assert.equal(deviceSettings(settings).host, 'sentry.example.com:8443')
  })

  test('a stored form stays what it is', () => {
    const settings = parseStandaloneSentry(SEED)
    assert.deepEqual(parseStandaloneSentry(JSON.parse(JSON.stringify(settings))), settings)
  })
})

test('what devices are told is what the procedure prints', () => {
  const told = deviceSettings(parseStandaloneSentry(SEED))
  assert.equal(told.oauthSignInUrl, 'https://sentry.example.com/proxyservice/oauth2/authorize')
  assert.equal(told.oauthTokenRequestUrl, 'https://sentry.example.com/proxyservice/oauth2/token')
  assert.deepEqual(Object.fromEntries(told.emailPlus.map(({ key, value }) => [key, value])), {
    eas_min_allowed_auth_mode: 'modern_auth',
    modern_auth_authority_url: 'https://sentry.example.com/proxyservice',
    modern_auth_resource_url: 'https://sentry.example.com',
    email_login_certificate: null,
    email_exchange_host: 'sentry.example.com',
  })
})

const MATERIAL: SentryMaterial = {
  certificate: { certificatePem: 'c', privateKeyPem: 'k' },
  reserve: null,
  trustedRoots: [{ name: 'Devices', pem: 'r' }],
  crls: [{ name: 'list', pem: 'l' }],
  serverRoot: { name: 'Servers', pem: 's' },
  identityProviderRoot: null,
}

describe('the document of a Standalone Sentry', () => {
  const documentOf = (values: Readonly<Record<string, unknown>>) =>
    toSentryDocument({ id: ROOT, version: 3 }, parseStandaloneSentry(withValues(values)), MATERIAL)

  test('Pass Through asks for no certificate', () => {
    const { deviceCertificate, tls, profile } = documentOf({})
    assert.deepEqual(deviceCertificate, { onActiveSync: 'off', onOAuth: 'off' })
    assert.deepEqual([tls.deviceCas, tls.crls], [[], []])
    assert.deepEqual(profile, { id: ROOT, name: 'Office 365', version: 3 })
  })

  test('Group Certificate opens the door and names no device', () => {
    const document = documentOf({
      'deviceAuthentication.method': 'groupCertificate',
      'deviceAuthentication.trustedRootIds': [ROOT],
    })
    assert.deepEqual(document.deviceCertificate, { onActiveSync: 'required', onOAuth: 'optional', kind: 'group' })
    assert.equal(document.tls.deviceCas.length, 1)
  })
  for (const [checkCrl, crls] of [
    [true, 1],
    [false, 0],
  ] as const) {
    test(`Identity Certificate together with OAuth, Check CRL ${checkCrl}`, () => {
      const document = documentOf({
        'deviceAuthentication.method': 'identityCertificate',
        'deviceAuthentication.trustedRootIds': [ROOT],
        'deviceAuthentication.checkCrl': checkCrl,
        'deviceAuthentication.onOAuth': 'required',
      })
      assert.deepEqual(document.deviceCertificate, { onActiveSync: 'required', onOAuth: 'required', kind: 'identity' })
      assert.equal(document.tls.deviceCas.length, 1)
      assert.equal(document.tls.crls.length, crls)
    })
  }

  for (const [hours, seconds] of [
    [0, 60],
    [1, 3_600],
    [24, 86_400],
    [168, 604_800],
  ] as const) {
    test(`${hours} hours without Core are ${seconds} seconds`, () => {
      assert.equal(documentOf({ 'devices.servedHours': hours }).policy.staleAfterSeconds, seconds)
    })
  }

  test('what a Sentry knows no word for is left out: names of applications', () => {
    assert.deepEqual(Object.keys(documentOf({}).oauth.clients[0] ?? {}), ['clientId', 'redirectUris'])
  })
})

describe('presets', () => {
  for (const preset of SENTRY_PRESETS) {
    test(`${preset.id} can be saved as it is, once the directory is put in`, () => {
      const tenant = (url: string): string => url.replace(TENANT_PLACEHOLDER, OTHER)
      const values = {
        [AUTHORIZE]: tenant(preset.authorizationEndpoint),
        [TOKEN]: tenant(preset.tokenEndpoint),
        [DESTINATION]: preset.destinationResource,
        'activeSync.servers': preset.servers,
        'activeSync.redirectHosts': preset.redirectHosts,
      }
      const settings = parseStandaloneSentry(withValues(values))
      const codes = settingsWarnings(settings).map(({ code }) => code)
      assert.deepEqual(
        codes.filter((code) => code === 'CLOUDS_DIFFER' || code === 'TENANTS_DIFFER'),
        [],
      )
      assert.equal(preset.needsTenant, preset.tokenEndpoint.includes(TENANT_PLACEHOLDER))
    })
  }

  test('the first one holds the values of the procedure', () => {
    assert.equal(SENTRY_PRESETS[0]?.tokenEndpoint, 'https://login.windows.net/common/oauth2/token')
  })
})

describe('warnings', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['DEVICES_UNPROVEN', {}],
    ['TENANTS_ANY', {}],
    ['UNKNOWN_ALLOWED', { 'devices.unknownDevices': 'allow' }],
    ['UNKNOWN_ALLOWED_AWAY', { 'devices.newDevicesWithoutCore': 'allow' }],
    ['OPAQUE_TOKENS_ALLOWED', { 'serverAuthentication.opaqueTokens': 'allow' }],
    ['ROOTS_UNUSED', { 'deviceAuthentication.trustedRootIds': [ROOT] }],
    ['HOST_IS_ADDRESS', { sentryHost: '192.0.2.7', [SENTRY]: '' }],
    ['CLOUDS_DIFFER', { [DESTINATION]: 'https://partner.outlook.cn/' }],
    ['TENANTS_DIFFER', { [TOKEN]: `https://login.windows.net/${OTHER}/oauth2/token` }],
  ]
  for (const [code, values] of rows) {
    test(code, () => {
      const codes = settingsWarnings(parseStandaloneSentry(withValues(values))).map((one) => one.code)
      assert.ok(codes.includes(code as (typeof codes)[number]), codes.join(', '))
    })
  }

  test('none for one that leaves nothing open', () => {
    const values = {
      'deviceAuthentication.method': 'identityCertificate',
      'deviceAuthentication.trustedRootIds': [ROOT],
      'serverAuthentication.tenantIds': [OTHER],
    }
    assert.deepEqual(settingsWarnings(parseStandaloneSentry(withValues(values))), [])
  })
})

describe('comparing', () => {
  const before = parseStandaloneSentry(SEED)

  test('equal settings differ in nothing, whatever the order of members', () => {
    const turned = JSON.parse(JSON.stringify(before), (_, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    ) as typeof before
    assert.deepEqual(compareSettings(before, turned), [])
  })

  test('each field with its title, in the order of the form', () => {
    const after = parseStandaloneSentry(
      withValues({
        'activeSync.servers': ['mail.example.com'],
        'activeSync.redirectHosts': before.activeSync.redirectHosts,
        'devices.servedHours': 8,
      }),
    )
    assert.deepEqual(compareSettings(before, after), [
      {
        path: 'activeSync.servers',
        title: 'ActiveSync Server(s)',
        before: ['outlook.office365.com'],
        after: ['mail.example.com'],
      },
      { path: 'devices.servedHours', title: 'Serve Known Devices Without Core', before: 24, after: 8 },
    ])
  })
})

test('every field has a title of its own', () => {
  const walk = (value: object, prefix: string): void => {
    for (const [name, member] of Object.entries(value) as [string, unknown][]) {
      const path = `${prefix}${name}`
      assert.notEqual(titleOf(path), path, path)
      const section = prefix === '' ? '' : titleOf(prefix.slice(0, -1))
      // The method of a section is called as the section is.
      if (name !== 'method' && name !== 'enabled') assert.notEqual(titleOf(path), section, path)
      if (typeof member === 'object' && member !== null && !Array.isArray(member)) walk(member, `${path}.`)
    }
  }
  walk(parseStandaloneSentry(SEED), '')
  assert.equal(titleOf('serverAuthentication.clients[3].redirectUris[1]'), 'Redirect URIs')
})
