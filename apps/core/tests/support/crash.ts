/**
 * Core is killed at random moments while programs write to it in several ways; afterwards the API, and in the end the
 * database itself, are asked what became of each write.
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { setUpCore } from '@postern/harness/core-administrator'
import { CoreClient, CoreRefusal } from '@postern/harness/core-client'
import { type CoreProcess, startCoreProcess } from '@postern/harness/core-process'
import { startPostgres } from '@postern/postgres-server/server'
import { type ConnectionTarget, type Db, openDatabase } from '../../src/database/connect.ts'
import { type DatabaseKind, startServer } from './databases.ts'

/** What was seen. Writes: those acknowledged before a kill, and those (sent again, or for the first time) after it. */
export interface CrashReport {
  readonly seed: number
  readonly kills: number
  readonly acknowledged: number
  readonly afterwards: number
}

/** A person with a phone, a label for it, and how far their making has come: number of steps acknowledged. */
interface Story {
  readonly name: string
  done: number
  labelId: string
  deviceId: string
}

const WRITERS = 4
/** The kill comes so long after the writers began, at most. Milliseconds. */
const LATEST_MS = 400
/** The audit chain is verified after every so many kills. */
const VERIFIED_EVERY = 10
const PERMISSIONS = [
  ...(['label:view', 'label:manage', 'user:view', 'user:manage'] as const),
  ...(['device:view', 'device:manage', 'device:block', 'audit:view'] as const),
]

/**
 * Each step is one write, and leads to the same when it is sent again: creates by their Idempotency-Key, edits by the
 * version that they change, a block by itself.
 */
const STEPS: readonly ((client: CoreClient, story: Story) => Promise<void>)[] = [
  async (client, story) => {
    const body = { name: story.name, filter: null }
    const created = await client.call('createLabel', { body, idempotencyKey: `label-${story.name}` })
    story.labelId = created.body.id
  },
  async (client, { name, labelId: id }) => {
    const body = { name, filter: null, description: 'changed' }
    const call = client.call('updateLabel', { params: { id }, ifMatch: 1, body })
    await call.catch((error: unknown) => {
      // CHANGED: the write before the kill was done after all; anything else is a fault.
      if (!(error instanceof CoreRefusal && error.code === 'CHANGED')) throw error
    })
  },
  async (client, { name }) => {
    await client.call('createUser', { body: { userName: userOf(name) }, idempotencyKey: `user-${name}` })
  },
  async (client, story) => {
    const { name } = story
    const easDeviceIds = [name.replaceAll('-', 'x')]
    const facts = { platform: 'iOS', ownership: 'company', requiresIdentity: false } as const
    const body = { userName: userOf(name), name, easDeviceIds, ...facts }
    const created = await client.call('createDevice', { body, idempotencyKey: `device-${name}` })
    story.deviceId = created.body.id
  },
  async (client, { deviceId: id }) => {
    await client.call('blockDevice', { params: { id }, body: { note: 'lost' } })
  },
]

/** Kills Core `kills` times. @throws AssertionError for the first write that was lost, done by half or done twice */
export async function crashUnderWrites(
  kind: DatabaseKind,
  { kills, seed = Date.now() % 2 ** 31 }: { kills: number; seed?: number },
): Promise<CrashReport> {
  await using server = await startServer(kind) // for the embedded kind only its folder is used
  const target = await server.emptyDatabase()
  const dir = join(server.folder, 'core')
  const options = { dir, ...('url' in target ? { databaseUrl: target.url } : {}) }
  const random = randomFrom(seed)
  const stories: Story[] = []
  const counts = { acknowledged: 0, afterwards: 0 }
  let core: CoreProcess = await startCoreProcess(options)
  try {
    assert.ok(core.setupUrl)
    const first = (await setUpCore(core.setupUrl)).client
    const body = { name: 'writers', permissions: [...PERMISSIONS], expiresInSeconds: 86_400 }
    const token = (await first.call('createApiToken', { body })).body.secret
    for (let round = 1; round <= kills; round += 1) {
      const begun = await writeUntilKilled(core, token, round, random() * LATEST_MS, counts)
      core = await startCoreProcess({ ...options, ports: core.ports })
      const client = new CoreClient({ origin: core.adminUrl, token })
      for (const story of begun) await checkStory(client, story)
      for (const story of begun) await finishStory(client, story, counts)
      stories.push(...begun)
      // The administrator's session outlives Core as the token does.
      assert.equal((await first.call('readSession')).status, 200)
      if (round % VERIFIED_EVERY === 0 || round === kills) {
        assert.equal((await client.call('verifyAudit', { body: {} })).body.ok, true, `audit chain after kill ${round}`)
      }
    }
    await core.stop()
    await checkDatabase('url' in target ? target : join(dir, 'postgres'), stories)
    return { seed, kills, ...counts }
  } catch (error) {
    throw new Error(`with seed ${seed}`, { cause: error })
  } finally {
    await core.kill()
  }
}

