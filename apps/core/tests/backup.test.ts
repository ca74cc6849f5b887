/**
 * The drill: back a working Core up, restore it into an empty place, and work on there.
 * @module
 */
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { signIn } from '@postern/harness/core-administrator'
import { CoreClient } from '@postern/harness/core-client'
import { runCommand } from '../src/commands/commands.ts'
import { parseCoreConfig } from '../src/config/core-config.ts'
import { startCore } from '../src/core.ts'
import { openDatabase } from '../src/database/connect.ts'
import { migrate, readMigrations } from '../src/database/migrations.ts'
import { openKeyRing } from '../src/secrets/key-ring.ts'
import { tableShapes } from '../src/services/backup/catalog.ts'
import { openStore, startServer, type TestServer, type TestStore } from './support/databases.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

let core: TestCore
let ada: CoreClient
let store: TestStore
let places: TestServer
let folder: string
let keys: string
let backup: Buffer
const ODD = 'line\n"quote" \\ \ttab \u0001 日本語🙂 {}[] \\N \\x41'
const ODD_TABLE = sql`create table odd (id bigint primary key, at timestamptz, days interval, text text, bytes bytea,
  json jsonb, many text[], half double precision, exact numeric, above bigint references odd (id),
  twice bigint generated always as (id * 2) stored)`
const said: string[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-backup-'))
  ;[core, places] = await Promise.all([startTestCore({ database: 'url' }), startServer('external')])
  ada = await core.signIn()
  keys = join(core.folder, 'data', 'keys')
  assert.ok(core.databaseUrl)
  store = await openStore({ url: core.databaseUrl }, keys)
  await fill()
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await core[Symbol.asyncDispose]()
  await places[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Values that are easily lost on the way: microseconds, NULL beside JSON's null, bytes, numbers beyond 2^53, big rows. */
async function fill(): Promise<void> {
  await sql`
    ${ODD_TABLE};
    insert into odd values
      (9007199254740993, '2026-01-02 03:04:05.678901+00', '1 mon 2 days 03:04:05.000006', ${sql.lit(ODD)}, '\\x00ff0a5c', 'null',
        array['a', null, '', '{"b"}'], 0.1::float8 + 0.2, 12345678901234567890.123456789, 9007199254740993),
      (1, 'infinity', null, '', '', '{"a": [1, null, "\\u00e9"], "n": 12345678901234567890.10}', '{}', 'NaN', 'NaN', 9007199254740993),
      (2, null, null, null, null, null, null, null, null, 1);
    insert into odd (id, text) select 10 + n, repeat('x', 10000) from generate_series(1, 700) n`.execute(store.db)
  const actor = { kind: 'system', id: null, name: ODD } as const
  await store.store.change(actor, async (change) => {
    await store.vault.put(change.tx, 'totp', 'a secret that must open again')
    change.audit({ action: 'test.fill', object: { kind: 'test' }, after: { text: ODD } })
  })
}

const lines = (file: Buffer): string[] => gunzipSync(file).toString().split('\n')
async function fileOf(name: string, content: Buffer | readonly string[]): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, Buffer.isBuffer(content) ? content : gzipSync(content.join('\n')))
  return file
}

interface Place {
  readonly url: string
  /** As a Core that was just started leaves it, and with the table that no migration makes. */
  prepare(): Promise<void>
  restore(file: string): Promise<number>
}

/** An empty database and a data directory with a copy of the keys. */
async function emptyPlace(name: string, keysFrom: string | null = keys): Promise<Place> {
  const target = await places.emptyDatabase()
  assert.ok('url' in target)
  const { url } = target
  await mkdir(join(folder, name))
  if (keysFrom !== null) await cp(keysFrom, join(folder, name, 'keys'), { recursive: true })
  const config = parseCoreConfig({ data: name, database: { url } })
  const ports = { folder, log: () => undefined, now: Date.now, say: (line: string) => void said.push(line) }
  return {
    url,
    prepare: async () => {
      await using database = openDatabase(target, () => undefined)
      await migrate(database.db, await readMigrations())
      await ODD_TABLE.execute(database.db)
    },
    restore: (file) => runCommand(config, { name: 'restore', file }, ports),
  }
}

/** Every row of every table as text. */
async function contents(url: string): Promise<Map<string, string[]>> {
  await using database = openDatabase({ url }, () => undefined)
  const tables = new Map<string, string[]>()
  for (const { name, order } of await tableShapes(database.db)) {
    const { rows } = await sql<{ text: string }>`
      select t::text as text from ${sql.table(name)} t order by ${sql.join(order.map((key) => sql.ref(key)))}`.execute(
      database.db,
    )
    tables.set(
      name,
      rows.map(({ text }) => text),
    )
  }
  return tables
}

