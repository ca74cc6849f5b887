import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ContractError, type Problem } from './problems.ts'
import { parseSentryConfig } from './sentry-config.ts'
import { SERVER_HEALTH_DEFAULTS } from './server-health.ts'

/** The shape that other programs write, as it was promised to them. */
const EXAMPLE = {
  listen: { host: '127.0.0.1', port: 8443, names: [] },
  tls: {
    certFile: 'sentry.crt',
    keyFile: 'sentry.key',
    deviceCaFiles: ['device-ca.crt'],
    crlFiles: [],
    minVersion: 'TLSv1.2',
  },
  deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional' },
  oauth: {
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
    sentryResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    clients: [
      {
        clientId: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
        redirectUris: ['com.apple.Preferences://oauth-redirect/'],
      },
    ],
    tenantIds: [],
    caFile: null,
  },
  activeSync: {
    servers: ['outlook.office365.com'],
    scheduling: 'priority',
    caFile: null,
    redirectHosts: ['*.outlook.com', 'outlook.office365.com'],
    versions: null,
  },
  autodiscover: false,
  policy: { file: 'policy.json', unknownDevices: 'block', staleAfterSeconds: 86_400 },
  events: { auditFile: 'audit.jsonl' },
  limits: {
    connectionsPerCertificate: 20,
    unauthenticatedConnectionsPerAddress: 200,
    oauthRequestsPerSecondPerAddress: 50,
    heldPerDevice: 2,
    heldPerUser: 10,
  },
  local: { host: '127.0.0.1', port: 9464 },
}
type Json = Record<string, unknown>

/** The example with one value at a dotted path (`oauth.clients.0.clientId`); undefined takes the key out. */
function changed(path: string, value: unknown, base: unknown = EXAMPLE): Json {
  const copy = structuredClone(base) as Json
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  let at = copy
  for (const key of keys) at = at[key] as Json
  if (value === undefined) Reflect.deleteProperty(at, last)
  else at[last] = value
  return copy
}
function problemsOf(input: unknown): readonly Problem[] {
  try {
    parseSentryConfig(input)
  } catch (error) {
    assert.ok(error instanceof ContractError, String(error))
    return error.problems
  }
  return []
}
const refuses = (title: string, input: unknown, ...paths: readonly string[]): void => {
  test(title, () => {
    const problems = problemsOf(input)
    const told = new Set(problems.map(({ path }) => path))
    assert.deepEqual([...told].toSorted(), paths.toSorted(), JSON.stringify(problems))
    for (const { message } of problems) assert.ok(message.length > 0)
  })
}
const dotted = (path: string): string => path.replaceAll(/\.(\d+)/g, '[$1]')

