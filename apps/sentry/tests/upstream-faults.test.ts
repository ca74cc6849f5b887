/**
 * Protocol document 9.3, T59, T75, T91 to T93: servers that are not who they should be, or not well.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createCa, type Issued } from '@postern/harness/ca'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import { runSentry, type SentryProcess } from '@postern/harness/sentry-process'
import { hex } from './support/golden.ts'
import { auditOf, until } from './support/observe.ts'
import { startTlsTrap, type Trap } from './support/trap.ts'

const SERVER = 'outlook.office365.com'
const HOUR_MS = 3_600_000

let lab: Lab

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
})

after(() => lab[Symbol.asyncDispose]())

/** The lab's server settings with other servers. */
function withServers(...servers: string[]): ConfigFile {
  return { ...(lab.config['activeSync'] as ConfigFile), servers }
}

describe('T59 a server with a bad certificate', { concurrency: true }, () => {
  const past = { notBefore: new Date(Date.now() - 3 * HOUR_MS), notAfter: new Date(Date.now() - HOUR_MS) }
  const future = { notBefore: new Date(Date.now() + HOUR_MS), notAfter: new Date(Date.now() + 3 * HOUR_MS) }
  const names = [SERVER]
  const certificates: [title: string, name: string, issue: () => Promise<Issued>][] = [
    ['self-signed', 'self', () => lab.serverCa.issueServer({ names, overrides: { selfSigned: true } })],
    ['expired', 'expired', () => lab.serverCa.issueServer({ names, ...past })],
    ['not yet valid', 'future', () => lab.serverCa.issueServer({ names, ...future })],
    ['for another name', 'name', () => lab.serverCa.issueServer({ names: ['outlook.example.net'] })],
    ['of an unknown CA', 'ca', async () => (await createCa()).issueServer({ names })],
    ['of the device CA', 'device', () => lab.deviceCa.issueServer({ names })],
  ]
  for (const [title, name, issue] of certificates) {
    test(`T59 ${title}: 503, no request bytes left, the self-test of start-up fails`, async () => {
      await using rogue: Trap = await startTlsTrap(await issue())
      const sentry = `${name}.sentry.example.com`
      const activeSync = withServers(`${SERVER}:${rogue.port}`)
      const started: SentryProcess = await lab.addSentry(sentry, { config: { activeSync } })
      const notReady = async (): Promise<boolean> => (await started.health('/readyz')).status === 503
      await until('readiness says no', notReady)
      const { body } = await started.health('/readyz')
      assert.equal(body, `server ${SERVER}:${rogue.port} is not usable: UPSTREAM_TLS\n`)
      assert.equal((await started.health('/healthz')).status, 200)
      const reply = await lab.eas(lab.devices['ann-phone'], { sentry })
      assert.equal(reply.status, 503)
      assert.ok(Number(reply.headers['retry-after']) >= 30)
      const line = await auditOf(started, reply)
      assert.equal(line.reasons[0], 'UPSTREAM_TLS')
      assert.equal(line.upstreamStatus, null)
      assert.ok(rogue.connections > 0, 'it was tried')
      assert.equal(rogue.bytes.length, 0)
      await started.stop()
    })
  }

  test('T59 NODE_TLS_REJECT_UNAUTHORIZED=0 does not start', async () => {
    // eslint-disable-next-line no-restricted-syntax -- what is set here is refused
    const env = { ['NODE_TLS_REJECT_UNAUTHORIZED']: '0' }
    const run = await runSentry(lab.config, { dir: lab.dir, configName: 'unsafe.json', env }, [])
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /NODE_TLS_REJECT_UNAUTHORIZED/)
  })

  test('T59 a good certificate is ready (the control)', async () => {
    assert.deepEqual(await lab.sentry.health('/readyz'), { status: 200, body: 'ready\n' })
  })
})

