/**
 * Settings that change while devices are connected: taken over whole, or not at all, and never at a device's cost.
 * @module
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import { type ExchangeStandIn, startExchange } from '@postern/harness/exchange'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { hex, PING_REQUEST, type Reply } from './support/golden.ts'
import { afterEvent, auditOf, changeAndHangUp, eventCount, reconfigure } from './support/observe.ts'
import { rawHead } from './support/raw-request.ts'

/** Ping Status 2: folder 1 has changed. */
const PING_2 = '03 01 6A 00 00 0D 45 47 03 32 00 01 49 4A 03 31 00 01 01 01'

let lab: Lab
let second: ExchangeStandIn

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  const cert = await lab.serverCa.issueServer({ names: ['outlook.office.com'] })
  second = await startExchange({ cert, audience: lab.destinationResource, requirePolicy: false })
})

afterEach(() => reconfigure(lab, lab.config))

after(async () => {
  await lab[Symbol.asyncDispose]()
  await second.close()
})

/** A Ping that the first server holds, and a connection that stays. */
async function connected(): Promise<{ ping: Promise<Reply>; kept: RawClient }> {
  const from = lab.exchange.receivedCount
  const ping = lab.eas(lab.devices['ann-phone'], { command: 'Ping', body: hex(PING_REQUEST) })
  await lab.exchange.waitForRequest((request) => lab.exchange.received.indexOf(request) >= from)
  const kept = await lab.raw(lab.devices['bob-phone'])
  assert.equal(await options(kept), 200)
  return { ping, kept }
}

async function options(client: RawClient): Promise<number> {
  await client.send(await rawHead(lab, lab.devices['bob-phone'], { method: 'OPTIONS' }))
  return (await client.readResponse()).status
}

/** The Ping was not touched: mail wakes it. */
async function assertStillWaiting(ping: Promise<Reply>): Promise<void> {
  lab.exchange.deliver('ann@example.com', { subject: 'wake', from: 'bob@example.com', body: 'x' })
  const reply = await ping
  assert.deepEqual([reply.status, reply.body.toString('hex')], [200, hex(PING_2).toString('hex')])
}

function section(name: string, changes: ConfigFile): ConfigFile {
  return { ...lab.config, [name]: { ...(lab.config[name] as ConfigFile | undefined), ...changes } }
}

describe('settings reload', () => {
  test('reload: servers: a held Ping and a kept connection stay; the next request goes to the new server', async () => {
    const { ping, kept } = await connected()
    await using _kept = kept
    await reconfigure(lab, section('activeSync', { servers: [`outlook.office.com:${second.port}`] }))
    const [old, fresh] = [lab.exchange.receivedCount, second.receivedCount]
    assert.equal(await options(kept), 200)
    assert.deepEqual([lab.exchange.receivedCount - old, second.receivedCount - fresh], [0, 1])
    await assertStillWaiting(ping)
  })

  test('reload: TLS certificate and SIGHUP: kept connections stay; new ones see the new certificate', async () => {
    const { ping, kept } = await connected()
    await using _kept = kept
    const renewed = await lab.serverCa.issueServer({ names: [lab.sentryName] })
    await changeAndHangUp(lab.sentry, async () => {
      // The key first: until both fit, the pair is refused whole.
      await writeFile(join(lab.dir, 'sentry.key'), renewed.keyPem)
      await writeFile(join(lab.dir, 'sentry.crt'), renewed.certPem)
    })
    await using shown = await lab.raw(lab.devices['bob-phone'])
    const fingerprint = shown.socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase()
    assert.equal(`sha256:${String(fingerprint)}`, renewed.fingerprint)
    assert.equal(await options(kept), 200)
    await assertStillWaiting(ping)
  })

  test('reload: limits, names, tenants and versions: in force for the next request of a kept connection', async () => {
    const { ping, kept } = await connected()
    await using _kept = kept
    const device = lab.devices['bob-phone']
    const tenantIds = ['99999999-9999-9999-9999-999999999999']
    const tokens = (): Promise<Reply[]> =>
      Promise.all([1, 2, 3, 4].map(() => lab.oauth('/proxyservice/oauth2/token', { form: { grant_type: 'password' } })))
    assert.deepEqual(
      (await tokens()).map(({ status }) => status),
      [400, 400, 400, 400],
    )
    await reconfigure(lab, { ...section('oauth', { tenantIds }), limits: { oauthRequestsPerSecondPerAddress: 1 } })
    await kept.send(await rawHead(lab, device))
    assert.equal(
      (await kept.readResponse()).body.toString('hex'),
      hex('03 01 6A 00 00 07 56 4C 03 31 33 30 00 01 01').toString('hex'),
    )
    assert.ok((await tokens()).some(({ status }) => status === 429))
    await reconfigure(lab, {
      ...section('activeSync', { versions: ['14.1'] }),
      listen: { ...(lab.config['listen'] as ConfigFile), names: ['other.example.com'] },
    })
    await kept.send(await rawHead(lab, device))
    assert.equal(
      (await kept.readResponse()).body.toString('hex'),
      hex('03 01 6A 00 00 07 56 4C 03 31 33 38 00 01 01').toString('hex'),
    )
    await assertSettled(ping)
  })

  /** The Ping above speaks 16.1, which the last settings refuse: it is decided anew, and told so. */
  async function assertSettled(ping: Promise<Reply>): Promise<void> {
    assert.equal((await auditOf(lab.sentry, await ping)).decision, 'refuse')
  }
})

