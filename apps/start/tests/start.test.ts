/**
 * `npm start` as an administrator meets it: set-up link, documented values, and everything still there the next day.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Credentials, setUpCore, signIn } from '@postern/harness/core-administrator'
import { CoreClient } from '@postern/harness/core-client'
import { DOCUMENTED } from '@postern/harness/core-lab'

const BIN = fileURLToPath(new URL('../bin/postern-start.mjs', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'postern-start-'))
const running: ChildProcess[] = []
after(async () => {
  for (const child of running) if (child.exitCode === null) child.kill('SIGKILL')
  await delay(3_000) // the database notices within a second or two that nobody is there any more
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 })
})

interface Started {
  readonly child: ChildProcess
  readonly setupUrl: string | null
  readonly adminUrl: string
  readonly ports: Readonly<Record<'admin' | 'device' | 'feed' | 'sentry' | 'metrics', number>>
}

async function start(): Promise<Started> {
  const args = ['--data', join(folder, 'data'), '--ports-from', '0', '--host', '127.0.0.1', '--workers', '1']
  const child = spawn(process.execPath, [BIN, ...args, '--setup-json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  let text = ''
  let problems = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (problems += part))
  const line = (): string | undefined =>
    text.split('\n').find((candidate) => candidate.startsWith('{"setupUrl"') && candidate.endsWith('}'))
  while (line() === undefined) {
    assert.equal(child.exitCode, null, `npm start ended early: ${problems}`)
    await delay(20)
  }
  return { child, ...(JSON.parse(line() ?? '') as Omit<Started, 'child'>) }
}

async function stop({ child }: Started): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const [code] = (await gone) as [number | null]
  assert.equal(code, 0)
}

/** Waits until the Sentry of this machine works by what was saved. */
async function applied(client: CoreClient): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const [sentry] = (await client.call('listSentries')).body.items
    assert.ok(sentry !== undefined, 'the Sentry beside Core is registered without a click')
    if (sentry.connection.connected && sentry.configuration.state === 'applied') return
    assert.ok(performance.now() < deadline, JSON.stringify(sentry))
    await delay(50)
  }
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, what)
    await delay(50)
  }
}

let credentials: Credentials

test('first start: the link, the first administrator, the documented values, and the Sentry applies them', async () => {
  const started = await start()
  const link = started.setupUrl ?? ''
  assert.ok(link.startsWith(`${started.adminUrl}/setup#`))
  const made = await setUpCore(link)
  credentials = made.credentials
  const { client } = made
  const { authorizationEndpoint, tokenEndpoint, sentryResource, destinationResource } = DOCUMENTED
  await client.call('createSentryProfile', {
    body: {
      settings: {
        name: 'Standalone Sentry',
        sentryHost: 'sentry.example.com',
        enableActiveSync: true,
        serverAuthentication: {
          method: 'passThrough',
          passThroughWithOAuth: true,
          authorizationEndpoint,
          tokenEndpoint,
          sentryResource,
          destinationResource,
        },
      },
    },
  })
  await applied(client)
  await until('phones can connect', () => answers(started.ports.sentry))
  await stop(started)
})

test('second start: no link, and everything as it was; killed, it leaves nothing running', async () => {
  const started = await start()
  assert.equal(started.setupUrl, null)
  const client = new CoreClient({ origin: started.adminUrl })
  await signIn(client, credentials)
  const [profile] = (await client.call('listSentryProfiles')).body.items
  assert.equal(profile?.sentryHost, 'sentry.example.com')
  await applied(client)
  started.child.kill('SIGKILL')
  for (const port of Object.values(started.ports)) {
    await until(`port ${port} is free again`, async () => !(await answers(port)))
  }
})
