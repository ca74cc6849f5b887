/**
 * What a person meets who starts a Sentry with something wrong: one message that names it, and an end.
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import { runSentry } from '@postern/harness/sentry-process'

const ROOT = resolve(import.meta.dirname, '..', '..', '..')
const run = promisify(execFile)

describe('start-up', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({ workers: 1 })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
  })

  let runs = 0
  const start = (change: ConfigFile, ...args: string[]): ReturnType<typeof runSentry> => {
    const config = { ...lab.config, ...change }
    return runSentry(config, { dir: lab.dir, configName: `run-${(runs += 1)}.json`, workers: 1 }, args)
  }
  const section = (name: string, change: object): ConfigFile => ({
    [name]: { ...(lab.config[name] as object), ...change },
  })

  test('--check says that all is good', async () => {
    const { exitCode, stdout, stderr } = await start({}, '--check')
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, /good, with every file it names/)
  })
  test('--help shows what there is', async () => {
    const { exitCode, stdout } = await start({}, '--help')
    assert.equal(exitCode, 0)
    assert.match(stdout, /--config FILE/)
  })

  const refused: readonly {
    title: string
    change: () => ConfigFile | Promise<ConfigFile>
    args?: string[]
    says: RegExp
  }[] = [
    {
      title: 'the port of another program',
      change: () => section('listen', { port: lab.sentry.port }),
      says: /another program uses listen\.port/,
    },
    {
      title: 'an address of another machine',
      change: () => section('listen', { host: '192.0.2.1' }),
      says: /listen\.host must be an address/,
    },
    {
      title: 'the local port of another program',
      change: () => section('local', { port: lab.sentry.localPort }),
      says: /local\.port .*EADDRINUSE/,
    },
    {
      title: 'an audit file in a folder that is not there',
      change: () => section('events', { auditFile: 'none/audit.jsonl' }),
      says: /events\.auditFile: .*folder/,
    },
    {
      title: 'an audit file that is a folder',
      change: () => section('events', { auditFile: '.' }),
      says: /events\.auditFile: .*is a folder/,
    },
    {
      title: 'a key that is none',
      change: async () => {
        await writeFile(join(lab.dir, 'no.key'), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
        return section('tls', { keyFile: 'no.key' })
      },
      says: /tls\.keyFile: holds no PEM private key/,
    },
    {
      title: '--check: a policy that is none',
      change: async () => {
        await writeFile(join(lab.dir, 'bad-policy.json'), '{"schema":2}')
        return section('policy', { file: 'bad-policy.json' })
      },
      args: ['--check'],
      says: /policy\.file: schema/,
    },
    {
      title: '--check: no policy',
      change: () => section('policy', { file: 'none.json' }),
      args: ['--check'],
      says: /policy\.file: .*ENOENT/,
    },
    {
      title: '--check: a certificate that does not name the Sentry',
      change: () => section('oauth', { sentryResource: 'https://other.example.com' }),
      args: ['--check'],
      says: /tls\.certFile: does not name other\.example\.com/,
    },
    {
      title: '--check: a certificate that has ended',
      change: async () => {
        const long = (years: number): Date => new Date(Date.UTC(new Date().getUTCFullYear() - years, 0, 1))
        const old = await lab.serverCa.issueServer({ names: [lab.sentryName], notBefore: long(3), notAfter: long(2) })
        await writeFile(join(lab.dir, 'old.crt'), old.certPem)
        await writeFile(join(lab.dir, 'old.key'), old.keyPem)
        return section('tls', { certFile: 'old.crt', keyFile: 'old.key' })
      },
      args: ['--check'],
      says: /tls\.certFile: ended on/,
    },
  ]
  for (const { title, change, args = [], says } of refused)
    test(title, async () => {
      const { exitCode, stdout, stderr } = await start(await change(), ...args)
      assert.equal(exitCode, 1, stdout + stderr)
      assert.match(stderr, says)
    })

  // npm runs a workspace's script in its folder and tells where the command was typed.
  for (const args of [['--check'], []])
    test(`a relative name is looked for where the command was typed: ${args[0] ?? 'start'}`, async () => {
      const taken = section('local', { port: lab.sentry.localPort })
      await writeFile(
        join(lab.dir, 'typed.json'),
        JSON.stringify({ ...lab.config, ...(args.length === 0 ? taken : {}) }),
      )
      const workspace = join(ROOT, 'apps', 'sentry')
      const given = [join(workspace, 'bin', 'postern-sentry.mjs'), ...args, '--config', 'typed.json']
      const ran = run(process.execPath, given, { cwd: workspace, env: { ...process.env, INIT_CWD: lab.dir } })
      if (args.length > 0) assert.match((await ran).stdout, /good, with every file it names/)
      else await assert.rejects(ran, /local\.port/) // found and read; it fails for what stands in it
    })
})
