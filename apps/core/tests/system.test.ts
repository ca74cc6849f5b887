/**
 * Core itself: its API document, how it is, its keys, and what it says when it cannot start.
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { CoreClient } from '@postern/harness/core-client'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { SYSTEM } from '../src/audit/chain.ts'
import { parseCoreConfig } from '../src/config/core-config.ts'
import { startCore } from '../src/core.ts'
import { bindKeys } from '../src/secrets/key-binding.ts'
import { openKeyRing } from '../src/secrets/key-ring.ts'
import { rotateKeys } from '../src/services/keys/rotate-keys.ts'
import { forgetReplies } from '../src/services/system/housekeeping.ts'
import { startHeartbeat } from '../src/services/system/instances.ts'
import { CORE_VERSION } from '../src/version.ts'
import { openStore, type TestStore } from './support/databases.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

let core: TestCore
let ada: CoreClient
let store: TestStore
let keysFolder: string
before(async () => {
  core = await startTestCore({ database: 'url' })
  ada = await core.signIn()
  keysFolder = join(core.folder, 'data', 'keys')
  store = await openStore({ url: core.databaseUrl ?? '' }, keysFolder)
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await core[Symbol.asyncDispose]()
})

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Every object in a document, with where it is. */
function* objectsIn(value: unknown, at = '#'): Generator<{ at: string; object: Json }> {
  if (Array.isArray(value)) for (const [i, member] of value.entries()) yield* objectsIn(member, `${at}/${i}`)
  if (!isObject(value)) return
  yield { at, object: value }
  for (const [name, member] of Object.entries(value)) yield* objectsIn(member, `${at}/${name}`)
}