describe('taking a backup', () => {
  test('needs a fresh proof of identity, and is written down', async () => {
    await assert.rejects(ada.another().call('createBackup'), { code: 'NOT_SIGNED_IN' })
    const answer = await ada.call('createBackup')
    backup = answer.body
    assert.equal(answer.headers['content-type'], 'application/gzip')
    assert.match(answer.headers['content-disposition'] ?? '', /^attachment; filename="postern-[0-9T-]+\.backup\.gz"$/)
    const { items } = (await ada.call('listAudit', { query: { action: 'backup.create' } })).body
    assert.equal(items.length, 1)
    core.advance(360_000)
    await assert.rejects(ada.call('createBackup'), { code: 'STEP_UP_REQUIRED' })
  })
  test('holds neither keys nor secrets nor sessions', async () => {
    const text = lines(backup).join('\n')
    for (const key of ['audit.key'])
      assert.equal(text.includes((await readFile(join(keys, key), 'utf8')).trim()), false)
    assert.equal(text.includes('a secret that must open again'), false)
    assert.equal(text.includes('"table":"sessions"'), false)
  })
  test('is one moment, though everything goes on', async () => {
    const fresh = await core.signIn()
    const write = async (n: number): Promise<void> =>
      store.store.change({ kind: 'system', id: null, name: 'writer' }, async ({ tx, audit }) => {
        await sql`insert into odd (id, text) values (${10_000 + n}, 'pair'), (${20_000 + n}, 'pair')`.execute(tx)
        audit({ action: 'test.write', object: { kind: 'test', id: String(n) } })
      })
    let count = 0
    const stop = new AbortController()
    const writer = (async () => {
      while (!stop.signal.aborted) await write((count += 1))
    })()
    const before = count
    const { body } = await fresh.call('createBackup')
    stop.abort()
    await writer
    assert.ok(count > before)
    const rows = lines(body)
    const pairs = rows.filter((line) => line.includes('"pair"')).length
    const audited = rows.filter((line) => line.includes('"test.write"')).length
    assert.equal(pairs, audited * 2)
    backup = body
  })
})