describe('settings that cannot be taken over', () => {
  const wrong: [title: string, config: () => ConfigFile | Promise<ConfigFile>, says: RegExp][] = [
    ['an unknown member', () => ({ ...lab.config, surprise: true }), /surprise/],
    ['no servers', () => section('activeSync', { servers: [] }), /activeSync\.servers/],
    [
      'two mistakes, both told',
      () => ({ ...section('activeSync', { scheduling: 'random' }), autodiscover: 'yes' }),
      /(?=.*scheduling)(?=.*autodiscover)/s,
    ],
    ['a file that is not there', () => section('tls', { certFile: 'nowhere.crt' }), /tls\.certFile/],
    ['another port to listen on', () => section('listen', { port: 1 }), /listen\.port/],
    [
      'a key of another certificate',
      async () => {
        const { certPem } = await (await createCa()).issueServer({ names: ['x.test'] })
        await writeFile(join(lab.dir, 'other.crt'), certPem)
        return section('tls', { certFile: 'other.crt' })
      },
      /tls\.keyFile/,
    ],
    [
      'a revocation list of a stranger',
      async () => {
        await writeFile(join(lab.dir, 'foreign.crl'), await (await createCa()).crl([]))
        return section('tls', { crlFiles: ['foreign.crl'] })
      },
      /foreign\.crl/,
    ],
  ]
  for (const [title, config, says] of wrong) {
    test(`reload: ${title}: reported, nothing changes`, async () => {
      const { ping, kept } = await connected()
      await using _kept = kept
      const applied = eventCount(lab.sentry, 'settings-applied')
      const before = lab.sentry.stderr().length
      // With a change in it that would be seen: the server.
      const draft = await config()
      const activeSync = { ...(lab.config['activeSync'] as ConfigFile), servers: [`outlook.office.com:${second.port}`] }
      await afterEvent(lab.sentry, 'settings-rejected', () => lab.sentry.writeConfig({ activeSync, ...draft }))
      assert.match(lab.sentry.stderr().slice(before), says)
      assert.equal(eventCount(lab.sentry, 'settings-applied'), applied)
      const received = lab.exchange.receivedCount
      assert.equal(await options(kept), 200)
      await using fresh = await lab.raw(lab.devices['bob-phone'])
      assert.equal(await options(fresh), 200)
      assert.equal(lab.exchange.receivedCount, received + 2)
      await assertStillWaiting(ping)
    })
  }

  test('reload: a file that is no JSON: reported, nothing changes', async () => {
    const { ping, kept } = await connected()
    await using _kept = kept
    await afterEvent(lab.sentry, 'settings-rejected', () => writeFile(lab.sentry.configFile, '{ "listen": '))
    assert.equal(await options(kept), 200)
    await assertStillWaiting(ping)
  })
})
