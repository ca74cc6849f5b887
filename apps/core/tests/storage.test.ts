/**
 * What Core relies on in its database, on both kinds of it.
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { SYSTEM } from '../src/audit/chain.ts'
import { startSingleton } from '../src/database/singleton.ts'
import type { Change } from '../src/database/store.ts'
import { verifyAudit } from '../src/services/audit/read-audit.ts'
import { DATABASE_KINDS, openStore, startServer, type TestServer, type TestStore } from './support/databases.ts'

const draft = (action: string) => ({ action, object: { kind: 'test' } })
const put = (name: string) => async (change: Change) => {
  await change.tx.insertInto('core_state').values({ name, value: '1' }).execute()
  change.audit(draft('test.put'))
}

async function until(holds: () => boolean | Promise<boolean>, limitMs = 5_000): Promise<void> {
  const begun = performance.now()
  while (!(await holds())) {
    if (performance.now() - begun > limitMs) assert.fail(`not within ${limitMs} ms: ${holds.toString()}`)
    await sleep(10)
  }
}

for (const kind of DATABASE_KINDS) {
  describe(`storage on the ${kind} database`, () => {
    let server: TestServer
    let one: TestStore
    let other: TestStore
    before(async () => {
      server = await startServer(kind)
      const target = await server.migratedDatabase()
      one = await openStore(target, join(server.folder, 'keys'))
      other = await openStore(target, join(server.folder, 'keys'))
    })
    after(async () => {
      await other[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    })
    const rowsNamed = async (name: string): Promise<number> =>
      (await one.db.selectFrom('core_state').select('name').where('name', '=', name).execute()).length
    const auditRows = async (): Promise<number> => (await one.db.selectFrom('audit').select('seq').execute()).length

    test('a change that throws leaves no row, no audit and no wake-up', async () => {
      const woken: string[] = []
      using _posture = other.wakeups.on('posture', () => woken.push('posture'))
      using _sentries = other.wakeups.on('sentries', () => woken.push('sentries'))
      const before = await auditRows()
      const work = one.store.change(SYSTEM, async (change) => {
        await put('thrown')(change)
        change.wake('posture')
        throw new TypeError('after the writing')
      })
      await assert.rejects(work, TypeError)
      assert.equal(await rowsNamed('thrown'), 0)
      assert.equal(await auditRows(), before)
      await one.store.change(SYSTEM, async (change) => change.wake('sentries'))
      await until(() => woken.length > 0)
      assert.deepEqual(woken, ['sentries'])
    })

    const refusals = [
      { title: 'a name that is there', code: 'CONFLICT', work: put('epoch') },
      {
        title: 'a reference to what is not there',
        code: 'IN_USE',
        work: async ({ tx }: Change) => {
          await sql`insert into sentry_states (sentry_id) values (gen_random_uuid())`.execute(tx)
        },
      },
      {
        title: 'a connection that is lost on the way',
        code: 'UNAVAILABLE',
        work: async ({ tx }: Change) => {
          await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx)
        },
      },
    ] as const
    for (const { title, code, work } of refusals) {
      test(`${title} is ${code}`, () => assert.rejects(one.store.change(SYSTEM, work), { code }))
    }

    test('a serialization failure is tried again, five times at most', async () => {
      let tries = 0
      const fails = (most: number) => async (change: Change) => {
        tries += 1
        if (tries <= most) await sql`do $$ begin raise sqlstate '40001'; end $$`.execute(change.tx)
        await put(`tried-${most}`)(change)
      }
      await one.store.change(SYSTEM, fails(4))
      assert.equal(tries, 5)
      assert.equal(await rowsNamed('tried-4'), 1)
      tries = 0
      await assert.rejects(one.store.change(SYSTEM, fails(9)), { code: '40001' })
      assert.equal(tries, 5)
    })

    test('two changes that lock each other out are both done', async () => {
      for (const name of ['left', 'right']) await one.store.change(SYSTEM, put(name))
      let tries = 0
      const { promise: bothHoldOne, resolve: holdOne } = Promise.withResolvers<undefined>()
      const both = (names: readonly [string, string]) => async (change: Change) => {
        tries += 1
        for (const [i, name] of names.entries()) {
          await sql`update core_state set value = to_jsonb(value::text::int + 1) where name = ${name}`.execute(
            change.tx,
          )
          if (i > 0) continue
          if (tries === 2) holdOne(undefined)
          await bothHoldOne
        }
        change.audit(draft('test.both'))
      }
      await Promise.all([
        one.store.change(SYSTEM, both(['left', 'right'])),
        other.store.change(SYSTEM, both(['right', 'left'])),
      ])
      assert.equal(tries, 3)
      const values = await one.db
        .selectFrom('core_state')
        .select('value')
        .where('name', 'in', ['left', 'right'])
        .execute()
      assert.deepEqual(values, [{ value: 3 }, { value: 3 }])
    })

    test('the audit log has no gap under eight writers on two processes, some of which fail', async () => {
      const begun = await auditRows()
      const writer = async (n: number): Promise<void> => {
        const { store } = n % 2 === 0 ? one : other
        for (let i = 0; i < 25; i += 1) {
          const work = store.change(SYSTEM, async (change) => {
            change.audit({
              ...draft('test.write'),
              after: { n, i, at: new Date(), text: 'nul \0, half a pair \ud800' },
            })
            change.audit(draft('test.more'))
            if (i % 5 === 4) throw new RangeError('one in five')
          })
          await work.catch((error: unknown) => assert.ok(error instanceof RangeError))
        }
      }
      await Promise.all(Array.from({ length: 8 }, (_, n) => writer(n)))
      assert.equal(await auditRows(), begun + 8 * 20 * 2)
      const verdict = await verifyAudit(other.db, other.keys.auditKey, null)
      assert.deepEqual({ ok: verdict.ok, rows: verdict.rows }, { ok: true, rows: begun + 8 * 20 * 2 })
    })

    describe('repeated requests', () => {
      const request = (hash: string) => ({ key: 'key-1', requestHash: hash })
      test('give the first reply again, and are done once', async () => {
        let runs = 0
        const work = async (change: Change) => {
          runs += 1
          await put('repeated')(change)
          return { id: runs }
        }
        const replies = []
        for (const { store } of [one, other, one]) replies.push(await store.change(SYSTEM, work, request('a')))
        assert.deepEqual(replies, [{ id: 1 }, { id: 1 }, { id: 1 }])
        assert.equal(runs, 1)
      })
      test('with another content are refused', () =>
        assert.rejects(one.store.change(SYSTEM, put('other'), request('b')), { code: 'IDEMPOTENCY_MISMATCH' }))
      test('of somebody else are others', async () => {
        const ada = { kind: 'administrator', id: 'a', name: 'Ada' } as const
        await one.store.change(ada, put('of-ada'), request('b'))
        assert.equal(await rowsNamed('of-ada'), 1)
      })
      test('two at once are done once', async () => {
        let runs = 0
        const work = async (change: Change) => {
          runs += 1
          await sleep(50)
          await put('at-once')(change)
          return { runs }
        }
        const repeatable = { key: 'key-2', requestHash: 'a' }
        const replies = await Promise.all([one, other].map(({ store }) => store.change(SYSTEM, work, repeatable)))
        assert.deepEqual(replies, [{ runs: 1 }, { runs: 1 }])
      })
      test('that failed are done when they come again', async () => {
        const repeatable = { key: 'key-3', requestHash: 'a' }
        await assert.rejects(one.store.change(SYSTEM, put('epoch'), repeatable), { code: 'CONFLICT' })
        await one.store.change(SYSTEM, put('after-failure'), repeatable)
        assert.equal(await rowsNamed('after-failure'), 1)
      })
    })

    describe('secrets', () => {
      const stored = (text: string) => one.store.change(SYSTEM, ({ tx }) => one.vault.put(tx, 'totp', text))
      test('open on every process, and lie in no column as they are', async () => {
        const id = await stored('canary-of-the-vault')
        assert.equal(await other.vault.read(other.db, 'totp', id), 'canary-of-the-vault')
        const { box } = await one.db.selectFrom('secrets').select('box').where('id', '=', id).executeTakeFirstOrThrow()
        assert.equal(box.includes('canary'), false)
      })
      test('do not open for another purpose', async () => {
        const id = await stored('text')
        await assert.rejects(one.vault.read(one.db, 'tls-key', id), { name: 'VaultError' })
      })
      test('do not open in the place of another', async () => {
        const [mine, yours] = [await stored('mine'), await stored('yours')]
        await sql`update secrets set box = (select box from secrets where id = ${yours}) where id = ${mine}`.execute(
          one.db,
        )
        await assert.rejects(one.vault.read(one.db, 'totp', mine), { name: 'VaultError' })
      })
      for (const at of [4, 20, 40, 70, 90]) {
        test(`do not open when the byte at ${at} was changed`, async () => {
          const id = await stored('a text of some length, so that there is such a byte')
          await sql`update secrets set box = set_byte(box, ${sql.lit(at)}, get_byte(box, ${sql.lit(at)}) # 1)
            where id = ${id}`.execute(one.db)
          await assert.rejects(one.vault.read(one.db, 'totp', id), { name: 'VaultError' })
        })
      }
      test('are gone when removed', async () => {
        const id = await stored('text')
        await one.store.change(SYSTEM, ({ tx }) => one.vault.remove(tx, id))
        await assert.rejects(one.vault.read(one.db, 'totp', id), { name: 'VaultError' })
      })
      test('open everywhere after the key was rotated on another process, old ones and new ones', async () => {
        await sql`delete from secrets`.execute(one.db)
        const old = await Promise.all(['a', 'b', 'c'].map(stored))
        const id = await other.keys.addKey()
        const fresh = await stored('d')
        for (const [secret, text] of [
          [old[0], 'a'],
          [fresh, 'd'],
        ] as const) {
          assert.equal(await one.vault.read(one.db, 'totp', secret ?? ''), text)
        }
        const batches = [2, 2, 2]
        for (const [i, most] of batches.entries()) {
          batches[i] = await other.store.change(SYSTEM, ({ tx }) => other.vault.rewrap(tx, most))
        }
        assert.deepEqual(batches, [2, 1, 0])
        const rows = await one.db.selectFrom('secrets').select('key_id').distinct().execute()
        assert.deepEqual(rows, [{ key_id: id }])
        for (const [i, secret] of old.entries()) {
          assert.equal(await one.vault.read(one.db, 'totp', secret), ['a', 'b', 'c'][i])
        }
      })
    })

    test('a commit wakes other processes, also after their connection was lost', async () => {
      let woken = 0
      using _on = other.wakeups.on('posture', () => void (woken += 1))
      await one.store.change(SYSTEM, async (change) => change.wake('posture'))
      await until(() => woken === 1)
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query like 'listen%'`.execute(one.db)
      await until(() => other.losses.length === 1)
      await until(() => woken === 2) // whatever came in between
      await one.store.change(SYSTEM, async (change) => change.wake('posture'))
      await until(() => woken === 3)
    })

    test('of two processes one does singleton work, and the other takes over when its connection dies', async () => {
      const running = new Set<string>()
      const starts: string[] = []
      const work = (name: string) => async (signal: AbortSignal) => {
        starts.push(name)
        running.add(name)
        await sleep(60_000, undefined, { signal }).catch(() => undefined)
        running.delete(name)
      }
      const lock = 7_299_001
      let faults = 0
      await using _one = startSingleton(one.db, lock, work('one'), () => void (faults += 1))
      await until(() => starts.length === 1)
      await using _other = startSingleton(other.db, lock, work('other'), () => void (faults += 1))
      await sleep(200)
      assert.deepEqual(starts, ['one'])
      await sql`select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and objid = ${sql.lit(lock)} and granted`.execute(other.db)
      await until(() => faults === 1 && starts.length === 2)
      assert.equal(running.size, 1)
    })
  })
}