describe('what is not restored, and changes nothing', () => {
  let whole: string[]
  before(() => void (whole = lines(backup)))
  const swap = (text: string, by: string) => (line: string) => line.replace(text, by)
  const bad = [
    { title: 'a file that is cut', make: () => backup.subarray(0, backup.length - 100), says: /cut off/ },
    { title: 'a file without its last line', make: () => [...whole.slice(0, -2), ''], says: /cut off: it has no end/ },
    { title: 'a file that goes on', make: () => [...whole.slice(0, -1), '["x"]', ''], says: /after its end/ },
    { title: 'a changed value', make: () => whole.map(swap('test.fill', 'test.full')), says: /was changed/ },
    { title: 'a row left out', make: () => whole.filter((line) => !line.includes('test.fill')), says: /was changed/ },
    {
      title: 'a row with another count',
      make: () => whole.map(swap('["1","inf', '["3","1","inf')),
      says: /does not fit/,
    },
    {
      title: 'a digest made anew by whoever has no key',
      make: () => whole.map(swap('"mac":"', '"mac":"0')).map((l) => l.replace(/("mac":".{64})./, '$1')),
      says: /does not belong to the keys/,
    },
    {
      title: 'a newer release',
      make: () => whole.map(swap('"migrations":[', '"migrations":[7,')),
      says: /migrations\[0\]/,
    },
    {
      title: 'another form',
      make: () => whole.map(swap('"formatVersion":1', '"formatVersion":2')),
      says: /formatVersion/,
    },
    { title: 'no backup', make: () => Buffer.from('text'), says: /is no backup/ },
    { title: 'nothing', make: () => Buffer.alloc(0), says: /nothing was changed/i },
  ]
  for (const { title, make, says } of bad) {
    test(title, async () => {
      const place = await emptyPlace(title.replaceAll(' ', '-'))
      await assert.rejects(place.restore(await fileOf('bad.gz', make())), says)
      assert.deepEqual((await contents(place.url)).size, 0)
    })
  }
  test('without a copy of the key folder', async () => {
    const place = await emptyPlace('no-keys', null)
    await assert.rejects(place.restore(await fileOf('a.gz', backup)), /lacks audit.key and current.*restore the folder/)
  })
  test('with the keys of another Core', async () => {
    const other = join(folder, 'other-keys')
    await openStore(await places.emptyDatabase(), other).then((one) => one[Symbol.asyncDispose]())
    const place = await emptyPlace('other-core', other)
    await assert.rejects(place.restore(await fileOf('a.gz', backup)), /does not belong to the keys in this key folder/)
  })
  test('with a key folder that lacks a wrapping key', async () => {
    const place = await emptyPlace('half-keys')
    await place.prepare()
    const ring = await openKeyRing(join(folder, 'half-keys', 'keys'), false)
    const { id } = await ring.current()
    await ring.addKey()
    await rm(join(ring.folder, `wrap-${id}.key`))
    await assert.rejects(place.restore(await fileOf('a.gz', backup)), {
      code: 'INVALID',
      message: /the secret [0-9a-f-]+ \([a-z-]+\) does not open: .*Nothing was changed/,
    })
    const tables = await contents(place.url)
    assert.deepEqual([tables.get('audit'), tables.get('odd'), tables.get('secrets')], [[], [], []])
    assert.notDeepEqual(tables.get('roles'), []) // what migrations put there
  })
  test('into tables of another shape', async () => {
    const place = await emptyPlace('other-shape')
    await assert.rejects(place.restore(await fileOf('a.gz', backup)), /table odd is not that of this release/)
    assert.deepEqual((await contents(place.url)).get('audit'), [])
  })
  test('into a database that is used', async () => {
    const config = parseCoreConfig({ data: join(core.folder, 'data'), database: { url: core.databaseUrl } })
    const file = await fileOf('a.gz', backup)
    const ports = { folder, log: () => undefined, now: Date.now, say: () => undefined }
    await assert.rejects(runCommand(config, { name: 'restore', file }, ports), { code: 'CONFLICT', message: /in use/ })
  })
})

describe('the drill', () => {
  test('everything is there again, down to the microsecond; one signs in and goes on', async () => {
    const fresh = await core.signIn()
    const { body } = await fresh.call('createBackup')
    const original = await contents(core.databaseUrl ?? '')
    const place = await emptyPlace('drill')
    await place.prepare()
    said.length = 0
    assert.equal(await place.restore(await fileOf('drill.gz', body)), 0)
    assert.match(said.join('\n'), /Restored \d+ rows of \d+ tables; all \d+ secrets open\.[^]*The audit log is whole/)
    const restored = await contents(place.url)
    assert.deepEqual([...restored.keys()], [...original.keys()])
    const own = new Set(['migrations', 'sessions', 'core_state', 'audit', 'audit_head'])
    for (const [name, rows] of original) if (!own.has(name)) assert.deepEqual(restored.get(name), rows, name)
    assert.deepEqual(restored.get('audit')?.slice(0, -1), original.get('audit'))
    assert.deepEqual(restored.get('sessions'), [])
    const epoch = (tables: Map<string, string[]>) => tables.get('core_state')?.find((row) => row.startsWith('(epoch'))
    assert.notEqual(epoch(restored), epoch(original))
    await workOn(place.url)
  })
})

describe('the drill on the embedded database', () => {
  test('a data directory with nothing but the keys becomes the Core of before', async () => {
    await using first = await startTestCore()
    const client = await first.signIn()
    const { body: label } = await client.call('createLabel', { body: { name: 'Restored', filter: null } })
    const file = await fileOf('embedded.gz', (await client.call('createBackup')).body)
    await cp(join(first.folder, 'data', 'keys'), join(folder, 'embedded', 'keys'), { recursive: true })
    const anywhere = { host: '127.0.0.1', port: 0 }
    const config = parseCoreConfig({ data: 'embedded', admin: anywhere, device: anywhere, feed: anywhere })
    const ports = { folder, log: () => undefined, now: () => first.now(), say: (line: string) => void said.push(line) }
    assert.equal(await runCommand(config, { name: 'restore', file }, ports), 0)
    assert.equal(await runCommand(config, { name: 'verify-audit' }, ports), 0)
    await using again = await startCore(config, { ...ports, localSentry: false })
    const restored = new CoreClient({ origin: again.adminUrl })
    await signIn(restored, await first.credentials())
    assert.deepEqual((await restored.call('readLabel', { params: { id: label.id } })).body, label)
  })
})

/** Signs in as the administrator of before, reads and writes. */
async function workOn(url: string): Promise<void> {
  const anywhere = { host: '127.0.0.1', port: 0 }
  const file = { data: 'drill', database: { url }, admin: anywhere, device: anywhere, feed: anywhere }
  const ports = { folder, log: () => undefined, now: () => core.now(), localSentry: false }
  await using again = await startCore(parseCoreConfig(file), ports)
  assert.equal(again.setupUrl, null)
  const client = new CoreClient({ origin: again.adminUrl })
  await signIn(client, await core.credentials())
  const { body } = await client.call('verifyAudit', { body: {} })
  assert.deepEqual([body.ok, body.problem], [true, null])
  const { items } = (await client.call('listAudit', { query: { action: 'backup.restore' } })).body
  assert.equal(items.length, 1)
}