describe('shapes that are refused', () => {
  refuses('null', null, '')
  refuses('a list', [], '')
  const optional = new Set(['autodiscover', 'limits'])
  for (const key of Object.keys(EXAMPLE)) if (!optional.has(key)) refuses(`without ${key}`, changed(key, undefined), '')
  const required = [
    'listen.host',
    'listen.port',
    'tls.certFile',
    'tls.keyFile',
    'tls.deviceCaFiles',
    'tls.crlFiles',
    'tls.minVersion',
    'deviceCertificate.onActiveSync',
    'deviceCertificate.onOAuth',
    'oauth.authorizationEndpoint',
    'oauth.tokenEndpoint',
    'oauth.sentryResource',
    'oauth.destinationResource',
    'oauth.clients',
    'activeSync.servers',
    'activeSync.scheduling',
    'activeSync.redirectHosts',
    'policy.file',
    'policy.unknownDevices',
    'policy.staleAfterSeconds',
    'events.auditFile',
    'local.host',
    'local.port',
  ]
  for (const path of required)
    refuses(`without ${path}`, changed(path, undefined), path.slice(0, path.lastIndexOf('.')))
  const unknown = ['rejectUnauthorized', 'listen.hosts', 'tls.ca', 'oauth.clients.0.secret', 'limits.heldPerTenant']
  for (const path of unknown)
    refuses(`the unknown key ${path}`, changed(path, 1), dotted(path.split('.').slice(0, -1).join('.')))
  const values: readonly (readonly [path: string, value: unknown])[] = [
    ['listen.port', -1],
    ['listen.port', 65_536],
    ['listen.port', '8443'],
    ['listen.port', 1.5],
    ['listen.host', ''],
    ['tls.minVersion', 'TLSv1.1'],
    ['tls.minVersion', null],
    ['tls.deviceCaFiles', 'device-ca.crt'],
    ['deviceCertificate.onActiveSync', 'Required'],
    ['deviceCertificate.onOAuth', false],
    ['oauth.clients', []],
    ['oauth.clients.0.redirectUris', []],
    ['oauth.clients.0.clientId', ''],
    ['oauth.tenantIds', null],
    ['oauth.opaqueTokens', 'maybe'],
    ['activeSync.servers', []],
    ['activeSync.scheduling', 'random'],
    ['autodiscover', 'yes'],
    ['policy.unknownDevices', 'wipe'],
    ['policy.staleAfterSeconds', 0],
    ['policy.staleAfterSeconds', 31_536_001],
    ['lab', 'true'],
    ['listen.clientCertificateFrom.0', 'sha256:AB'],
    ['activeSync.health.deadThreshold', 0],
    ['activeSync.health.deadTimeSeconds', 86_401],
    ['activeSync.health.failureWindowSeconds', 3_601],
    ['activeSync.health.healthCheck.intervalSeconds', 0],
    ['activeSync.health.healthCheck.enabled', 'yes'],
  ]
  for (const [path, value] of values) {
    const base = /^(listen|activeSync)\.\w+\.0$/.test(path)
      ? changed(path.slice(0, -2), [])
      : path.startsWith('activeSync.health')
        ? changed('activeSync.health', SERVER_HEALTH_DEFAULTS)
        : EXAMPLE
    refuses(`${path}: ${JSON.stringify(value)}`, changed(path, value, base), dotted(path))
  }
  const versions = changed('activeSync.versions', ['16.1', '16.2'])
  refuses('a version that does not exist', versions, 'activeSync.versions', 'activeSync.versions[1]')
  refuses('no version at all', changed('activeSync.versions', []), 'activeSync.versions')
  const limits: readonly (readonly [name: string, most: number])[] = [
    ['connectionsPerCertificate', 100_000],
    ['unauthenticatedConnectionsPerAddress', 1_000_000],
    ['oauthRequestsPerSecondPerAddress', 1_000_000],
    ['heldPerDevice', 1_000],
    ['heldPerUser', 10_000],
  ]
  for (const [name, most] of limits) {
    for (const value of [0, -1, most + 1, 1.5, null, '5'])
      refuses(`limits.${name}: ${JSON.stringify(value)}`, changed(`limits.${name}`, value), `limits.${name}`)
    for (const value of [1, most])
      test(`limits.${name}: ${value} is in its range`, () => {
        assert.deepEqual(problemsOf(changed(`limits.${name}`, value)), [])
      })
  }
})

