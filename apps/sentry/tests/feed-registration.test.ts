/**
 * Enrolment, renewal and the end of a registration.
 * @module
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseGatewayFile } from '@postern/contract/feed/gateway-file'
import { enrolSentry, type EnrolOptions, launchRegisteredSentry } from '@postern/harness/sentry-process'
import { enrollCommand } from '../src/registration/enroll-command.ts'
import { until } from './support/observe.ts'
import { shiftedClock } from './support/shifted-clock.ts'
import { GATE, type RegisteredLab, startRegisteredLab } from './support/registered-lab.ts'
import { type ScriptedCore, startScriptedCore } from './support/scripted-core.ts'

const folder = await mkdtemp(join(tmpdir(), 'postern-enrol-'))
after(() => rm(folder, { recursive: true, force: true }))
let folders = 0
const newDir = (): string => join(folder, `data-${(folders += 1)}`)

describe('enrolments that are refused, with the flag and the remedy', () => {
  let core: ScriptedCore
  let other: ScriptedCore

  before(async () => {
    core = await startScriptedCore()
    other = await startScriptedCore()
  })
  after(async () => {
    await core[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
  })

  const cases: readonly {
    title: string
    given: () => Partial<EnrolOptions> | Promise<Partial<EnrolOptions>>
    says: readonly RegExp[]
  }[] = [
    {
      title: 'no token at all',
      given: () => ({ token: 'secret' }),
      says: [/--token is no enrolment token/, /copy it whole/],
    },
    {
      title: 'half a token',
      given: () => ({ token: core.token().slice(0, 100) }),
      says: [/--token is no enrolment token/],
    },
    {
      title: 'a token with rubbish for a certificate',
      given: () => ({ token: `pse1.${'a'.repeat(43)}.${'b'.repeat(200)}` }),
      says: [/--token carries no certificate/],
    },
    {
      title: 'a token that was used',
      given: async () => {
        const token = core.token()
        assert.equal((await enrolSentry({ dir: newDir(), core: core.url, token })).exitCode, 0)
        return { token }
      },
      says: [/--token is not taken: Core answers 403: this token was used already/, /make a new one/],
    },
    {
      title: 'somebody in between: a Core with another CA',
      given: () => ({ core: other.url }),
      says: [
        /--core: .* shows a certificate that the service CA of Core did not issue/,
        /somebody may stand in between/,
      ],
    },
    {
      title: 'nobody there',
      given: () => ({ core: 'https://127.0.0.1:1' }),
      says: [/--core: https:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\); check host, port/],
    },
    { title: 'no https', given: () => ({ core: 'http://127.0.0.1:8442' }), says: [/--core must be https/] },
    { title: 'a path', given: () => ({ core: `${core.url}/x` }), says: [/--core must be https:\/\/host:port without/] },
    { title: 'metrics for everybody', given: () => ({ local: '0.0.0.0:9464' }), says: [/--local must be a loopback/] },
    { title: 'no port', given: () => ({ listen: '0.0.0.0' }), says: [/--listen must be HOST:PORT/] },
    { title: 'a port too high', given: () => ({ listen: '0.0.0.0:65536' }), says: [/--listen must be HOST:PORT/] },
    { title: 'a host without address', given: () => ({ hosts: { a: 'b' } }), says: [/--host must be NAME=ADDRESS/] },
    {
      title: 'a directory that cannot be made',
      given: async () => {
        await writeFile(join(folder, 'file'), '')
        return { dir: join(folder, 'file', 'data') }
      },
      says: [/--data: .* cannot be used \(ENOTDIR\); name a directory/],
    },
  ]
  for (const { title, given, says } of cases)
    test(title, async () => {
      const dir = newDir()
      const token = core.token()
      const wish = { dir, core: core.url, token, ...(await given()) }
      const { core: url, listen = '127.0.0.1:0', local = '127.0.0.1:0', hosts } = wish
      const lab = Object.entries(hosts ?? {}).flatMap(([name, address]) => ['--lab', '--host', `${name}=${address}`])
      const flags = ['--core', url, '--data', wish.dir, '--listen', listen, '--local', local, ...lab]
      let told = ''
      const ports = { readToken: async () => `${wish.token}\n`, write: (text: string) => (told += text) }
      await assert.rejects(enrollCommand([...flags, '--token', '-'], ports), (error: Error) => {
        for (const words of says) assert.match(error.message, words)
        const secret = wish.token.split('.')[1] ?? wish.token
        assert.ok(!(told + error.message).includes(secret), 'the token is told to nobody')
        return true
      })
      assert.deepEqual(await readdir(dir).catch(() => []), [])
    })
  test('a program ends with 1 and says why on standard error', async () => {
    const run = await enrolSentry({ dir: newDir(), core: core.url, token: 'secret' })
    assert.deepEqual([run.exitCode, run.stdout], [1, ''])
    assert.match(run.stderr, /--token is no enrolment token/)
  })
  test('what must be given, all together', async () => {
    const ports = { readToken: async () => '', write: () => undefined }
    await assert.rejects(enrollCommand(['--core', core.url], ports), { message: /^--token, --data must be given/ })
  })
  test('a machine that is not registered does not start, and says what to do', async () => {
    const sentry = launchRegisteredSentry({ dir: newDir() })
    assert.equal(await sentry.exited, 1)
    assert.match(sentry.stderr(), /--data: .* holds no registration; run postern-sentry enroll/)
  })
})

describe('a registration', () => {
  test('is written for its owner only, names its key, and is not given up by accident', async () => {
    await using core = await startScriptedCore()
    const dir = newDir()
    const enrol = (more: Partial<EnrolOptions> = {}): ReturnType<typeof enrolSentry> =>
      enrolSentry({ dir, core: core.url, token: core.token(), listen: '127.0.0.1:0', ...more })
    const run = await enrol()
    assert.equal(run.exitCode, 0, run.stderr)
    const [fingerprint] = /sha256:[0-9a-f]{64}/.exec(run.stdout) ?? []
    assert.ok(fingerprint !== undefined)
    assert.equal((await stat(dir)).mode & 0o777, 0o700)
    for (const name of ['gateway.json', 'identity.json', 'identity.key', 'identity.crt', 'authorities.pem']) {
      assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600, name)
    }
    const gateway = parseGatewayFile(JSON.parse(await readFile(join(dir, 'gateway.json'), 'utf8')))
    assert.deepEqual(gateway, {
      core: core.url,
      listen: { host: '127.0.0.1', port: 0 },
      local: { host: '127.0.0.1', port: 0 },
      auditFile: 'audit.jsonl',
    })
    const certificate = await readFile(join(dir, 'identity.crt'), 'utf8')
    const again = await enrol()
    assert.equal(again.exitCode, 1)
    assert.match(again.stderr, /--data: .* holds a registration already; add --replace/)
    assert.equal(await readFile(join(dir, 'identity.crt'), 'utf8'), certificate)
    assert.equal((await enrol({ token: 'pse1.x', replace: true })).exitCode, 1)
    assert.equal(await readFile(join(dir, 'identity.crt'), 'utf8'), certificate)
    const replaced = await enrol({ replace: true })
    assert.equal(replaced.exitCode, 0)
    assert.ok(!replaced.stdout.includes(fingerprint))
  })
})

describe('an identity that is old', () => {
  test('is renewed with a new key, and used from then on', async () => {
    await using it = await startRegisteredLab()
    const old = new X509Certificate(await readFile(join(it.dir, 'identity.crt')))
    await using clock = await shiftedClock()
    await clock.setAhead(21 * 86_400_000)
    it.core.state.document = null
    const sentry = it.launch({ env: clock.env })
    await until('it was renewed', () => sentry.stdout().includes('"event":"identity-renewed"'))
    assert.equal(it.core.renewals, 1)
    const next = new X509Certificate(await readFile(join(it.dir, 'identity.crt')))
    assert.notEqual(next.serialNumber, old.serialNumber)
    assert.notDeepEqual(
      next.publicKey.export({ type: 'spki', format: 'der' }),
      old.publicKey.export({ type: 'spki', format: 'der' }),
    )
    await until('a feed with the new one', () => it.core.asked.at(-1)?.serial === next.serialNumber.toLowerCase())
  })
})

describe('an identity that has ended', () => {
  test('is not a registration that has: known devices are served by the copy', async () => {
    await using it = await startRegisteredLab()
    await using clock = await shiftedClock()
    await (await it.start({ env: clock.env })).stop()
    it.core.state.refuse = { status: 401, detail: 'the certificate has ended' }
    await clock.setAhead(31 * 86_400_000)
    await writeFile(join(it.dir, 'contact'), `${Date.now() + 31 * 86_400_000}\n`)
    const sentry = await it.start({ env: clock.env })
    await until('Core refuses it', () => sentry.stderr().includes('Core answers 401: the certificate has ended'))
    assert.notEqual((await sentry.health('/readyz')).status, 0)
    assert.ok((await readdir(it.dir)).includes('identity.key'))
  })
})

describe('a registration that Core has ended', () => {
  const ways: readonly (readonly [title: string, end: (it: RegisteredLab) => void])[] = [
    [
      'by a word on the feed',
      ({ core }) => {
        core.say({ type: 'bye', reason: 'revoked', message: 'by an administrator', retryAfterSeconds: 0 })
      },
    ],
    [
      'by refusing the next request',
      ({ core }) => {
        core.state.refuse = { status: 403, detail: 'this Sentry was revoked' }
        core.drop()
      },
    ],
  ]
  for (const [title, end] of ways)
    test(`${title}: it serves nobody any more, and leaves neither keys nor posture behind`, async () => {
      await using it = await startRegisteredLab()
      const sentry = await it.start()
      assert.equal(await it.sync('ann-phone'), 200)
      it.lab.exchange.script({ match: 'Ping', times: 1, action: { kind: 'hang' } })
      const received = it.lab.exchange.receivedCount
      const ping = it.lab.eas(it.lab.devices['ann-phone'], { sentry: GATE, command: 'Ping' }).catch(() => null)
      await until('a Ping waits', () => it.lab.exchange.receivedCount > received)
      end(it)
      const from = performance.now()
      await ping
      assert.equal(await sentry.exited, 78)
      assert.ok(performance.now() - from < 2_000)
      assert.match(sentry.stderr(), /"event":"registration-revoked"/)
      await assert.rejects(it.sync('ann-phone'))
      assert.deepEqual((await readdir(it.dir)).toSorted(), ['audit.jsonl', 'gateway.json'])
    })
  const survived: readonly (readonly [title: string, status: number])[] = [
    ['a Core that is broken', 500],
    ['a Core that is busy', 503],
    ['a Core that does not know the path', 404],
  ]
  test('answers that say nothing of the kind end nothing', async () => {
    await using it = await startRegisteredLab()
    const sentry = await it.start()
    for (const [title, status] of survived) {
      it.core.state.refuse = { status, detail: title }
      it.core.drop()
      await until(title, () => sentry.stderr().includes('"event":"core-away"'))
      assert.equal(await it.sync('ann-phone'), 200, title)
    }
    it.core.say({ type: 'bye', reason: 'too-old', message: 'update', retryAfterSeconds: 0 })
    assert.equal(await it.sync('ann-phone'), 200)
  })
})
