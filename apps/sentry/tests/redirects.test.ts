/**
 * Protocol document 9.3, T34 to T37: a server that sends the device elsewhere.
 *
 * Every target that must not be contacted is a listener of this test, so that "never" is seen and not supposed.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { LookupAddress } from 'node:dns'
import { type ExchangeStandIn, startExchange } from '@postern/harness/exchange'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import { createPinnedLookup } from '../src/servers/pinned-lookup.ts'
import { redirectTarget } from '../src/servers/redirect.ts'
import { hex, FOLDER_SYNC } from './support/golden.ts'
import { auditOf, reconfigure } from './support/observe.ts'
import { startTrap, type Trap } from './support/trap.ts'

const HOME = 'outlook.office365.com'
const ELSEWHERE = 'outlook.office.com'
const PATH = '/Microsoft-Server-ActiveSync'
const CBA = 'outlook-cba.office365.com'

let lab: Lab
/** Where a mailbox may have moved to. */
let moved: ExchangeStandIn
/** Its port is on the list. */
let listedTrap: Trap
/** Its port is not. */
let otherTrap: Trap
let loopback6: Trap | null

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  const cert = await lab.serverCa.issueServer({ names: [HOME, ELSEWHERE] })
  moved = await startExchange({ cert, audience: lab.destinationResource, requirePolicy: false })
  listedTrap = await startTrap()
  otherTrap = await startTrap()
  loopback6 = await startTrap('::1').catch(() => null)
  const activeSync = {
    ...(lab.config['activeSync'] as ConfigFile),
    redirectHosts: [
      ...[HOME, ELSEWHERE, CBA].map((host) => `${host}:${listedTrap.port}`),
      ...[HOME, ELSEWHERE].map((host) => `${host}:${moved.port}`),
      `${HOME}:${lab.exchange.port}`,
    ],
  }
  const hosts = { ...(lab.config['hosts'] as ConfigFile), 'evil.test': '127.0.0.1', [CBA]: '127.0.0.1' }
  await reconfigure(lab, { ...lab.config, activeSync, hosts })
})

after(async () => {
  await lab[Symbol.asyncDispose]()
  for (const each of [listedTrap, otherTrap, loopback6, moved]) await each?.[Symbol.asyncDispose]()
})

describe('T35 a redirect that leads astray', () => {
  const traps = (): number =>
    [listedTrap, otherTrap, loopback6].reduce((sum, trap) => sum + (trap?.connections ?? 0), 0)
  const targets: [title: string, location: () => string, reason: string][] = [
    ['http:', () => `http://${ELSEWHERE}:${listedTrap.port}${PATH}`, 'REDIRECT_NOT_HTTPS'],
    ['evil.test', () => `https://evil.test:${listedTrap.port}${PATH}`, 'REDIRECT_HOST_NOT_LISTED'],
    [
      'a host that ends like a listed one',
      () => `https://x${ELSEWHERE}:${listedTrap.port}${PATH}`,
      'REDIRECT_HOST_NOT_LISTED',
    ],
    ['169.254.169.254', () => `https://169.254.169.254${PATH}`, 'REDIRECT_IP_LITERAL'],
    ['127.0.0.1', () => `https://127.0.0.1:${listedTrap.port}${PATH}`, 'REDIRECT_IP_LITERAL'],
    ['127.0.0.1 in hexadecimal', () => `https://0x7f000001:${listedTrap.port}${PATH}`, 'REDIRECT_IP_LITERAL'],
    ['127.0.0.1 in decimal', () => `https://2130706433:${listedTrap.port}${PATH}`, 'REDIRECT_IP_LITERAL'],
    ['[::1]', () => `https://[::1]:${loopback6?.port ?? 443}${PATH}`, 'REDIRECT_IP_LITERAL'],
    ['another port of a listed host', () => `https://${ELSEWHERE}:${otherTrap.port}${PATH}`, 'REDIRECT_PORT'],
    ['port 8443 of a listed host', () => `https://${ELSEWHERE}:8443${PATH}`, 'REDIRECT_PORT'],
    ['user@host', () => `https://user@${ELSEWHERE}:${listedTrap.port}${PATH}`, 'REDIRECT_USERINFO'],
    [
      'listed@evil',
      () => `https://${ELSEWHERE}:${listedTrap.port}@evil.test:${otherTrap.port}${PATH}`,
      'REDIRECT_USERINFO',
    ],
    ['another path', () => `https://${ELSEWHERE}:${listedTrap.port}/EWS/Exchange.asmx`, 'REDIRECT_PATH'],
    ['a backslash', () => `https://${ELSEWHERE}:${listedTrap.port}\\@evil.test${PATH}`, 'REDIRECT_MALFORMED'],
    ['no scheme', () => `//${ELSEWHERE}:${listedTrap.port}${PATH}`, 'REDIRECT_MALFORMED'],
  ]
  for (const [title, location, reason] of targets) {
    test(`T35 451 to ${title}: 503, never contacted`, async () => {
      const received = lab.exchange.receivedCount
      const before = traps()
      lab.exchange.script({ match: 'FolderSync', action: { kind: 'redirect', location: location() } })
      const reply = await lab.eas(lab.devices['ann-phone'])
      assert.equal(reply.status, 503)
      assert.equal(reply.headers['x-ms-location'], undefined)
      assert.equal(reply.headers['location'], undefined)
      assert.equal(lab.exchange.receivedCount, received + 1)
      assert.equal(moved.receivedCount, 0)
      assert.equal(traps(), before)
      const line = await auditOf(lab.sentry, reply)
      assert.equal(line.upstreamStatus, 451)
      assert.deepEqual(line.reasons.slice(0, 2), ['UPSTREAM_REDIRECT', reason])
    })
  }

  test('T35 451 without X-MS-Location: 503', async () => {
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'respond', status: 451 } })
    assert.equal((await lab.eas(lab.devices['ann-phone'])).status, 503)
  })

  test('T35 302 is not followed and does not reach the device', async () => {
    const headers = [['Location', `https://${ELSEWHERE}:${listedTrap.port}${PATH}`]] as const
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'respond', status: 302, headers } })
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 503)
    assert.equal(reply.headers['location'], undefined)
    assert.equal(traps(), 0)
  })

  // A name that a lab maps is exempt, so this one is shown at the two functions that stand between name and socket.
  for (const found of [
    ['10.0.0.1'],
    ['52.96.0.1', '10.0.0.1'],
    ['169.254.169.254'],
    ['fd00::1'],
    ['::ffff:10.0.0.1'],
  ]) {
    test(`T35 a listed name that resolves to ${found.join(' and ')} is not connected to`, async () => {
      const rules = { redirectHosts: ['*.outlook.com'], labHosts: new Set<string>() }
      const decision = redirectTarget(`https://eas.outlook.com${PATH}`, rules)
      assert.deepEqual(decision, { ok: true, target: { host: 'eas.outlook.com', port: 443 } })
      const addresses = found.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
      const lookup = createPinnedLookup(rules, (_name, _options, callback) => callback(null, addresses))
      const refused = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
        lookup('eas.outlook.com', { all: true }, (error) => resolve(error))
      })
      assert.equal(refused?.code, 'ERR_ADDRESS_REFUSED')
    })
  }
})

