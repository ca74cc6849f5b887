/** Row T110 of the acceptance list: the national clouds. Hosts are those of the protocol document, 2.11. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startExchange } from '@postern/harness/exchange'
import type { ExchangeStandIn } from '@postern/harness/exchange'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { CLOUDS } from '@postern/oauth-map/clouds'
import type { CloudPreset } from '@postern/oauth-map/clouds'
import { AUTHORIZE, jsonOf, mailClaims, pairsOf, post, REFRESH, unsignedToken } from './support/oauth-requests.ts'
import type { Reply } from './support/oauth-requests.ts'
import { startScriptedProvider, V1_ANSWER } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

const TABLE = [
  {
    name: 'worldwide',
    eas: 'outlook.office365.com',
    login: 'login.microsoftonline.com',
    cba: 'outlook-cba.office365.com',
  },
  {
    name: 'us-gcc-high',
    eas: 'outlook.office365.us',
    login: 'login.microsoftonline.us',
    cba: 'outlook-cba.office365.us',
  },
  {
    name: 'us-dod',
    eas: 'outlook-dod.office365.us',
    login: 'login.microsoftonline.us',
    cba: 'outlook-dod-cba.office365.us',
  },
  {
    name: 'china',
    eas: 'partner.outlook.cn',
    login: 'login.partner.microsoftonline.cn',
    cba: 'outlook-cba.partner.outlook.cn',
  },
] as const
type Row = (typeof TABLE)[number]
const NATIONAL = TABLE.filter(({ name }) => name !== 'worldwide')
const EVERY_HOST = [...new Set(TABLE.flatMap(({ eas, login, cba }) => [eas, login, cba]))]

const presetOf = ({ name }: Row): CloudPreset => {
  const preset = CLOUDS.find((cloud) => cloud.name === name)
  assert.ok(preset !== undefined)
  return preset
}
const sentryOf = ({ name }: Row): string => `sentry.${name}.example.com`

describe('national clouds', () => {
  let lab: Lab
  let provider: ScriptedProvider
  const servers = new Map<string, ExchangeStandIn>()
  const sentries = new Map<string, Awaited<ReturnType<Lab['addSentry']>>>()
  before(async () => {
    provider = await startScriptedProvider(TABLE.map(({ login }) => login))
    lab = await startLab({ workers: 1 })
    await Promise.all(NATIONAL.map((row) => raise(row)))
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await Promise.all([...servers.values()].map((server) => server.close()))
    await provider[Symbol.asyncDispose]()
  })

  /** A Sentry that is configured with a preset, and the cloud's mail server. Every host of every cloud is found there. */
  const raise = async (row: Row): Promise<void> => {
    const preset = presetOf(row)
    const cert = await lab.serverCa.issueServer({ names: EVERY_HOST })
    const server = await startExchange({ cert, audience: preset.destinationResource, requirePolicy: false })
    servers.set(row.name, server)
    const withPort = (host: string): string => `${host}:${String(server.port)}`
    const sentry = await lab.addSentry(sentryOf(row), {
      config: {
        oauth: {
          authorizationEndpoint: atPort(preset.authorizationEndpoint, provider.port),
          tokenEndpoint: atPort(preset.tokenEndpoint, provider.port),
          destinationResource: preset.destinationResource,
          caFile: provider.caFile,
        },
        activeSync: {
          servers: preset.easHosts.map(withPort),
          redirectHosts: [...preset.redirectHosts, ...preset.redirectHosts.map(withPort)],
        },
        hosts: Object.fromEntries(EVERY_HOST.map((host) => [host, '127.0.0.1'])),
      },
    })
    sentries.set(sentryOf(row), sentry)
  }

  const serverOf = ({ name }: Row): ExchangeStandIn => {
    const server = servers.get(name)
    assert.ok(server !== undefined)
    server.clearReceived()
    server.clearScript()
    return server
  }
  const folderSync = (row: Row, aud = `https://${row.eas}/`): Promise<Reply> =>
    lab.eas(lab.devices['ann-phone'], {
      sentry: sentryOf(row),
      token: unsignedToken(mailClaims('ann@example.com', { aud })),
    })

  for (const row of TABLE) {
    test(`T110 ${row.name}: the preset is the table's row`, () => {
      const preset = presetOf(row)
      assert.equal(preset.easHosts[0], row.eas)
      assert.equal(preset.loginHosts[0], row.login)
      assert.deepEqual(preset.cbaHosts, [row.cba])
      assert.equal(preset.destinationResource, `https://${row.eas}/`)
      assert.equal(preset.authorizationEndpoint, `https://${row.login}/common/oauth2/authorize`)
      assert.equal(preset.tokenEndpoint, `https://${row.login}/common/oauth2/token`)
      const foreign = TABLE.filter(({ name }) => name !== row.name).map(({ eas }) => eas)
      assert.ok(preset.redirectHosts.includes(row.eas))
      assert.ok(!preset.redirectHosts.some((host) => foreign.some((other) => host === other) || host.includes('-cba')))
    })
  }

  for (const row of NATIONAL) {
    test(`T110 ${row.name}: sign-in goes to its login host, for its resource`, async () => {
      const path = `/proxyservice/oauth2/authorize?${AUTHORIZE}&resource=https%3A%2F%2F${sentryOf(row)}`
      const reply = await lab.oauth(path, { sentry: sentryOf(row) })
      assert.equal(reply.status, 302)
      const location = new URL(reply.headers['location'] ?? '')
      assert.equal(location.origin, `https://${row.login}:${String(provider.port)}`)
      assert.equal(location.searchParams.get('resource'), `https://${row.eas}/`)
    })

    test(`T110 ${row.name}: a refresh is for its resource, and that of another cloud is foreign`, async () => {
      provider.received.length = 0
      const own = `https://${sentryOf(row)}`
      const body = V1_ANSWER.replace('https://outlook.office365.com/', `https://${row.eas}/`)
      provider.next({ kind: 'respond', status: 200, body })
      const reply = await post(lab, `${REFRESH}&resource=${encodeURIComponent(own)}`, { sentry: sentryOf(row) })
      assert.equal(jsonOf(reply.body)['resource'], own)
      const [sent] = provider.received
      assert.equal(sent?.headers['host'], `${row.login}:${String(provider.port)}`)
      assert.equal(new Map(pairsOf(sent.body)).get('resource'), `https://${row.eas}/`)
      for (const { eas } of TABLE.filter(({ name }) => name !== row.name)) {
        const foreign = await post(lab, `${REFRESH}&resource=https%3A%2F%2F${eas}%2F`, { sentry: sentryOf(row) })
        assert.deepEqual([foreign.status, jsonOf(foreign.body)['error']], [400, 'invalid_target'])
      }
      assert.equal(provider.received.length, 1)
    })

    test(`T110 ${row.name}: only a token for its resource reaches its server`, async () => {
      const server = serverOf(row)
      for (const { eas } of TABLE.filter(({ name }) => name !== row.name)) {
        assert.equal((await folderSync(row, `https://${eas}/`)).status, 401)
      }
      assert.equal(server.receivedCount, 0)
      assert.equal((await folderSync(row)).status, 200)
      assert.equal(server.received[0]?.headers['host'], `${row.eas}:${String(server.port)}`)
    })

    test(`T110 ${row.name}: a 451 to another cloud is not followed`, async () => {
      const server = serverOf(row)
      for (const { eas } of TABLE.filter(({ name }) => name !== row.name)) {
        server.clearReceived()
        const location = `https://${eas}:${String(server.port)}/Microsoft-Server-ActiveSync`
        server.script({ action: { kind: 'redirect', location } })
        const reply = await folderSync(row)
        assert.deepEqual([reply.status, reply.headers['x-ms-location']], [503, undefined])
        assert.equal(server.receivedCount, 1)
      }
    })

    test(`T110 ${row.name}: a 451 to its host for certificates is not followed, with an alarm`, async () => {
      const server = serverOf(row)
      for (const location of [`https://${row.cba}`, `https://${row.cba}:${String(server.port)}`]) {
        server.clearReceived()
        server.script({ action: { kind: 'redirect', location: `${location}/Microsoft-Server-ActiveSync` } })
        const reply = await folderSync(row)
        assert.ok([401, 503].includes(reply.status))
        assert.equal(reply.headers['x-ms-location'], undefined)
        assert.equal(server.receivedCount, 1)
        assert.equal(await alarmed(reply, row), 'alarm')
      }
    })

    test(`T110 ${row.name}: a 451 to its own host is followed`, async () => {
      const server = serverOf(row)
      const location = `https://${row.eas}:${String(server.port)}/Microsoft-Server-ActiveSync`
      server.script({ action: { kind: 'redirect', location } })
      assert.equal((await folderSync(row)).status, 200)
      assert.equal(server.receivedCount, 2)
    })
  }

  const alarmed = async (reply: Reply, row: Row): Promise<string> => {
    const sentry = sentries.get(sentryOf(row))
    assert.ok(sentry !== undefined)
    return (await sentry.waitForAudit(({ id }) => id === reply.headers['x-request-id'])).event
  }
})

function atPort(endpoint: string, port: number): string {
  const url = new URL(endpoint)
  url.port = String(port)
  return url.href
}
