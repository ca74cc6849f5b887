import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ContractError, type Problem } from '@postern/contract/problems'
import type { SentryConfig } from '@postern/contract/sentry-config'
import { createCa } from '@postern/harness/ca'
import { asks, loadSettings, restartProblems } from './settings.ts'

const ca = await createCa()
const foreign = await createCa({ commonName: 'Foreign' })
const server = await ca.issueServer({ names: ['sentry.example.com'] })
const other = await ca.issueServer({ names: ['other.example.com'] })
const device = await ca.issueDevice()
const folder = await mkdtemp(join(tmpdir(), 'postern-settings-'))
after(() => rm(folder, { recursive: true }))
const FILES: Readonly<Record<string, string>> = {
  'sentry.crt': server.certPem,
  'sentry.key': server.keyPem,
  'other.key': other.keyPem,
  'device-ca.crt': ca.certPem,
  'device.crt': device.certPem,
  'good.crl': await ca.crl([device]),
  'foreign.crl': await foreign.crl([]),
  'rubbish.pem': 'rubbish',
}
await Promise.all(Object.entries(FILES).map(([name, text]) => writeFile(join(folder, name), text)))

interface Given {
  readonly tls?: Readonly<Record<string, unknown>>
  readonly top?: Readonly<Record<string, unknown>>
  readonly oauthCa?: string
  readonly serverCa?: string
}
const configOf = ({ tls = {}, top = {}, oauthCa, serverCa }: Given): unknown => ({
  listen: { host: '127.0.0.1', port: 8443 },
  tls: {
    certFile: 'sentry.crt',
    keyFile: 'sentry.key',
    deviceCaFiles: ['device-ca.crt'],
    crlFiles: [],
    minVersion: 'TLSv1.2',
    ...tls,
  },
  deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional' },
  oauth: {
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
    sentryResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    clients: [{ clientId: 'app', redirectUris: ['app://redirect/'] }],
    ...(oauthCa === undefined ? {} : { caFile: oauthCa }),
  },
  activeSync: {
    servers: ['outlook.office365.com'],
    scheduling: 'priority',
    redirectHosts: [],
    ...(serverCa === undefined ? {} : { caFile: serverCa }),
  },
  policy: { file: 'policy.json', unknownDevices: 'block', staleAfterSeconds: 86_400 },
  events: { auditFile: 'audit.jsonl' },
  local: { host: '127.0.0.1', port: 9464 },
  ...top,
})
let written = 0
async function load(given: Given): ReturnType<typeof loadSettings> {
  const file = join(folder, `sentry-${(written += 1)}.json`)
  await writeFile(file, JSON.stringify(configOf(given)))
  return loadSettings(file)
}
async function problemsOf(given: Given): Promise<readonly Problem[]> {
  try {
    await load(given)
  } catch (error) {
    assert.ok(error instanceof ContractError, String(error))
    return error.problems
  }
  return []
}

