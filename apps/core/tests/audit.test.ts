/**
 * The audit log: reading, exporting, verifying; and what somebody does to it who can write the database.
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { CoreClient } from '@postern/harness/core-client'
import type { AuditEntry } from '@postern/contract/api/audit'
import { SYSTEM } from '../src/audit/chain.ts'
import { openStore, type TestStore } from './support/databases.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const ROWS = 120
let core: TestCore
let ada: CoreClient
let store: TestStore
before(async () => {
  core = await startTestCore({ database: 'url' })
  ada = await core.signIn()
  assert.ok(core.databaseUrl)
  store = await openStore({ url: core.databaseUrl }, join(core.folder, 'data', 'keys'))
  for (let i = 0; i < ROWS; i += 1) {
    const who = i % 2 === 0 ? SYSTEM : ({ kind: 'sentry', id: 'sentry-1', name: 'Gate "1"' } as const)
    await store.store.change(who, async ({ audit }) =>
      audit({
        action: i % 3 === 0 ? 'thing.create' : 'thing.update',
        object: { kind: 'thing', id: `t${i % 4}` },
        after: { i },
      }),
    )
  }
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await core[Symbol.asyncDispose]()
})

type Query = NonNullable<NonNullable<Parameters<typeof ada.call<'listAudit'>>[1]>['query']>

async function listed(query: Query): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const asked = { limit: 50, ...query, ...(cursor === '' ? {} : { cursor }) }
    const page: { items: AuditEntry[]; next: string | null } = (await ada.call('listAudit', { query: asked })).body
    entries.push(...page.items)
    cursor = page.next
  }
  return entries
}

async function exported(query: Query): Promise<AuditEntry[]> {
  const { body, headers } = await ada.call('exportAudit', { query })
  assert.equal(headers['content-type'], 'application/x-ndjson')
  const lines = body.toString().split('\n')
  assert.equal(lines.pop(), '')
  return lines.map((line) => JSON.parse(line) as AuditEntry)
}

describe('reading the audit log', () => {
  const refused = [
    { title: 'a cursor of nowhere', query: { cursor: 'bm9wZQ' } },
    { title: 'a time that is none', query: { since: '2026-01-01' } },
    { title: 'an action with a wildcard', query: { action: 'thing.%' } },
    { title: 'too many rows', query: { limit: 501 } },
  ]
  for (const { title, query } of refused) {
    test(`${title} is refused`, () => assert.rejects(ada.call('listAudit', { query }), { code: 'INVALID' }))
  }
  test('nobody sees it without signing in', async () => {
    for (const name of ['listAudit', 'exportAudit'] as const) {
      await assert.rejects(ada.another().call(name), { code: 'NOT_SIGNED_IN' })
    }
  })
  test('pages give every row once, newest first', async () => {
    const seqs = (await listed({})).map(({ seq }) => seq)
    assert.ok(seqs.length > ROWS)
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => seqs.length - i),
    )
  })
  const filters = [
    { title: 'of an actor by id', query: { actor: 'sentry-1' }, count: 60 },
    { title: 'of an actor by name', query: { actor: 'Gate "1"' }, count: 60 },
    { title: 'of an action', query: { action: 'thing.create' }, count: 40 },
    { title: 'of actions that begin alike', query: { action: 'thing.' }, count: 120 },
    { title: 'of a kind', query: { objectKind: 'thing' }, count: 120 },
    { title: 'of an object', query: { objectKind: 'thing', objectId: 't3' }, count: 30 },
    { title: 'of all of these', query: { actor: 'sentry-1', action: 'thing.update', objectId: 't3' }, count: 20 },
    { title: 'of a time to come', query: { since: '2999-01-01T00:00:00.000Z' }, count: 0 },
    { title: 'of a time before', query: { until: '1999-01-01T00:00:00.000Z' }, count: 0 },
  ]
  for (const { title, query, count } of filters) {
    test(`gives rows ${title}, and exports the same`, async () => {
      const entries = await listed(query)
      assert.equal(entries.length, count)
      assert.deepEqual(await exported(query), entries.toReversed())
    })
  }
  test('times mean from the first on and before the second', async () => {
    const [first] = await listed({ objectId: 't1' })
    assert.ok(first)
    const at = (query: Query) => listed({ ...query, objectId: 't1' }).then((entries) => entries.map(({ seq }) => seq))
    assert.ok((await at({ since: first.at })).includes(first.seq))
    assert.equal((await at({ until: first.at })).includes(first.seq), false)
  })
  test('an export has codes with which anybody who has the key can verify it', async () => {
    const rows = await exported({})
    assert.ok(rows.every(({ mac }) => /^[0-9a-f]{64}$/.test(mac)))
    assert.equal(new Set(rows.map(({ mac }) => mac)).size, rows.length)
  })
})

describe('verifying', () => {
  const verdict = async (anchor?: { seq: number; mac: string }) =>
    (await ada.call('verifyAudit', { body: anchor === undefined ? {} : { anchor } })).body
  const tamper = async (statements: readonly string[]): Promise<void> => {
    await store.db.connection().execute(async (connection) => {
      await sql`alter table audit disable trigger all`.execute(connection)
      for (const statement of statements) await sql.raw(statement).execute(connection)
      await sql`alter table audit enable trigger all`.execute(connection)
    })
  }
  before(() =>
    sql.raw('create table audit_copy as table audit; create table head_copy as table audit_head').execute(store.db),
  )
  const repair = () =>
    tamper([
      ...['delete from audit', 'insert into audit table audit_copy'],
      'update audit_head set seq = c.seq, mac = c.mac from head_copy c',
    ])

  test('what Core wrote is whole', async () => {
    const { ok, rows, head, problem } = await verdict()
    assert.deepEqual({ ok, problem, same: rows === head.seq }, { ok: true, problem: null, same: true })
  })
  for (const statement of ['update audit set note = null', 'delete from audit', 'truncate audit']) {
    test(`the database itself refuses: ${statement}`, () =>
      assert.rejects(sql.raw(statement).execute(store.db), { code: 'P0001', message: /append-only/ }))
  }
  const last = '(select max(seq) from audit)'
  const columns = 'at, actor_kind, actor_id, actor_name, action, object_kind, object_id, after'
  const attacks = [
    { title: 'a changed note', sql: [`update audit set note = 'x' where seq = 40`], seq: 40, kind: 'changed' },
    { title: 'a changed actor', sql: [`update audit set actor_name = 'Eve' where seq = 2`], seq: 2, kind: 'changed' },
    {
      title: 'a changed value within JSON',
      sql: [`update audit set after = jsonb_set(after, '{i}', '7') where seq = 60`],
      ...{ seq: 60, kind: 'changed' },
    },
    {
      title: 'a time that was put forward by a millisecond',
      sql: [`update audit set at = at + interval '1 millisecond' where seq = 61`],
      ...{ seq: 61, kind: 'changed' },
    },
    { title: 'a row removed from the middle', sql: ['delete from audit where seq = 50'], seq: 50, kind: 'removed' },
    { title: 'the last row removed', sql: [`delete from audit where seq = ${last}`], seq: null, kind: 'truncated' },
    {
      title: 'two rows swapped',
      sql: [
        'update audit set seq = -1 where seq = 70',
        'update audit set seq = 70 where seq = 75',
        'update audit set seq = 75 where seq = -1',
      ],
      ...{ seq: 70, kind: 'reordered' },
    },
    {
      title: 'a forged row at the end, with a head that fits',
      sql: [
        `insert into audit (seq, ${columns}, mac) select seq + 1, ${columns}, sha256('x') from audit where seq = ${last}`,
        `update audit_head set seq = seq + 1, mac = sha256('x')`,
      ],
      ...{ seq: null, kind: 'changed' },
    },
    {
      title: 'a forged row in the place of another',
      sql: [`update audit set object_id = 'other', mac = sha256('x') where seq = 33`],
      ...{ seq: 33, kind: 'changed' },
    },
    { title: 'a head that was set back', sql: ['update audit_head set seq = seq - 1'], seq: null, kind: 'changed' },
    { title: 'every row removed', sql: ['delete from audit'], seq: 1, kind: 'truncated' },
  ] as const
  for (const { title, sql: statements, seq, kind } of attacks) {
    test(`finds ${title}`, async () => {
      await tamper(statements)
      try {
        const { ok, problem } = await verdict()
        assert.equal(ok, false)
        assert.equal(problem?.kind, kind)
        if (seq !== null) assert.equal(problem.seq, seq)
      } finally {
        await repair()
      }
      assert.equal((await verdict()).ok, true)
    })
  }
  test('finds that the whole log was set back, with a row that was kept elsewhere', async () => {
    const [newest] = await listed({ limit: 1, action: 'thing.' })
    assert.ok(newest)
    const kept = { seq: newest.seq, mac: newest.mac }
    assert.equal((await verdict(kept)).ok, true)
    await tamper([
      `delete from audit where seq >= ${kept.seq}`,
      'update audit_head set (seq, mac) = (select seq, mac from audit order by seq desc limit 1)',
    ])
    try {
      assert.equal((await verdict()).ok, true) // nothing within the database can show it
      assert.deepEqual((await verdict(kept)).problem?.seq, kept.seq)
    } finally {
      await repair()
    }
  })
})
