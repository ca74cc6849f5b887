import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { FEED_PATHS } from '@postern/contract/feed/enrolment'
import { type FeedMessage, PING_SECONDS, parseFeedMessage } from '@postern/contract/feed/feed-messages'
import { type GatewayReport, MAX_REPORT_BYTES } from '@postern/contract/feed/gateway-report'
import { SYSTEM } from '../src/audit/chain.ts'
import { KEEP_TOMBSTONES_MS, purgeTombstones } from '../src/feed/tombstones.ts'
import type { Rendered } from '../src/services/sentries/documents.ts'
import { updateSentry } from '../src/services/sentries/edit-sentries.ts'
import { readSentry } from '../src/services/sentries/read-sentries.ts'
import {
  call,
  deviceRow,
  enrol,
  type FeedLab,
  type Machine,
  openFeed,
  type OpenFeed,
  startFeedLab,
} from './support/feed-lab.ts'
import { sampleDocument } from './support/sample-document.ts'

type Registered = Machine & { readonly id: string }
type Of<T extends FeedMessage['type']> = Extract<FeedMessage, { type: T }>

const documents = new Map<string, Rendered>()
const render = async (id: string): Promise<Rendered> => documents.get(id) ?? { problem: 'it lacks a certificate' }

let lab: FeedLab
before(async () => {
  lab = await startFeedLab(2, { render })
})
after(() => lab[Symbol.asyncDispose]())

const db = () => lab.core.services.store.db
const seen = (id: string) => readSentry({ db: db(), render, now: lab.core.services.now() }, id)
const change = <T>(work: Parameters<typeof lab.core.services.store.change<T>>[1]) =>
  lab.core.services.store.change(SYSTEM, work)

async function machineOf(name: string, profileId: string | null = null, schemas = [2, 1]): Promise<Registered> {
  const { id, token } = await lab.add(name, profileId)
  return { ...(await enrol(lab.core.port, token, { schemas })), id }
}

