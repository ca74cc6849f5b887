import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { GatewayFile } from '@postern/contract/feed/gateway-file'
import { type SentryDocument, SERVER_HEALTH_DEFAULTS } from '@postern/contract/feed/sentry-document'
import { ContractError } from '@postern/contract/problems'
import { createCa } from '@postern/harness/ca'
import { documentSettings, settingsAt } from './document-settings.ts'

const HOUR_MS = 3_600_000
const NOW = Date.now()
const dir = await mkdtemp(join(tmpdir(), 'postern-document-'))
after(() => rm(dir, { recursive: true, force: true }))
const ca = await createCa()
const names = ['gate.example.com']
const server = await ca.issueServer({ names })
const ended = await ca.issueServer({ names, notAfter: new Date(NOW - HOUR_MS), notBefore: new Date(NOW - 9 * HOUR_MS) })
const early = await ca.issueServer({ names, notBefore: new Date(NOW + HOUR_MS) })
const foreign = await createCa({ commonName: 'Foreign' })
const foreignList = await foreign.crl([])

const GATEWAY: GatewayFile = {
  core: 'https://core:8442',
  listen: { host: '0.0.0.0', port: 8443 },
  local: { host: '127.0.0.1', port: 9464 },
  auditFile: 'audit.jsonl',
}
const DOCUMENT: SentryDocument = {
  profile: { id: 'p', name: 'Gate', version: 3 },
  listen: { names: [], proxyProtocolFrom: [], clientCertificateFrom: [] },
  tls: {
    certificatePem: server.certPem,
    privateKeyPem: server.keyPem,
    reserve: null,
    minVersion: 'TLSv1.2',
    deviceCas: [{ name: 'Devices', pem: ca.certPem }],
    crls: [],
  },
  deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional' },
  oauth: {
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
    sentryResource: 'https://gate.example.com',
    destinationResource: 'https://outlook.office365.com/',
    clients: [{ clientId: 'app', redirectUris: ['app://redirect/'] }],
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
    health: { ...SERVER_HEALTH_DEFAULTS, deadThreshold: 7 },
  },
  autodiscover: true,
  policy: { unknownDevices: 'block', unknownWhenCoreIsAway: 'allow', staleAfterSeconds: 600 },
  limits: { heldPerDevice: 5 },
}
const changed = (change: (draft: SentryDocument) => void): SentryDocument => {
  const draft = structuredClone(DOCUMENT)
  change(draft)
  return draft
}
const pair = ({ certPem, keyPem }: typeof server): { certificatePem: string; privateKeyPem: string } => {
  return { certificatePem: certPem, privateKeyPem: keyPem }
}

describe('documents that are refused, in their own terms', () => {
  const rejects: readonly (readonly [title: string, document: unknown, paths: readonly string[]])[] = [
    ['no document', 1, ['']],
    [
      'schema 1, which lacks what this release needs',
      changed((d) => Reflect.deleteProperty(d.tls, 'reserve')),
      ['tls'],
    ],
    ['no CA where certificates are asked for', changed((d) => (d.tls.deviceCas = [])), ['tls.deviceCas']],
    ['a CA that is none', changed((d) => (d.tls.deviceCas = [{ name: 'x', pem: server.certPem }])), ['tls.deviceCas']],
    [
      'a list of a CA that is not named',
      changed((d) => (d.tls.crls = [{ name: 'x', pem: foreignList }])),
      ['tls.crls'],
    ],
    ["another certificate's key", changed((d) => (d.tls.privateKeyPem = early.keyPem)), ['tls.privateKeyPem']],
    ['a certificate that is none', changed((d) => (d.tls.certificatePem = 'x')), ['tls.certificatePem']],
    ['a mail CA that is none', changed((d) => (d.activeSync.ca = { name: 'x', pem: 'x' })), ['activeSync.ca']],
    ['a sign-in CA that is none', changed((d) => (d.oauth.ca = { name: 'x', pem: 'x' })), ['oauth.ca']],
    [
      'a reserve with the key of the first, and a bad first pair, together',
      changed((d) => {
        d.tls.reserve = { certificatePem: early.certPem, privateKeyPem: server.keyPem }
        d.tls.privateKeyPem = early.keyPem
      }),
      ['tls.privateKeyPem', 'tls.reserve.privateKeyPem'],
    ],
    ['rules of the file', changed((d) => (d.oauth.sentryResource = 'gate')), ['oauth.sentryResource']],
    [
      'a health that makes no sense',
      changed((d) => (d.activeSync.health.deadThreshold = 0)),
      ['activeSync.health.deadThreshold'],
    ],
  ]
  for (const [title, document, paths] of rejects)
    test(title, async () => {
      await assert.rejects(documentSettings(document, GATEWAY, dir), (error) => {
        assert.ok(error instanceof ContractError)
        const found = new Set(error.problems.map(({ path }) => path))
        assert.deepEqual([...found].toSorted(), paths.toSorted(), error.message)
        assert.doesNotMatch(error.message, /PRIVATE KEY/)
        return true
      })
    })
  test('an audit file that cannot be written', async () => {
    const gateway = { ...GATEWAY, auditFile: 'no/such/folder/audit.jsonl' }
    await assert.rejects(documentSettings(DOCUMENT, gateway, dir), { message: /events\.auditFile/ })
  })
})

