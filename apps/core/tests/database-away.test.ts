/**
 * PostgreSQL fails under load: one of its processes is killed, so the server ends every connection and recovers. Core says
 * 503 meanwhile, never 500, loses nothing that it acknowledged, and goes on by itself; so does an open feed.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { CoreRefusal } from '@postern/harness/core-client'
import { enrol, openFeed } from './support/feed-lab.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const WRITERS = 6
/** Failures of the server, one after the other. */
const FAILURES = 2
/** Until Core works as before. Milliseconds. */
const RECOVERED_MS = 10_000

test('a database that fails under load is a 503 for a moment, and nothing else', async (t) => {
  await using core = await startTestCore({ database: 'url' })
  const ada = await core.signIn()
  const { sentry, invitation } = (await ada.call('createSentry', { body: { name: 'gate', profileId: null } })).body
  const machine = await enrol(core.core.ports.feed, invitation.token)
  await using feed = await openFeed(core.core.ports.feed, machine)
  await feed.until(({ type }) => type === 'hello')

  const stop = new AbortController()
  const done: string[] = []
  const refused: string[] = []
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; !stop.signal.aborted; i += 1) {
      const name = `away ${writer} ${i}`
      const outcome = await ada.call('createLabel', { body: { name, filter: null } }).then(
        () => null,
        (error: unknown) => (error instanceof CoreRefusal ? `${error.status} ${error.code}` : String(error)),
      )
      if (outcome === null) done.push(name)
      else refused.push(outcome)
      if (outcome !== null) await sleep(20)
    }
  }
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => write(i)))
  for (let i = 0; i < FAILURES; i += 1) {
    await sleep(400)
    await killOneConnection(core)
    await recovered(core, done)
  }
  stop.abort()
  await writing

  t.diagnostic(`${done.length} written, ${refused.length} refused`)
  assert.ok(refused.length > 0, 'nobody noticed: nothing was tested')
  assert.deepEqual([...new Set(refused)], ['503 UNAVAILABLE'])
  const faults = core.log.filter(({ event }) => event === 'fault' || event === 'feed-fault')
  assert.deepEqual(faults, [])
  const { rows } = await sql<{ name: string }>`select name from labels where name like 'away %'`.execute(
    core.core.services.store.db,
  )
  const kept = new Set(rows.map(({ name }) => name))
  assert.deepEqual(
    done.filter((name) => !kept.has(name)),
    [],
  )
  assert.equal((await ada.call('verifyAudit', { body: {} })).body.ok, true)
  assert.equal((await ada.call('readSentry', { params: { id: sentry.id } })).status, 200)

  // The stream is the same, or the Sentry dials again, as it does whenever one ends; then it hears of a change at once.
  await using again = await openFeed(core.core.ports.feed, machine)
  await again.until(({ type }) => type === 'hello')
  await ada.call('createUser', { body: { userName: 'away@example.test' } })
  const device = { userName: 'away@example.test', name: 'phone', platform: 'iOS', ownership: 'company' } as const
  const { id } = (await ada.call('createDevice', { body: device })).body
  await again.until((message) => JSON.stringify(message).includes(id))
})

/** As if the kernel had ended it for its memory: the server takes all others down with it. */
async function killOneConnection({ core }: TestCore): Promise<void> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(core.services.store.db)
  const [row] = rows
  assert.ok(row)
  process.kill(row.pid, 'SIGKILL')
}

async function recovered(core: TestCore, done: readonly string[]): Promise<void> {
  const begun = performance.now()
  const before = done.length
  await sleep(100)
  while (done.length <= before + WRITERS) {
    assert.ok(performance.now() - begun < RECOVERED_MS, `${done.length - before} writes since the failure`)
    await sleep(20)
  }
  assert.ok(core.core.ports.admin > 0)
}