describe('T75 a server that breaks after a mail was sent', () => {
  const mail = hex('03 01 6A 00 00 15 45 51 03 31 00 01 50 C3 02 68 69 01 01')
  const faults = [
    ['resets', { kind: 'reset' }, 'UPSTREAM_RESET'],
    ['answers no HTTP', { kind: 'raw', bytes: 'SMTP 220 hello\r\n\r\n' }, 'UPSTREAM_MALFORMED'],
  ] as const
  for (const [title, action, reason] of faults) {
    test(`T75 ${title} after receiving a SendMail body: 503, exactly one POST, whatever other servers there are`, async () => {
      const sentry = `${action.kind}.sentry.example.com`
      const both = [SERVER, 'outlook.office.com'].map((host) => `${host}:${lab.exchange.port}`)
      const started = await lab.addSentry(sentry, { config: { activeSync: withServers(...both) } })
      const received = lab.exchange.receivedCount
      lab.exchange.script({ match: 'SendMail', action })
      const reply = await lab.eas(lab.devices['ann-phone'], { sentry, command: 'SendMail', body: mail })
      assert.equal(reply.status, 503)
      const wait = Number(reply.headers['retry-after'])
      assert.ok(wait >= 30 && wait <= 300)
      const posts = lab.exchange.received.slice(received)
      assert.deepEqual(
        posts.map(({ command, body }) => [command, body.toString('hex')]),
        [['SendMail', mail.toString('hex')]],
      )
      const line = await auditOf(started, reply)
      assert.equal(line.reasons[0], reason)
      await started.stop()
      assert.equal(lab.exchange.receivedCount, received + 1)
    })
  }
})

describe('T91 throttling', () => {
  test('T91 503 with Retry-After and X-MS-ASThrottle passes unchanged, and is not tried again', async () => {
    const received = lab.exchange.receivedCount
    lab.exchange.script({
      match: 'FolderSync',
      action: { kind: 'throttled', retryAfter: '120', reason: 'CommandFrequency' },
    })
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 503)
    assert.equal(reply.headers['retry-after'], '120')
    assert.equal(reply.headers['x-ms-asthrottle'], 'CommandFrequency')
    assert.equal(lab.exchange.receivedCount, received + 1)
    const line = await auditOf(lab.sentry, reply)
    assert.deepEqual([line.decision, line.upstreamStatus], ['allow', 503])
  })

  test('T91 a date in Retry-After stays a date', async () => {
    const retryAfter = 'Fri, 31 Dec 2027 23:59:59 GMT'
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'throttled', retryAfter, reason: 'RecentCommands' } })
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.headers['retry-after'], retryAfter)
    assert.equal(reply.headers['x-ms-asthrottle'], 'RecentCommands')
  })
})

describe('T92 a front end without a mailbox', () => {
  test('T92 OPTIONS answered 200 "The network is busy" becomes 503 with Retry-After', async () => {
    lab.exchange.script({ match: 'OPTIONS', times: Infinity, action: { kind: 'busy' } })
    const reply = await lab.eas(lab.devices['ann-phone'], { method: 'OPTIONS', query: '' })
    lab.exchange.clearScript()
    assert.equal(reply.status, 503)
    const wait = Number(reply.headers['retry-after'])
    assert.ok(wait >= 30 && wait <= 300)
    assert.equal(reply.body.includes('network is busy'), false)
    const line = await auditOf(lab.sentry, reply)
    assert.deepEqual([line.reasons[0], line.upstreamStatus], ['UPSTREAM_NOT_EXCHANGE', 200])
  })

  test('T92 a true OPTIONS answer passes (the control)', async () => {
    const reply = await lab.eas(lab.devices['ann-phone'], { method: 'OPTIONS', query: '' })
    assert.deepEqual([reply.status, reply.headers['ms-asprotocolversions']], [200, '14.1,16.1'])
  })
})

describe('T93 X-MS-RP', () => {
  test('T93 X-MS-RP passes, and is not there when the server did not send it', async () => {
    const value = 'Sync;14.1,16.1'
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'decorate', headers: [['X-MS-RP', value]] } })
    const [told, silent] = [await lab.eas(lab.devices['ann-phone']), await lab.eas(lab.devices['ann-phone'])]
    assert.equal(told.headers['x-ms-rp'], value)
    assert.equal(silent.status, 200)
    assert.equal('x-ms-rp' in silent.headers, false)
  })
})
