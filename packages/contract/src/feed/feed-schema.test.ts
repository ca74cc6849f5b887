import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commonSchema, documentForSchema } from './feed-schema.ts'
import { SERVER_HEALTH_DEFAULTS, type SentryDocument } from './sentry-document.ts'

const DOCUMENT: SentryDocument = {
  profile: { id: 'p', name: 'Mail', version: 3 },
  listen: { names: [], proxyProtocolFrom: [], clientCertificateFrom: [] },
  tls: { certificatePem: 'c', privateKeyPem: 'k', reserve: null, minVersion: 'TLSv1.2', deviceCas: [], crls: [] },
  deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional', kind: 'identity' },
  oauth: {
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
    sentryResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    clients: [{ clientId: 'a', redirectUris: ['app://back'] }],
    tenantIds: [],
    opaqueTokens: 'refuse',
    ca: null,
  },
  activeSync: {
    servers: ['outlook.office365.com'],
    scheduling: 'priority',
    ca: null,
    redirectHosts: [],
    versions: null,
    health: SERVER_HEALTH_DEFAULTS,
  },
  autodiscover: false,
  policy: { unknownDevices: 'block', unknownWhenCoreIsAway: 'block', staleAfterSeconds: 86_400 },
  limits: {},
}

describe('the highest schema that both speak', () => {
  const cases = [
    { spoken: [], common: null },
    { spoken: [0], common: null },
    { spoken: [3, 4], common: null },
    { spoken: [1], common: 1 },
    { spoken: [0, 1, 2, 3], common: 2 },
    { spoken: [2, 1], common: 2 },
  ]
  for (const { spoken, common } of cases)
    test(`of ${spoken.join(', ')}`, () => assert.equal(commonSchema(spoken), common))
})

describe('what a Sentry one release older is told', () => {
  test('nothing that it does not know, and all that it does', () => {
    const { document, notServed } = documentForSchema(DOCUMENT, 1)
    const { tls, activeSync, policy, deviceCertificate, ...rest } = DOCUMENT
    const { reserve: _reserve, ...olderTls } = tls
    const { health: _health, ...olderActiveSync } = activeSync
    assert.deepEqual(notServed, [])
    assert.deepEqual(document, {
      ...rest,
      tls: olderTls,
      activeSync: olderActiveSync,
      policy: { unknownDevices: policy.unknownDevices, staleAfterSeconds: policy.staleAfterSeconds },
      deviceCertificate: { onActiveSync: deviceCertificate.onActiveSync, onOAuth: deviceCertificate.onOAuth },
    })
  })
  const unserved: readonly { path: string; change: Partial<SentryDocument> }[] = [
    { path: 'tls.reserve', change: { tls: { ...DOCUMENT.tls, reserve: { certificatePem: 'c', privateKeyPem: 'k' } } } },
    {
      path: 'activeSync.health',
      change: { activeSync: { ...DOCUMENT.activeSync, health: { ...SERVER_HEALTH_DEFAULTS, deadThreshold: 9 } } },
    },
    {
      path: 'policy.unknownWhenCoreIsAway',
      change: { policy: { ...DOCUMENT.policy, unknownWhenCoreIsAway: 'allow' } },
    },
    { path: 'deviceCertificate.kind', change: { deviceCertificate: { ...DOCUMENT.deviceCertificate, kind: 'group' } } },
  ]
  for (const { path, change } of unserved)
    test(`${path} is named when it matters`, () => {
      assert.deepEqual(documentForSchema({ ...DOCUMENT, ...change }, 1).notServed, [path])
      assert.deepEqual(documentForSchema({ ...DOCUMENT, ...change }, 2).notServed, [])
    })
})
