/**
 * Migrations: forward only, each as it was released, and the same result from wherever one starts.
 * @module
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { type Db, openDatabase } from '../src/database/connect.ts'
import { migrate, type Migration, MIGRATIONS_FOLDER, readMigrations } from '../src/database/migrations.ts'
import { DATABASE_KINDS, startServer, type TestServer } from './support/databases.ts'
import { checksumsText, SCHEMA_HEAD, schemaText } from './support/schema-text.ts'

const all = await readMigrations()
const REMEDY = 'write it anew: node apps/core/tests/support/write-schema.ts'

for (const kind of DATABASE_KINDS) {
  describe(`migrations on the ${kind} database`, () => {
    let server: TestServer
    before(async () => (server = await startServer(kind)))
    after(() => server[Symbol.asyncDispose]())
    const withEmpty = async (use: (db: Db, again: Db) => Promise<void>): Promise<void> => {
      const target = await server.emptyDatabase()
      await using one = openDatabase(target, () => undefined)
      await using other = openDatabase(target, () => undefined)
      await use(one.db, other.db)
    }

    test('a released file that was changed is refused, and nothing runs', () =>
      withEmpty(async (db) => {
        await migrate(db, all.slice(0, 2))
        const changed = all.map((m): Migration => (m.number === 1 ? { ...m, sha256: '0'.repeat(64) } : m))
        await assert.rejects(migrate(db, changed), { code: 'UNAVAILABLE', message: /restore the released file/ })
        const { rows } = await sql`select 1 from migrations`.execute(db)
        assert.equal(rows.length, 2)
      }))
    test('a database of a newer release is refused', () =>
      withEmpty(async (db) => {
        await migrate(db, all)
        await assert.rejects(migrate(db, all.slice(0, -1)), { code: 'UNAVAILABLE', message: /newer release/ })
      }))
    test('a migration that fails leaves nothing of itself, and runs when it was mended', () =>
      withEmpty(async (db) => {
        const broken: Migration = {
          number: 1,
          name: 'x',
          sha256: 'a'.repeat(64),
          text: 'create table t (i int); select 1/0',
        }
        await assert.rejects(migrate(db, [broken]), { code: '22012' })
        const { rows } = await sql<{ there: boolean }>`select to_regclass('t') is not null as there`.execute(db)
        assert.deepEqual(rows, [{ there: false }])
        assert.equal(await migrate(db, [{ ...broken, text: 'create table t (i int)' }]), 1)
      }))
    test('two Cores that start at once take turns', () =>
      withEmpty(async (one, other) => {
        const ran = await Promise.all([migrate(one, all), migrate(other, all)])
        assert.deepEqual(
          ran.toSorted((a, b) => a - b),
          [0, all.length],
        )
      }))
    test('a fresh database equals one that came from any earlier release, and the committed file', async () => {
      const texts: string[] = []
      const starts = kind === 'embedded' ? all.map((_, i) => i) : [0] // the same server: once is enough
      for (const from of starts) {
        await withEmpty(async (db) => {
          await migrate(db, all.slice(0, from))
          await migrate(db, all)
          texts.push(`${SCHEMA_HEAD}\n${await schemaText(db)}`)
        })
      }
      for (const [from, text] of texts.entries()) assert.equal(text, texts[0], `from migration ${from}`)
      assert.equal(texts[0], await readFile(join(MIGRATIONS_FOLDER, 'schema.txt'), 'utf8'), REMEDY)
    })
  })
}

test('released migrations are unchanged', async () => {
  const committed = await readFile(join(MIGRATIONS_FOLDER, 'checksums.txt'), 'utf8')
  assert.equal(checksumsText(all), committed, `a released file must not change; for a new one ${REMEDY}`)
})
