import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { encodeCursor, pageOf, type SortColumn } from '../src/database/paging.ts'
import { lockVersion, nextVersion } from '../src/database/versioned.ts'
import { type DirectoryLab, startDirectoryLab } from './support/directory-lab.ts'

const BY_NAME = [{ by: 'labels.name_key', type: 'text' }] as const satisfies SortColumn[]
const BY_TIME = [
  { by: 'labels.created_at', type: 'timestamptz' },
  { by: 'labels.id', type: 'uuid' },
] as const satisfies SortColumn[]

let lab: DirectoryLab
before(async () => {
  lab = await startDirectoryLab()
  const { db } = lab.services.store
  // Microseconds differ and milliseconds do not: what a Date would lose.
  for (let i = 0; i < 20; i += 1) {
    const created_at = sql<Date>`${`2026-01-01 00:00:00.00000${i % 10}+00`}::timestamptz`
    await db
      .insertInto('labels')
      .values({ name: `label ${String(i).padStart(2, '0')}`, kind: 'manual', created_at })
      .execute()
  }
})
after(() => lab[Symbol.asyncDispose]())

function labels() {
  return lab.services.store.db.selectFrom('labels').select('labels.name').where('built_in', '=', false)
}

describe('a page by key', () => {
  const walk = async (columns: readonly SortColumn[], descending: boolean, limit: number): Promise<string[]> => {
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = await pageOf(labels(), { limit, cursor, sort: 's', columns, descending })
      assert.ok(page.items.length <= limit)
      for (const item of page.items) assert.deepEqual(Object.keys(item), ['name'])
      names.push(...page.items.map(({ name }) => name))
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    return names
  }
  for (const [title, columns] of Object.entries({ name: BY_NAME, time: BY_TIME })) {
    for (const limit of [1, 3, 20, 50]) {
      test(`by ${title}, ${limit} at a time: every row once, and backwards the same`, async () => {
        const names = await walk(columns, false, limit)
        assert.equal(new Set(names).size, 20)
        assert.equal(names.length, 20)
        assert.deepEqual(await walk(columns, true, limit), names.toReversed())
      })
    }
  }
  test('rows that come before the cursor move nothing', async () => {
    const first = await pageOf(labels(), { limit: 5, sort: 's', columns: BY_NAME })
    await lab.services.store.db.insertInto('labels').values({ name: 'a first one', kind: 'manual' }).execute()
    const second = await pageOf(labels(), { limit: 5, cursor: first.next ?? '', sort: 's', columns: BY_NAME })
    await lab.services.store.db.deleteFrom('labels').where('name', '=', 'a first one').execute()
    assert.equal(second.items[0]?.name, 'label 05')
  })
})

describe('a cursor that is refused', () => {
  const rejects = [
    { title: 'no base64 of JSON', cursor: 'abc' },
    { title: 'JSON that is no list', cursor: Buffer.from('{"a":1}').toString('base64url') },
    { title: 'of another order', cursor: encodeCursor('other', ['a']) },
    { title: 'of another length', cursor: encodeCursor('s', ['a', 'b']) },
    { title: 'without a value', cursor: encodeCursor('s', []) },
    { title: 'a number in the place of text', cursor: Buffer.from('["s",1]').toString('base64url') },
    { title: 'a text that no text of the database can be', cursor: encodeCursor('s', ['a\0']) },
  ]
  for (const { title, cursor } of rejects) {
    test(title, async () => {
      await assert.rejects(pageOf(labels(), { cursor, sort: 's', columns: BY_NAME }), { code: 'INVALID' })
    })
  }
  const typed = [
    { title: 'no time', values: ['1; drop table labels', '00000000-0000-0000-0000-000000000000'] },
    { title: 'a time beyond reason', values: ['99999999999999999', '00000000-0000-0000-0000-000000000000'] },
    { title: 'no id', values: ['1', 'x'] },
  ]
  for (const { title, values } of typed) {
    test(title, async () => {
      const cursor = encodeCursor('s', values)
      await assert.rejects(pageOf(labels(), { cursor, sort: 's', columns: BY_TIME }), { code: 'INVALID' })
    })
  }
})

describe('a version', () => {
  const idOf = async (): Promise<string> => {
    const row = await lab.services.store.db
      .selectFrom('labels')
      .select('id')
      .where('name', '=', 'label 01')
      .executeTakeFirst()
    return row?.id ?? ''
  }
  test('that was not read is refused, and nothing is changed', async () => {
    const id = await idOf()
    const work = lab.change((change) => lockVersion(change, 'labels', 'label', id, 2))
    await assert.rejects(work, { code: 'CHANGED', message: /the label is at version 1 now/ })
  })
  test('of what is not there', async () => {
    const id = '00000000-0000-0000-0000-000000000000'
    await assert.rejects(
      lab.change((change) => lockVersion(change, 'labels', 'label', id, 1)),
      { code: 'NOT_FOUND' },
    )
  })
  test('of two edits at once one loses', async () => {
    const id = await idOf()
    const edit = () =>
      lab.change(async (change) => {
        await lockVersion(change, 'labels', 'label', id, 1)
        await change.tx.updateTable('labels').set(nextVersion(change)).where('id', '=', id).execute()
      })
    const results = await Promise.allSettled([edit(), edit(), edit()])
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  })
})