describe('rules that are broken', () => {
  const rules: readonly (readonly [path: string, value: unknown])[] = [
    ...['https://a', 'a:443', 'a/b', '-a', 'a..b', '', 'a b', '*.a'].flatMap((name) =>
      name === '' ? [] : [['listen.names.0', name] as const],
    ),
    ...[
      '10.0.0.0/33',
      '10.0.0',
      '::/129',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      'balancer',
      '010.0.0.1',
      '256.0.0.1',
      '::1]/x[',
    ].map((block) => ['listen.proxyProtocolFrom.0', block] as const),
    ...['0.0.0.0', '::', '192.0.2.1', 'metrics.example.com', '127.0.0.1.evil.example'].map(
      (host) => ['local.host', host] as const,
    ),
    ['local.port', 8_443],
    ['tls.deviceCaFiles', []],
    ...[
      'http://login.windows.net/common/oauth2/authorize',
      'login.windows.net',
      'https://a@b/oauth2/x',
      'https://a/oauth2/x?y',
      'https://a/oauth2/x#y',
      'https://login.windows.net/common/authorize',
    ].flatMap((url) => [['oauth.authorizationEndpoint', url] as const, ['oauth.tokenEndpoint', url] as const]),
    ...[
      'http://sentry.example.com',
      'sentry.example.com',
      'https://sentry.example.com/mail',
      'https://sentry.example.com/?',
    ].map((url) => ['oauth.sentryResource', url] as const),
    ...[
      'http://outlook.office365.com',
      'outlook',
      'https://u:p@outlook.office365.com',
      'https://Sentry.example.com/',
    ].map((url) => ['oauth.destinationResource', url] as const),
    ...[
      'javascript:alert(1)',
      'data:text/html,x',
      'vbscript:x',
      'file:///x',
      'blob:https://x',
      'http://localhost.evil.example/',
      'http://app.example.com/',
      'JavaScript:x',
      'https://app.example.com/#x',
      '/relative',
      'app',
    ].map((uri) => ['oauth.clients.0.redirectUris.0', uri] as const),
    ...[
      'https://outlook.office365.com',
      'outlook.office365.com/',
      'outlook.office365.com:0',
      'a:65536',
      'a:',
      'a:x',
      ':443',
      '*.outlook.com',
      '[::1]',
      'a b',
    ].map((server) => ['activeSync.servers.0', server] as const),
    ...['https://a', '*', '*.', '*.*.outlook.com', 'a.*.com', 'outlook.*', '*outlook.com', 'a:0', '*.a:99999'].map(
      (host) => ['activeSync.redirectHosts.0', host] as const,
    ),
  ]
  for (const [path, value] of rules) {
    const base = path.startsWith('listen.proxy') ? changed('listen.proxyProtocolFrom', []) : EXAMPLE
    refuses(`${path}: ${JSON.stringify(value)}`, changed(path, value, base), dotted(path))
  }
  refuses('a server twice', changed('activeSync.servers', ['a.example.com', 'A.example.com']), 'activeSync.servers[1]')
  refuses(
    'a client twice',
    changed('oauth.clients', [EXAMPLE.oauth.clients[0], EXAMPLE.oauth.clients[0]]),
    'oauth.clients[1].clientId',
  )
  refuses('hosts without lab', { ...EXAMPLE, hosts: { 'outlook.office365.com': '127.0.0.1' } }, 'hosts')
  refuses('empty hosts without lab', { ...EXAMPLE, hosts: {} }, 'hosts')
  refuses('hosts with lab false', { ...EXAMPLE, lab: false, hosts: { 'a.example.com': '127.0.0.1' } }, 'hosts')
  for (const address of ['localhost', '127.0.0', '127.0.0.256', '127.0.0.01', '::1]/x', '', '127.0.0.1:0'])
    if (address !== '')
      refuses(
        `hosts: ${address}`,
        { ...EXAMPLE, lab: true, hosts: { 'a.example.com': address } },
        'hosts.a.example.com',
      )
  refuses('hosts: a name that is none', { ...EXAMPLE, lab: true, hosts: { 'a b': '127.0.0.1' } }, 'hosts')
  refuses(
    'all problems of a kind together',
    changed('oauth.sentryResource', 'x', changed('local.host', 'x', changed('activeSync.servers.0', 'x/'))),
    'activeSync.servers[0]',
    'local.host',
    'oauth.sentryResource',
  )
  test('more than a handful together', () => {
    const limits = Object.fromEntries(Object.keys(EXAMPLE.limits).map((name) => [name, 0]))
    const local = { host: '', port: -1 }
    const tls = { ...EXAMPLE.tls, certFile: '', keyFile: '', minVersion: 'x' }
    assert.equal(problemsOf({ ...EXAMPLE, limits, local, tls }).length, 10)
  })
  refuses(
    'all problems of shape together',
    changed('listen.port', 'x', changed('policy.file', undefined, changed('extra', 1))),
    '',
    'listen.port',
    'policy',
  )
  refuses(
    'rules beside problems of shape, where their own section has its shape',
    changed('policy.file', 1, changed('oauth.sentryResource', 'x')),
    'oauth.sentryResource',
    'policy.file',
  )
})