function resolve(document: Json, ref: string): unknown {
  let found: unknown = document
  for (const part of ref.replace(/^#\//, '').split('/')) found = isObject(found) ? found[part] : undefined
  return found
}

describe('the API document', () => {
  let document: Json
  before(async () => {
    await assert.rejects(ada.another().call('readOpenApi'), { code: 'NOT_SIGNED_IN' })
    const { body, headers } = await ada.call('readOpenApi')
    assert.equal(headers['content-type'], 'application/json')
    const parsed: unknown = JSON.parse(body.toString())
    assert.ok(isObject(parsed))
    document = parsed
  })
  const operations = (): Map<string, Json> => {
    const found = new Map<string, Json>()
    for (const [path, item] of Object.entries(document['paths'] as Json)) {
      for (const [method, operation] of Object.entries(item as Json)) found.set(`${method} ${path}`, operation as Json)
    }
    return found
  }
  test('is OpenAPI 3.1 of this release', () => {
    assert.match(String(document['openapi']), /^3\.1\.\d+$/)
    assert.equal((document['info'] as Json)['version'], CORE_VERSION)
    assert.equal((document['info'] as Json)['title'], 'Postern Core')
  })
  test('has every route and no other', () => {
    const routes = Object.values<EndpointRow>(ENDPOINTS).map(
      ({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:([A-Za-z]+)/g, '{$1}')}`,
    )
    assert.ok(routes.length > 40)
    assert.equal(new Set(routes).size, routes.length, 'two endpoints with one route')
    assert.deepEqual([...operations().keys()].sort(), routes.sort())
  })
  test('names each operation once', () => {
    const ids = [...operations().values()].map((operation) => operation['operationId'])
    assert.deepEqual(ids.toSorted(), Object.keys(ENDPOINTS).sort())
  })
  test('declares each parameter of a path, and no other', () => {
    for (const [route, operation] of operations()) {
      const declared = (operation['parameters'] as Json[]).filter((parameter) => parameter['in'] === 'path')
      const named = [...route.matchAll(/\{([A-Za-z]+)\}/g)].map(([, name]) => name)
      assert.deepEqual(declared.map(({ name }) => name).toSorted(), named.toSorted(), route)
      assert.ok(declared.every(({ required, schema }) => required === true && isObject(schema)))
    }
  })
  test('has a good and a bad answer for each operation, and who may call it', () => {
    const schemes = Object.keys(resolve(document, '#/components/securitySchemes') as Json)
    for (const [route, operation] of operations()) {
      const codes = Object.keys(operation['responses'] as Json)
      assert.ok(codes.some((code) => /^[23]\d\d$/.test(code)) && codes.some((code) => /^[45]\d\d$/.test(code)), route)
      const used = (operation['security'] as Json[]).flatMap((one) => Object.keys(one))
      assert.ok(
        used.every((name) => schemes.includes(name)),
        route,
      )
    }
  })
  test('refers to nothing that is not there, and its patterns are patterns', () => {
    let refs = 0
    for (const { at, object } of objectsIn(document)) {
      const { $ref: ref, pattern } = object
      if (typeof pattern === 'string') assert.doesNotThrow(() => new RegExp(pattern, 'u'), at)
      if (typeof ref !== 'string') continue
      refs += 1
      assert.ok(ref.startsWith('#/') && isObject(resolve(document, ref)), `${at}: ${ref}`)
    }
    assert.ok(refs > 40)
  })
})

describe('how Core is', () => {
  test('says release, database, keys and processes', async () => {
    const { body } = await ada.call('readSystem')
    assert.equal(body.version, CORE_VERSION)
    assert.equal(body.database.kind, 'external')
    assert.match(body.database.version, /^\d+/)
    assert.ok(body.database.sizeBytes > 1_000_000)
    assert.equal(
      body.database.migrations.length,
      (await readdir(join(import.meta.dirname, '../migrations'))).filter((n) => n.endsWith('.sql')).length,
    )
    assert.equal(body.audit.rows, (await ada.call('verifyAudit', { body: {} })).body.rows)
    assert.equal(body.backup.lastAt, null)
    assert.deepEqual(
      body.instances.map(({ pid, alive, version }) => ({ pid, alive, version })),
      [{ pid: process.pid, alive: true, version: CORE_VERSION }],
    )
  })
  test('knows when another process comes, dies and leaves', async () => {
    const other = await startHeartbeat({ store: store.store, log: () => undefined })
    const instances = async () => (await ada.call('readSystem')).body.instances
    assert.equal((await instances()).length, 2)
    const old = new Date(Date.now() - 31_000).toISOString()
    const dead = JSON.stringify({ host: 'h', pid: 1, version: '0', startedAt: old, seenAt: old })
    await store.db.insertInto('core_state').values({ name: 'instance:dead', value: dead }).execute()
    assert.deepEqual(
      (await instances()).map(({ id, alive }) => [id === 'dead', alive]),
      [
        [false, true],
        [false, true],
        [true, false],
      ],
    )
    await other[Symbol.asyncDispose]()
    assert.equal((await instances()).length, 2)
  })
})

test('replies that are kept for repeated requests are forgotten after a day', async () => {
  const reply = JSON.stringify({ reply: null })
  const row = (key: string, hours: number) => ({
    ...{ actor: 'test:', key, request_hash: '', reply },
    at: new Date(Date.now() - hours * 3_600_000),
  })
  await store.db
    .insertInto('idempotency')
    .values([row('young', 23), row('old', 25), row('older', 999)])
    .execute()
  assert.equal(await forgetReplies(store.db), 2)
  const left = await store.db.selectFrom('idempotency').select('key').where('actor', '=', 'test:').execute()
  assert.deepEqual(left, [{ key: 'young' }])
})

describe('keys', () => {
  const secret = (text: string) => store.store.change(SYSTEM, ({ tx }) => store.vault.put(tx, 'totp', text))
  test('a rotation wraps every secret anew, keeps the old file, and another process goes on', async () => {
    const before = (await ada.call('readSystem')).body.keys
    const id = await secret('kept')
    const { body } = await ada.call('rotateKeys')
    assert.deepEqual([body.from, body.rewrapped], [before.current, before.secrets.current + 1])
    assert.notEqual(body.to, body.from)
    const { keys } = (await ada.call('readSystem')).body
    assert.deepEqual(keys, { current: body.to, secrets: { current: body.rewrapped, older: 0 } })
    assert.ok((await readdir(keysFolder)).includes(`wrap-${body.from}.key`))
    assert.equal(await store.vault.read(store.db, 'totp', id), 'kept')
    assert.equal(await store.vault.read(store.db, 'totp', await secret('new')), 'new')
    const { items } = (await ada.call('listAudit', { query: { action: 'key.rotate' } })).body
    assert.deepEqual(
      items.map(({ before: from, after: to, actor }) => ({ from, to, kind: actor.kind })),
      [{ from: { from: body.from }, to: { to: body.to, rewrapped: body.rewrapped }, kind: 'administrator' }],
    )
    await core.signIn() // its authenticator's secret opens
  })
  test('of two rotations at once one is done', async () => {
    const services = { store: store.store, vault: store.vault, keys: store.keys }
    const files = (await readdir(keysFolder)).length
    const outcomes = await Promise.allSettled([rotateKeys(services, SYSTEM), rotateKeys(services, SYSTEM)])
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    for (const { reason } of refused) assert.equal((reason as { code: string }).code, 'CONFLICT')
    assert.equal((await readdir(keysFolder)).length, files + 2 - refused.length)
    assert.equal(refused.length, 1)
  })
  test('a rotation asks for fresh proof of identity', async () => {
    const client = await core.signIn()
    core.advance(360_000)
    await assert.rejects(client.call('rotateKeys'), { code: 'STEP_UP_REQUIRED' })
  })
  test('several that make the first keys at once get the same ones', async () => {
    const folder = join(core.folder, 'first-keys')
    const rings = await Promise.all(Array.from({ length: 8 }, () => openKeyRing(folder, true)))
    const [first] = rings
    assert.ok(first)
    for (const ring of rings) {
      assert.deepEqual(ring.auditKey, first.auditKey)
      assert.deepEqual(await ring.current(), await first.current())
    }
    assert.ok((await readdir(folder)).every((name) => !name.startsWith('.')))
  })
  test('a database does not start with the keys of another', async () => {
    await bindKeys(store.db, store.keys)
    const other = await openKeyRing(join(core.folder, 'other-keys'), true)
    await assert.rejects(bindKeys(store.db, other), {
      code: 'UNAVAILABLE',
      message: /other-keys holds the keys of another/,
    })
  })
})

describe('a start that cannot be says why, in one line, and how to mend it', () => {
  let folder: string
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'postern-start-'))))
  after(() => rm(folder, { recursive: true, force: true }))
  const start = async (file: object): Promise<string> => {
    const anywhere = { host: '127.0.0.1', port: 0 }
    const config = parseCoreConfig({ data: 'data', admin: anywhere, device: anywhere, feed: anywhere, ...file })
    const ports = { folder, log: () => undefined, now: Date.now, localSentry: false }
    try {
      const started = await startCore(config, ports)
      await started[Symbol.asyncDispose]()
    } catch (error) {
      assert.ok(error instanceof Error)
      assert.equal(error.message.includes('\n'), false)
      return error.message
    }
    return assert.fail('it started')
  }
  const url = (change: (url: URL) => void): object => {
    const changed = new URL(core.databaseUrl ?? '')
    change(changed)
    return { database: { url: changed.href } }
  }
  const databases = [
    {
      title: 'nothing listens',
      file: () => ({ database: { url: 'postgres://u:geheim@127.0.0.1:1/d' } }),
      says: /127\.0\.0\.1:1\/d cannot be used: nothing listens there; start/,
    },
    {
      title: 'an unknown host',
      file: () => ({ database: { url: 'postgres://u:geheim@nowhere.invalid/d' } }),
      says: /nowhere\.invalid\/d cannot be used: (there is no such host|the host name)/,
    },
    {
      title: 'a wrong password',
      file: () => url((u) => (u.password = 'geheim')),
      says: /the user or its password is wrong/,
    },
    {
      title: 'no such database',
      file: () => url((u) => (u.pathname = '/nowhere')),
      says: /there is no such database; create it/,
    },
    {
      title: 'a URL that is none',
      file: () => ({ database: { url: 'postgres://u:geheim@host:port/d' } }),
      says: /database/,
    },
  ]
  for (const { title, file, says } of databases) {
    test(`database: ${title}`, async () => {
      const message = await start(file())
      assert.match(message, says)
      assert.equal(message.includes('geheim'), false)
    })
  }
  test('keys that the database needs are missing', async () => {
    const message = await start({ ...url(() => undefined), secrets: { folder: 'nowhere' } })
    assert.match(message, /nowhere lacks audit\.key and current, which the database needs; restore the folder/)
    await assert.rejects(readdir(join(folder, 'nowhere')), { code: 'ENOENT' })
  })
  test('one wrapping key is missing', async () => {
    await mkdir(join(folder, 'half'))
    const { auditKey } = store.keys
    await writeFile(join(folder, 'half', 'audit.key'), `${auditKey.toString('base64url')}\n`)
    await writeFile(join(folder, 'half', 'current'), '0123456789ab\n')
    const message = await start({ ...url(() => undefined), secrets: { folder: 'half' } })
    assert.match(message, /half\/wrap-0123456789ab\.key is missing; restore it/)
  })
  test('the data directory cannot be made', async () => {
    await writeFile(join(folder, 'file'), '')
    assert.match(await start({ data: 'file' }), /file\/postgres.*(name another|Name another)/)
  })
  test('the key folder cannot be made', async () => {
    assert.match(await rejected(openKeyRing(join(folder, 'file', 'keys'), true)), /\(keys\) cannot be used: ENOTDIR/)
  })
  test('the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const file = { ...url(() => undefined), secrets: { folder: keysFolder } }
    assert.match(
      await start({ ...file, admin: { host: '127.0.0.1', port } }),
      new RegExp(`admin\\.host and admin\\.port \\(127\\.0\\.0\\.1:${port}\\) cannot be used: EADDRINUSE`),
    )
    other.close()
  })
})

async function rejected(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => assert.fail('it did not'),
    (error: unknown) => (error instanceof Error ? error.message : ''),
  )
}