describe('documents that are followed', () => {
  test('everything of it, with what the machine knows of itself', async () => {
    const { settings } = await documentSettings(DOCUMENT, GATEWAY, dir)
    const { config } = settings
    assert.deepEqual([config.listen.host, config.listen.port, config.local.port], ['0.0.0.0', 8443, 9464])
    assert.deepEqual([config.activeSync.health.deadThreshold, config.limits.heldPerDevice], [7, 5])
    assert.deepEqual([config.policy.staleAfterSeconds, settings.unknownWhenCoreIsAway], [600, 'allow'])
    assert.deepEqual([config.autodiscover, config.lab, config.hosts], [true, false, {}])
    assert.deepEqual([settings.certPem, settings.auditFile], [server.certPem, join(dir, 'audit.jsonl')])
  })
  test("a laboratory's names are the machine's", async () => {
    const hosts = { 'outlook.office365.com': '127.0.0.1' }
    const { settings } = await documentSettings(DOCUMENT, { ...GATEWAY, lab: true, hosts }, dir)
    assert.deepEqual([settings.config.lab, settings.config.hosts], [true, hosts])
  })
})

describe('the certificate that is shown', () => {
  const cases: readonly (readonly [
    title: string,
    first: typeof server,
    reserve: typeof server | null,
    shown: string,
  ])[] = [
    ['no reserve, and it has ended: it is all there is', ended, null, ended.certPem],
    ['it has not ended', server, early, server.certPem],
    ['it has ended, and the reserve is good', ended, server, server.certPem],
    ['it has ended, and the reserve has not begun', ended, early, ended.certPem],
    ['both have ended', ended, ended, ended.certPem],
  ]
  for (const [title, first, reserve, shown] of cases)
    test(title, async () => {
      const tls = { ...DOCUMENT.tls, ...pair(first), reserve: reserve === null ? null : pair(reserve) }
      const given = await documentSettings({ ...DOCUMENT, tls }, GATEWAY, dir)
      assert.equal(settingsAt(given, NOW).certPem, shown)
    })
  test('the reserve takes over at the moment at which the first ends', async () => {
    const reserve = await ca.issueServer({ names, notAfter: new Date(NOW + 90 * 24 * HOUR_MS) })
    const given = await documentSettings(
      changed((d) => (d.tls.reserve = pair(reserve))),
      GATEWAY,
      dir,
    )
    const end = NOW + 31 * 24 * HOUR_MS
    assert.equal(settingsAt(given, NOW).certPem, server.certPem)
    assert.deepEqual([settingsAt(given, end).certPem, settingsAt(given, end).keyPem], [reserve.certPem, reserve.keyPem])
  })
})