describe('configurations that are read', () => {
  const DEFAULTS = {
    listen: { ...EXAMPLE.listen, proxyProtocolFrom: [], clientCertificateFrom: [] },
    deviceCertificate: { ...EXAMPLE.deviceCertificate, kind: 'identity' },
    oauth: { ...EXAMPLE.oauth, opaqueTokens: 'refuse' },
    activeSync: { ...EXAMPLE.activeSync, health: SERVER_HEALTH_DEFAULTS },
    lab: false,
    hosts: {},
  }
  test('the example as it is', () => assert.deepEqual(parseSentryConfig(EXAMPLE), { ...EXAMPLE, ...DEFAULTS }))
  test('what may be left out has the values of the example', () => {
    const left = [
      'limits',
      'listen.names',
      'oauth.tenantIds',
      'oauth.caFile',
      'activeSync.versions',
      'activeSync.caFile',
      'autodiscover',
    ]
    const bare = left.reduce<unknown>((config, path) => changed(path, undefined, config), EXAMPLE)
    assert.deepEqual(parseSentryConfig(bare), { ...EXAMPLE, ...DEFAULTS })
  })
  test('one limit given, the others by default', () => {
    assert.deepEqual(parseSentryConfig(changed('limits', { heldPerUser: 3 })).limits, {
      ...EXAMPLE.limits,
      heldPerUser: 3,
    })
  })
  const accepts: readonly (readonly [path: string, value: unknown])[] = [
    ['listen.names', ['mail.example.com', '192.0.2.1']],
    ['listen.proxyProtocolFrom', ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']],
    ['listen.clientCertificateFrom', [`sha256:${'0'.repeat(64)}`]],
    ['listen.port', 0],
    ['local.port', 0],
    ['local.host', '::1'],
    ['local.host', 'localhost'],
    ['tls.minVersion', 'TLSv1.3'],
    ['oauth.sentryResource', 'https://sentry.example.com:8443/'],
    ['oauth.opaqueTokens', 'allow'],
    [
      'oauth.clients.0.redirectUris',
      ['https://app.example.com/back?x=1', 'msauth.com.example://auth', 'urn:ietf:wg:oauth:2.0:oob'],
    ],
    ['activeSync.servers', ['mail.example.com:444', '10.0.0.5', 'outlook.office365.com']],
    ['activeSync.redirectHosts', ['*.outlook.com:8443', 'mail.example.com:444']],
    ['activeSync.redirectHosts', []],
    ['activeSync.versions', ['14.1', '16.1']],
  ]
  for (const [path, value] of accepts)
    test(`${path}: ${JSON.stringify(value)}`, () => assert.deepEqual(problemsOf(changed(path, value)), []))
  test('no device CA is needed where no certificate is asked for', () => {
    const off = changed('deviceCertificate', { onActiveSync: 'off', onOAuth: 'off' })
    assert.deepEqual(problemsOf(changed('tls.deviceCaFiles', [], off)), [])
  })
  test('health of servers as given, whole', () => {
    const health = { ...SERVER_HEALTH_DEFAULTS, deadThreshold: 1 }
    assert.deepEqual(parseSentryConfig(changed('activeSync.health', health)).activeSync.health, health)
  })
  test('hosts in a lab', () => {
    const hosts = { 'login.windows.net': '127.0.0.1', 'outlook.office365.com': '::1' }
    const config = parseSentryConfig({ ...EXAMPLE, lab: true, hosts })
    assert.deepEqual([config.lab, config.hosts], [true, hosts])
  })
})