async function profile(name: string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into sentry_profiles (name, settings) values (${name}, '{}') returning id`.execute(db())
  return rows[0]?.id ?? ''
}

function isA<T extends FeedMessage['type']>(type: T, also: (message: Of<T>) => boolean = () => true) {
  return (message: FeedMessage): boolean => message.type === type && also(message as Of<T>)
}

async function the<T extends FeedMessage['type']>(
  feed: OpenFeed,
  type: T,
  also?: (message: Of<T>) => boolean,
): Promise<Of<T>> {
  return (await feed.until(isA(type, also))) as Of<T>
}

const atEnd = (feed: OpenFeed) => the(feed, 'snapshot-end')
const typesOf = (feed: OpenFeed) => feed.messages.map(({ type }) => type)

/** What the Sentry knows after these messages: the last word on each key. */
function known(feed: OpenFeed): Map<string, unknown> {
  const facts = new Map<string, unknown>()
  for (const message of feed.messages) {
    if (message.type === 'snapshot') facts.clear()
    if (message.type !== 'entries' && message.type !== 'delta') continue
    for (const entry of message.entries) {
      if (entry.kind === 'device') facts.set(`device ${entry.device.id}`, entry.device.posture)
      else if (entry.kind === 'device-removed') facts.delete(`device ${entry.id}`)
      else if (entry.kind === 'user') facts.set(`user ${entry.user}`, entry.blocked)
      else if (entry.kind === 'certificate') facts.set(entry.fingerprint, entry.revoked)
      else facts.set('mode', entry.mode)
    }
  }
  return facts
}

const FINGERPRINT = `sha256:${'ab'.repeat(32)}`

describe('posture', () => {
  test('a snapshot, then deltas; every message is one of the contract', async () => {
    await lab.posture([
      deviceRow('p1'),
      deviceRow('p2', 'block'),
      { kind: 'device', key: 'p0', value: null },
      { kind: 'user', key: 'eve@example.com', value: { blocked: true } },
      { kind: 'certificate', key: FINGERPRINT, value: { revoked: true } },
      { kind: 'mode', key: 'mode', value: { mode: 'report' } },
    ])
    const machine = await machineOf('posture')
    await using feed = await openFeed(lab.core.port, machine)
    const end = await atEnd(feed)
    assert.deepEqual(typesOf(feed).slice(0, 2), ['hello', 'snapshot'])
    const facts = known(feed)
    assert.deepEqual(
      ['device p1', 'device p2', 'device p0', 'user eve@example.com', FINGERPRINT, 'mode'].map((key) => facts.get(key)),
      ['allow', 'block', undefined, true, true, 'report'],
    )
    await lab.posture([
      { kind: 'device', key: 'p1', value: null },
      { kind: 'user', key: 'eve@example.com', value: null },
      { kind: 'certificate', key: FINGERPRINT, value: null },
      { kind: 'mode', key: 'mode', value: null },
    ])
    const delta = await the(feed, 'delta', ({ from }) => from === end.seq)
    assert.deepEqual(delta.entries, [
      { kind: 'device-removed', id: 'p1' },
      { kind: 'user', user: 'eve@example.com', blocked: false },
      { kind: 'certificate', fingerprint: FINGERPRINT, revoked: false },
      { kind: 'mode', mode: 'enforce' },
    ])
    assert.equal(delta.seq, end.seq + 4)
    for (const message of feed.messages) assert.deepEqual(parseFeedMessage(structuredClone(message)), message)
  })

  test('whoever has it all gets nothing again, and whoever lacks something gets only that', async () => {
    const machine = await machineOf('resuming')
    const first = await openFeed(lab.core.port, machine)
    const { epoch } = await the(first, 'hello')
    const { seq } = await atEnd(first)
    await first[Symbol.asyncDispose]()
    await lab.posture([deviceRow('while away', 'block')])
    await using again = await openFeed(lab.core.port, machine, { epoch, seq: String(seq) })
    const delta = await the(again, 'delta')
    assert.deepEqual([delta.from, delta.seq, delta.entries.length], [seq, seq + 1, 1])
    assert.deepEqual(typesOf(again), ['hello', 'delta'])
  })

  test('another life of the database, or numbers that it never gave: a snapshot', async () => {
    const machine = await machineOf('confused')
    await using first = await openFeed(lab.core.port, machine)
    const { epoch } = await the(first, 'hello')
    for (const query of [
      { epoch: 'another', seq: '1' },
      { epoch, seq: '999999999' },
      { epoch: '', seq: '1' },
    ]) {
      await using feed = await openFeed(lab.core.port, machine, query)
      await atEnd(feed)
      assert.deepEqual(typesOf(feed).slice(0, 2), ['hello', 'snapshot'])
    }
  })

  test('what is gone for long is purged, and a Sentry that was away for longer gets a snapshot', async () => {
    const machine = await machineOf('long away')
    await lab.posture([deviceRow('gone'), deviceRow('stays')])
    const first = await openFeed(lab.core.port, machine)
    const { epoch } = await the(first, 'hello')
    const { seq } = await atEnd(first)
    await first[Symbol.asyncDispose]()
    await lab.posture([{ kind: 'device', key: 'gone', value: null }])
    await lab.posture([{ kind: 'device', key: 'newest', value: null }])
    assert.equal(await purgeTombstones(db(), Date.now()), 0)
    assert.ok((await purgeTombstones(db(), Date.now() + KEEP_TOMBSTONES_MS + 60_000)) >= 1)
    const { rows } = await sql<{ key: string }>`select key from posture_entries where value is null`.execute(db())
    assert.deepEqual(rows, [{ key: 'newest' }], 'the newest number stays known')
    await using feed = await openFeed(lab.core.port, machine, { epoch, seq: String(seq) })
    await atEnd(feed)
    assert.equal(known(feed).has('device gone'), false)
    assert.equal(known(feed).get('device stays'), 'allow')
    const now = await atEnd(feed)
    await using resumed = await openFeed(lab.core.port, machine, { epoch, seq: String(now.seq) })
    await lab.posture([deviceRow('after the purge')])
    assert.equal((await the(resumed, 'delta')).from, now.seq)
    assert.deepEqual(typesOf(resumed), ['hello', 'delta'])
  })

  test('three Sentries at two Cores get the same deltas in the same order, whichever Core commits', async () => {
    const machines = await Promise.all(['one', 'two', 'three'].map((name) => machineOf(`order ${name}`)))
    const feeds = await Promise.all(machines.map((machine, i) => openFeed(lab.cores[i % 2]?.port ?? 0, machine)))
    const start = Math.max(...(await Promise.all(feeds.map(atEnd))).map(({ seq }) => seq))
    const writes = Array.from({ length: 40 }, (_, i) => i)
    const writers = lab.cores.map(async (core, which) => {
      for (const i of writes)
        await lab.posture([deviceRow(`order ${i % 7}`, (i + which) % 2 === 0 ? 'block' : 'allow')], core)
    })
    await Promise.all(writers)
    const last = start + 2 * writes.length
    const told = await Promise.all(
      feeds.map(async (feed) => {
        await the(feed, 'delta', ({ seq }) => seq === last)
        const deltas = feed.messages.filter(isA('delta')) as Of<'delta'>[]
        deltas.forEach((delta, i) => assert.equal(delta.from, deltas[i - 1]?.seq ?? start))
        return known(feed)
      }),
    )
    const order = (facts: Map<string, unknown>) => [...facts].filter(([key]) => key.startsWith('device order')).sort()
    const { rows } = await sql<{ key: string; posture: string }>`
      select 'device ' || key as key, value->>'posture' as posture from posture_entries
      where key like 'order %' order by key`.execute(db())
    for (const facts of told) assert.deepEqual(order(facts), rows.map(({ key, posture }) => [key, posture]).sort())
    await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()))
  })

  test('from a commit to three Sentries: a small part of a second', async () => {
    const machines = await Promise.all([1, 2, 3].map((i) => machineOf(`latency ${i}`)))
    const feeds = await Promise.all(machines.map((machine, i) => openFeed(lab.cores[i % 2]?.port ?? 0, machine)))
    await Promise.all(feeds.map(atEnd))
    const times: number[] = []
    for (let i = 0; i < 30; i += 1) {
      await lab.posture([deviceRow(`latency-${i}`, 'block')])
      const committed = performance.now()
      const there = (message: Of<'delta'>) =>
        message.entries.some((entry) => entry.kind === 'device' && entry.device.id === `latency-${i}`)
      await Promise.all(feeds.map((feed) => the(feed, 'delta', there)))
      times.push(performance.now() - committed)
    }
    times.sort((a, b) => a - b)
    const [median, worst] = [times[15] ?? 0, times.at(-1) ?? 0]
    assert.ok(median < 50, `median ${median.toFixed(1)} ms`)
    assert.ok(worst < 1_000, `worst ${worst.toFixed(1)} ms`)
    await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()))
  })
})

describe('configuration', () => {
  const save = async (id: string, version: number): Promise<void> => {
    documents.set(id, { document: sampleDocument(id, version), etag: `e${version}` })
    await change(async ({ wake }) => wake('sentries'))
  }

  test('sent when it differs, again after each save, and not to whoever has it', async () => {
    const id = await profile('saved')
    const machine = await machineOf('configured', id)
    await using feed = await openFeed(lab.core.port, machine)
    await atEnd(feed)
    assert.equal(feed.messages.some(isA('config')), false)
    assert.deepEqual((await seen(machine.id)).configuration.state, 'problem')
    assert.equal((await seen(machine.id)).configuration.problem, 'it lacks a certificate')
    await save(id, 1)
    const first = await the(feed, 'config')
    assert.deepEqual(first, { type: 'config', etag: 'e1', document: sampleDocument(id, 1) })
    await save(id, 2)
    await the(feed, 'config', ({ etag }) => etag === 'e2')
    await using again = await openFeed(lab.core.port, machine, { etag: 'e2' })
    await atEnd(again)
    assert.equal(again.messages.some(isA('config')), false)
    const { configuration } = await seen(machine.id)
    assert.deepEqual([configuration.state, configuration.wanted], ['waiting', { etag: 'e2', version: 2 }])
  })

  test('assigning another profile sends its document', async () => {
    const [a, b] = [await profile('from'), await profile('to')]
    documents.set(a, { document: sampleDocument(a, 1), etag: 'a' })
    documents.set(b, { document: sampleDocument(b, 1), etag: 'b' })
    const machine = await machineOf('assigned', a)
    await using feed = await openFeed(lab.cores[1]?.port ?? 0, machine)
    await the(feed, 'config', ({ etag }) => etag === 'a')
    await change((c) => updateSentry(c, machine.id, null, { profileId: b }))
    await the(feed, 'config', ({ etag }) => etag === 'b')
  })

  test('a Sentry of the release before gets what it understands, and the administrator sees what it cannot follow', async () => {
    const id = await profile('older')
    documents.set(id, { document: sampleDocument(id, 1), etag: 'whole' })
    const machine = await machineOf('older', id, [1])
    await using feed = await openFeed(lab.core.port, machine, { schemas: '1' })
    const { schema } = await the(feed, 'hello')
    const { etag, document } = await the(feed, 'config')
    assert.deepEqual([schema, etag], [1, 'whole.schema1'])
    const { activeSync } = document as { activeSync: object }
    assert.equal('health' in activeSync, false)
    const state = await seen(machine.id)
    assert.deepEqual(state.configuration.notServed, ['activeSync.health'])
    assert.deepEqual(state.configuration.wanted, { etag: 'whole.schema1', version: 1 })
    // The same machine after its update must not keep the older rendering.
    await using updated = await openFeed(lab.core.port, machine, { etag })
    assert.equal((await the(updated, 'config')).etag, 'whole')
  })

  test('a document that no line can carry is a problem, not a broken stream', async () => {
    const id = await profile('huge')
    const document = sampleDocument(id, 1)
    const crls = Array.from({ length: 40 }, (_, i) => ({ name: `list ${i}`, pem: 'x'.repeat(131_072) }))
    documents.set(id, { document: { ...document, tls: { ...document.tls, crls } }, etag: 'huge' })
    const machine = await machineOf('huge', id)
    await using feed = await openFeed(lab.core.port, machine)
    await atEnd(feed)
    assert.equal(feed.messages.some(isA('config')), false)
  })
})

describe('streams', () => {
  test('a Sentry that is too old is told so, and the administrator is', async () => {
    const machine = await machineOf('too old')
    await using feed = await openFeed(lab.core.port, machine, { schemas: '0', version: '0.0.1' })
    const bye = await the(feed, 'bye')
    await feed.ended
    assert.deepEqual([bye.reason, typesOf(feed)], ['too-old', ['bye']])
    const { connection } = await seen(machine.id)
    assert.match(connection.tooOld ?? '', /speaks feed schema 0; this Core serves 1 to 2: update it/)
    assert.deepEqual([connection.connected, connection.softwareVersion], [false, '0.0.1'])
  })

  test('a newer stream of the same Sentry takes the place of the older one', async () => {
    const machine = await machineOf('twice')
    await using older = await openFeed(lab.core.port, machine)
    await atEnd(older)
    await using newer = await openFeed(lab.core.port, machine)
    assert.equal((await the(older, 'bye')).reason, 'replaced')
    await older.ended
    await atEnd(newer)
    const { connection } = await seen(machine.id)
    assert.deepEqual([connection.connected, connection.feedSchema], [true, 2])
    await newer[Symbol.asyncDispose]()
    for (let i = 0; i < 50 && (await seen(machine.id)).connection.connected; i += 1) await sleep(20)
    assert.equal((await seen(machine.id)).connection.connected, false)
  })

  test('also at another Core, with the next ping', async () => {
    const machine = await machineOf('twice, elsewhere')
    await using older = await openFeed(lab.core.port, machine)
    const { seq } = await atEnd(older)
    await using newer = await openFeed(lab.cores[1]?.port ?? 0, machine)
    const [bye, ping] = await Promise.all([the(older, 'bye'), the(newer, 'ping')])
    assert.deepEqual([bye.reason, ping.seq >= seq], ['replaced', true])
    assert.ok((await the(newer, 'hello')).pingSeconds === PING_SECONDS)
  })

  test('a Core that stops says so, and another one goes on', async () => {
    const machine = await machineOf('moving')
    await using feed = await openFeed(lab.core.port, machine)
    const { seq } = await atEnd(feed)
    const { epoch } = await the(feed, 'hello')
    await lab.core.stopFeed()
    const bye = await the(feed, 'bye')
    await feed.ended
    assert.deepEqual([bye.reason, bye.retryAfterSeconds], ['stopping', 1])
    await using next = await openFeed(lab.cores[1]?.port ?? 0, machine, { epoch, seq: String(seq) })
    await lab.posture([deviceRow('after the move')])
    assert.equal((await the(next, 'delta')).from, seq)
    await lab.core.restartFeed()
  })
})

describe('reports', () => {
  const report = (member: Partial<GatewayReport> = {}): GatewayReport => ({
    ...{ schema: 2, version: '0.1.0', startedAt: 1_700_000_000_000, config: { applied: null, refused: null } },
    ...{ posture: { epoch: null, seq: 0 }, notReady: ['no configuration'], associations: [] },
    counts: { connections: 4, held: 3, requests: 10, allowed: 9, refused: 1 },
    servers: [{ server: 'outlook.office365.com:443', live: false, reason: 'timeout' }],
    ...member,
  })
  const send = (machine: Registered, body: unknown) =>
    call({ port: lab.core.port, ca: machine.ca }, machine.identity, { method: 'POST', path: FEED_PATHS.report, body })
  const auditOf = async (id: string): Promise<string[]> => {
    const rows = await db().selectFrom('audit').select('action').where('object_id', '=', id).orderBy('seq').execute()
    return rows.map(({ action }) => action).filter((action) => action.endsWith('configuration'))
  }

  const refused: [string, unknown, number][] = [
    ['no report', {}, 400],
    ['a schema of the future', report({ schema: 3 }), 409],
    ['an unknown member', { ...report(), sentryId: 'another' }, 400],
    ['more than a report may have', { ...report(), notReady: ['x'.repeat(MAX_REPORT_BYTES)] }, 413],
  ]
  for (const [title, body, status] of refused) {
    test(`${title} is refused`, async () => {
      const machine = await machineOf(title)
      assert.equal((await send(machine, body)).status, status)
      assert.equal((await seen(machine.id)).health, null)
    })
  }

  test('the administrator sees what was applied or refused and why; the audit log has each change once', async () => {
    const id = await profile('reported')
    documents.set(id, { document: sampleDocument(id, 7), etag: 'r7' })
    const machine = await machineOf('reporting', id)
    const { version } = await seen(machine.id)
    await using feed = await openFeed(lab.core.port, machine)
    await the(feed, 'config')
    const { seq } = await atEnd(feed)
    const { epoch } = await the(feed, 'hello')
    const problems = [{ path: 'tls.privateKeyPem', message: 'is not the key of the certificate' }]
    const no = report({ config: { applied: null, refused: { etag: 'r7', problems } } })
    for (const body of [no, no]) assert.equal((await send(machine, body)).status, 204)
    const bad = (await seen(machine.id)).configuration
    assert.deepEqual([bad.state, bad.refused], ['refused', { document: { etag: 'r7', version: 7 }, problems }])
    const yes = report({ config: { applied: 'r7', refused: null }, posture: { epoch, seq: seq - 1 }, notReady: [] })
    for (const body of [yes, yes]) assert.equal((await send(machine, body)).status, 204)
    const good = await seen(machine.id)
    assert.deepEqual([good.configuration.state, good.configuration.applied], ['applied', { etag: 'r7', version: 7 }])
    assert.equal(good.configuration.refused, null)
    assert.equal(good.posture.seq, seq - 1)
    assert.ok((good.posture.behind ?? 0) >= 1)
    assert.deepEqual(
      [good.health?.held, good.health?.servers, good.health?.notReady],
      [3, [{ server: 'outlook.office365.com:443', live: false, reason: 'timeout' }], []],
    )
    assert.equal(good.version, version, 'a report is no edit')
    assert.deepEqual(await auditOf(machine.id), ['sentry.refuse-configuration', 'sentry.apply-configuration'])
  })

  test('numbers of another life of the database say nothing', async () => {
    const machine = await machineOf('other life')
    await send(machine, report({ posture: { epoch: 'another', seq: 3 } }))
    assert.deepEqual((await seen(machine.id)).posture, { seq: 3, behind: null })
  })
})