describe('T36 a loop of redirects', () => {
  test('T36 451 loop of 3: 503 after 2 hops', async () => {
    const [here, there] = [`https://${HOME}:${lab.exchange.port}${PATH}`, `https://${ELSEWHERE}:${moved.port}${PATH}`]
    const stop = [
      lab.exchange.script({ match: 'FolderSync', times: Infinity, action: { kind: 'redirect', location: there } }),
      moved.script({ match: 'FolderSync', times: Infinity, action: { kind: 'redirect', location: here } }),
    ]
    const [first, second] = [lab.exchange.receivedCount, moved.receivedCount]
    const reply = await lab.eas(lab.devices['ann-phone'])
    for (const each of stop) each()
    assert.equal(reply.status, 503)
    assert.equal(lab.exchange.receivedCount - first, 2)
    assert.equal(moved.receivedCount - second, 1)
    const line = await auditOf(lab.sentry, reply)
    assert.equal(line.reasons[0], 'UPSTREAM_REDIRECT')
  })
})

describe('T37 a redirect to certificate sign-in', () => {
  test('T37 451 to outlook-cba.office365.com: not followed, 503, alarm', async () => {
    const connections = listedTrap.connections
    const location = `https://${CBA}:${listedTrap.port}${PATH}`
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'redirect', location } })
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 503)
    assert.equal(reply.headers['x-ms-location'], undefined)
    assert.equal(listedTrap.connections, connections)
    const line = await auditOf(lab.sentry, reply)
    assert.equal(line.event, 'alarm')
    assert.equal(line.reasons[0], 'UPSTREAM_CERTIFICATE_AUTH')
  })
})

describe('T34 a mailbox that has moved', () => {
  test('T34 451 to a listed host is followed inside; the next request goes there directly', async () => {
    const location = `https://${ELSEWHERE}:${moved.port}${PATH}`
    lab.exchange.script({ match: 'FolderSync', action: { kind: 'redirect', location } })
    const [first, second] = [lab.exchange.receivedCount, moved.receivedCount]
    const bob = lab.devices['bob-phone']
    const reply = await lab.eas(bob)
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['x-ms-location'], undefined)
    const [asked, followed] = [lab.exchange.received.at(-1), moved.received.at(-1)]
    assert.equal(lab.exchange.receivedCount - first, 1)
    assert.equal(moved.receivedCount - second, 1)
    assert.ok(asked !== undefined && followed !== undefined)
    assert.equal(followed.method, asked.method)
    assert.equal(followed.target, asked.target)
    assert.deepEqual(followed.body, hex('03 01 6A 00 00 07 56 52 03 30 00 01 01'))
    assert.equal(followed.headers['authorization'], asked.headers['authorization'])
    assert.equal(followed.headers['host'], `${ELSEWHERE}:${moved.port}`)
    await auditOf(lab.sentry, reply)
    const next = await Promise.all([lab.eas(bob), lab.eas(bob), lab.eas(lab.devices['bob-tablet'])])
    assert.deepEqual(
      next.map(({ status }) => status),
      [200, 200, 200],
    )
    assert.equal(lab.exchange.receivedCount - first, 1)
    assert.equal(moved.receivedCount - second, 4)
  })

  test('T34 another user is not sent there', async () => {
    const [first, second] = [lab.exchange.receivedCount, moved.receivedCount]
    const reply = await lab.eas(lab.devices['ann-phone'])
    assert.equal(reply.status, 200)
    assert.notDeepEqual(reply.body, hex(FOLDER_SYNC.blocked129))
    assert.equal(lab.exchange.receivedCount - first, 1)
    assert.equal(moved.receivedCount - second, 0)
  })
})