describe('settings that are refused', () => {
  const rejects: readonly { title: string; given: Given; paths: readonly string[]; word?: string }[] = [
    {
      title: 'certificate missing',
      given: { tls: { certFile: 'none.crt' } },
      paths: ['tls.certFile'],
      word: 'none.crt',
    },
    { title: 'key missing', given: { tls: { keyFile: 'none.key' } }, paths: ['tls.keyFile'], word: 'ENOENT' },
    { title: 'certificate is none', given: { tls: { certFile: 'rubbish.pem' } }, paths: ['tls.certFile'] },
    { title: 'key is none', given: { tls: { keyFile: 'rubbish.pem' } }, paths: ['tls.keyFile'] },
    {
      title: 'key of another certificate',
      given: { tls: { keyFile: 'other.key' } },
      paths: ['tls.keyFile'],
      word: 'tls.certFile',
    },
    {
      title: 'device CA missing',
      given: { tls: { deviceCaFiles: ['device-ca.crt', 'none.crt'] } },
      paths: ['tls.deviceCaFiles[1]'],
    },
    {
      title: 'device CA is none',
      given: { tls: { deviceCaFiles: ['rubbish.pem'] } },
      paths: ['tls.deviceCaFiles'],
      word: 'rubbish.pem',
    },
    {
      title: 'device CA is a device',
      given: { tls: { deviceCaFiles: ['device.crt'] } },
      paths: ['tls.deviceCaFiles'],
      word: 'no CA',
    },
    { title: 'revocation list missing', given: { tls: { crlFiles: ['none.crl'] } }, paths: ['tls.crlFiles[0]'] },
    {
      title: 'revocation list is none',
      given: { tls: { crlFiles: ['rubbish.pem'] } },
      paths: ['tls.crlFiles'],
      word: 'rubbish.pem',
    },
    {
      title: 'revocation list of a foreign CA',
      given: { tls: { crlFiles: ['good.crl', 'foreign.crl'] } },
      paths: ['tls.crlFiles'],
      word: 'foreign.crl',
    },
    { title: 'CA of the identity provider missing', given: { oauthCa: 'none.crt' }, paths: ['oauth.caFile'] },
    { title: 'CA of the servers is none', given: { serverCa: 'rubbish.pem' }, paths: ['activeSync.caFile'] },
    {
      title: 'many at once, all told',
      given: {
        tls: { keyFile: 'other.key', deviceCaFiles: ['none.crt'], crlFiles: ['none.crl'] },
        oauthCa: 'none.crt',
        serverCa: 'rubbish.pem',
      },
      paths: ['activeSync.caFile', 'oauth.caFile', 'tls.crlFiles[0]', 'tls.deviceCaFiles[0]', 'tls.keyFile'],
    },
    {
      title: 'the shape first: no file is looked at',
      given: { tls: { certFile: 'none.crt' }, top: { extra: 1 } },
      paths: [''],
      word: 'extra',
    },
  ]
  for (const { title, given, paths, word = '' } of rejects)
    test(title, async () => {
      const problems = await problemsOf(given)
      assert.deepEqual(problems.map(({ path }) => path).toSorted(), paths)
      assert.ok(
        problems.some(({ message }) => message.includes(word)),
        JSON.stringify(problems),
      )
    })
  test('the file itself is missing', async () => {
    await assert.rejects(loadSettings(join(folder, 'none.json')), { name: 'FileError' })
  })
  test('the file itself is no JSON', async () => {
    await assert.rejects(loadSettings(join(folder, 'rubbish.pem')), { name: 'FileError' })
  })
  test('no key text in a message', async () => {
    const problems = await problemsOf({ tls: { certFile: 'sentry.key', keyFile: 'sentry.crt' } })
    const secret = server.keyPem.split('\n')[1] ?? 'none'
    assert.ok(problems.length > 0 && !JSON.stringify(problems).includes(secret))
  })
})

describe('settings that are loaded', () => {
  test('file names are relative to the configuration file', async () => {
    const settings = await load({ tls: { crlFiles: ['good.crl'] }, serverCa: 'device-ca.crt' })
    assert.equal(settings.certPem, server.certPem)
    assert.equal(settings.keyPem, server.keyPem)
    assert.deepEqual(settings.deviceCas, [{ name: 'device-ca.crt', pem: ca.certPem }])
    assert.equal(settings.serverCa?.pem, ca.certPem)
    assert.equal(settings.identityProviderCa, null)
    assert.equal(settings.policyFile, join(folder, 'policy.json'))
    assert.equal(settings.auditFile, join(folder, 'audit.jsonl'))
    const named = ['sentry.crt', 'sentry.key', 'device-ca.crt', 'good.crl', 'device-ca.crt']
    assert.deepEqual(
      settings.watched.slice(1),
      named.map((name) => join(folder, name)),
    )
  })
})

describe('what a running Sentry cannot change', async () => {
  const { config } = await load({})
  const off = { onActiveSync: 'off', onOAuth: 'off', kind: 'identity' } as const
  const cases: readonly (readonly [title: string, after: Partial<SentryConfig>, paths: readonly string[]])[] = [
    ['listen.host', { listen: { ...config.listen, host: '0.0.0.0' } }, ['listen.host']],
    ['listen.port', { listen: { ...config.listen, port: 1 } }, ['listen.port']],
    ['balancers', { listen: { ...config.listen, proxyProtocolFrom: ['10.0.0.1'] } }, ['listen.proxyProtocolFrom']],
    ['local', { local: { host: '127.0.0.1', port: 1 } }, ['local']],
    [
      'two of them',
      { local: { host: '::1', port: 1 }, listen: { ...config.listen, port: 1 } },
      ['listen.port', 'local'],
    ],
    ['nothing', {}, []],
    [
      'how certificates are asked for',
      { deviceCertificate: { onActiveSync: 'optional', onOAuth: 'required', kind: 'group' } },
      [],
    ],
    ['whether certificates are asked for', { deviceCertificate: off }, []],
    ['names, limits, servers', { listen: { ...config.listen, names: ['a.example.com'] } }, []],
  ]
  for (const [title, changed, paths] of cases)
    test(title, () => {
      assert.deepEqual(
        restartProblems(config, { ...config, ...changed }).map(({ path }) => path),
        paths,
      )
    })
  test('certificates are asked for when one endpoint wants them', () => {
    assert.equal(asks({ ...config, deviceCertificate: off }), false)
    assert.equal(asks({ ...config, deviceCertificate: { ...off, onOAuth: 'optional' } }), true)
  })
})