async function writeUntilKilled(
  core: CoreProcess,
  token: string,
  round: number,
  afterMs: number,
  counts: { acknowledged: number },
): Promise<Story[]> {
  const begun: Story[] = []
  const dead = { yet: false }
  const writer = async (n: number): Promise<void> => {
    const client = new CoreClient({ origin: core.adminUrl, token })
    for (let i = 0; ; i += 1) {
      const story: Story = { name: `crash-${round}-${n}-${i}`, done: 0, labelId: '', deviceId: '' }
      begun.push(story)
      for (const step of STEPS) {
        try {
          await step(client, story)
        } catch (error) {
          // A refusal while Core lives is a fault; after the kill there is no answer at all.
          if (error instanceof CoreRefusal || !dead.yet) throw error
          return
        }
        story.done += 1
        counts.acknowledged += 1
      }
    }
  }
  const writers = Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)))
  await Promise.race([sleep(afterMs), writers])
  dead.yet = true
  await core.kill()
  await writers
  return begun
}

/** Everything that was acknowledged is there, before anything is sent again. */
async function checkStory(client: CoreClient, { name, done, labelId, deviceId }: Story): Promise<void> {
  if (done > 0) {
    const { body } = await client.call('readLabel', { params: { id: labelId } })
    assert.equal(body.name, name)
    if (done > 1) assert.equal(body.description, 'changed', name)
  }
  if (done > 2) {
    const { items } = (await client.call('listUsers', { query: { search: userOf(name) } })).body
    assert.deepEqual(items.filter(({ userName }) => userName === userOf(name)).length, 1, name)
  }
  if (done > 3) {
    const { body } = await client.call('readDevice', { params: { id: deviceId } })
    assert.equal(body.name, name)
    if (done > 4) assert.equal(body.decision, 'block', name)
  }
}

/** Nobody knows whether the last write was done: sent again, it is done once. Then the rest. */
async function finishStory(client: CoreClient, story: Story, counts: { afterwards: number }): Promise<void> {
  for (const step of STEPS.slice(story.done)) {
    await step(client, story)
    counts.afterwards += 1
  }
  story.done = STEPS.length
}

function userOf(name: string): string {
  return `${name}@example.com`
}

/** The tables themselves: nothing twice, nothing by half, Sentries are told what was decided, each write has its audit row. */
async function checkDatabase(at: ConnectionTarget | string, stories: readonly Story[]): Promise<void> {
  await using owned = new AsyncDisposableStack()
  let target: ConnectionTarget
  if (typeof at === 'string') {
    const log = (): void => undefined
    target = owned.use(await startPostgres({ dataDir: at, listen: { kind: 'socket' }, log })).connection
  } else target = at
  const { db } = owned.use(openDatabase(target, () => undefined))
  const names = stories.map(({ name }) => name).sort()
  assert.deepEqual((await column(db, `select name from labels where name like 'crash-%'`)).sort(), names)
  assert.deepEqual((await column(db, `select name from devices`)).sort(), names)
  assert.deepEqual((await column(db, `select user_name from users`)).sort(), names.map(userOf))
  const blocked = `select d.name from devices d
    join device_posture p on p.device_id = d.id and p.decision = 'block'
    join posture_entries e on e.kind = 'device' and e.key = d.id::text and e.value ->> 'posture' = 'block'`
  assert.deepEqual((await column(db, blocked)).sort(), names, 'what Sentries are told')
  assert.deepEqual(await column(db, `select key from posture_entries where kind = 'device'
    and key not in (select id::text from devices)`), []) // prettier-ignore
  for (const action of ['label.create', 'label.update', 'user.create', 'device.create']) {
    const rows = await column(db, `select object_name from audit where action = '${action}' and actor_kind <> 'system'`)
    const wanted = action === 'user.create' ? names.map(userOf) : names
    assert.deepEqual(rows.sort(), wanted, `audit rows of ${action}`)
  }
}

async function column(db: Db, text: string): Promise<string[]> {
  const { rows } = await sql<Record<string, string>>`${sql.raw(text)}`.execute(db)
  return rows.flatMap((row) => Object.values(row))
}

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
