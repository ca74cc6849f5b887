import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import { packagedBinaries, usableBinaries } from '../src/binaries.ts'
import { type PostgresOptions, type PostgresServer, startPostgres } from '../src/server.ts'

const root = process.getuid?.() === 0
/** As `mktemp -d` makes it: 0700, and root's when root runs the tests. The server's user cannot pass through. */
const parent = await mkdtemp(join(tmpdir(), 'postern-pg-'))
after(() => rm(parent, { recursive: true, force: true }))
const main = join(parent, 'deep', 'main')

const lines: string[] = []
const start = (dataDir: string, listen: PostgresOptions['listen'] = { kind: 'socket' }): Promise<PostgresServer> =>
  startPostgres({ dataDir, listen, log: (line) => lines.push(line) })

async function ask(server: PostgresServer, sql: string, password?: string): Promise<QueryResultRow[]> {
  const client = new Client({ ...server.connection, ...(password === undefined ? {} : { password }) })
  await client.connect()
  try {
    return (await client.query<QueryResultRow>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A zombie is not: how soon an orphan is reaped is the machine's business. */
async function alive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return status !== '' && !/^State:\tZ/m.test(status)
}

/** Processes whose working directory is the data directory: the server, its children and the watcher. */
async function processesIn(dataDir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return pids.filter((_, index) => places[index] === dataDir)
}

async function until(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<number> {
  const begun = performance.now()
  while (!(await holds())) {
    if (performance.now() - begun > limitMs) assert.fail(`not within ${limitMs} ms: ${holds.toString()}`)
    await sleep(20)
  }
  return performance.now() - begun
}

/** The writer until it acknowledged `rows`, then killed. */
async function killedWriter(dataDir: string, rows: number): Promise<{ acknowledged: number; pid: number }> {
  const writer: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.ok(writer.stdout)
  let acknowledged = 0
  let pid = 0
  for await (const line of createInterface({ input: writer.stdout })) {
    if (line.startsWith('pid ')) pid = Number(line.slice(4))
    else acknowledged = Number(line)
    if (acknowledged === rows) writer.kill('SIGKILL')
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit')
  assert.equal(writer.signalCode, 'SIGKILL')
  return { acknowledged, pid }
}

describe('directories that are refused, with the remedy', () => {
  test('not absolute', () => assert.rejects(start('data'), TypeError))
  test('a file', async () => {
    await writeFile(join(parent, 'file'), '')
    await assert.rejects(start(join(parent, 'file')), { code: 'DATA_FOREIGN', message: /not a folder.*Name another/ })
  })
  test('other files in it', async () => {
    await mkdir(join(parent, 'photos'))
    await writeFile(join(parent, 'photos', 'cat.jpg'), '')
    await assert.rejects(start(join(parent, 'photos')), { code: 'DATA_FOREIGN', message: /photos/ })
    assert.deepEqual(await readdir(join(parent, 'photos')), ['cat.jpg'])
  })
  test('another major version', async () => {
    await mkdir(join(parent, 'old'))
    await writeFile(join(parent, 'old', 'PG_VERSION'), '16\n')
    await assert.rejects(start(join(parent, 'old')), { code: 'DATA_VERSION', message: /16.*18.*backup.*database\.url/ })
  })
  test('in something that is no folder', async () => {
    await assert.rejects(start(join(parent, 'file', 'data')), { code: 'DATA_FOREIGN', message: /file\/data is not/ })
  })
})

describe('one server on one directory', () => {
  test('first start under a 0700 parent, then again with what was written', async (t) => {
    assert.equal((await stat(parent)).mode & 0o777, 0o700)
    const times: number[] = []
    for (const rows of [1, 2]) {
      const begun = performance.now()
      await using server = await start(main)
      times.push(Math.round(performance.now() - begun))
      await ask(server, 'CREATE TABLE IF NOT EXISTS kept (at timestamptz)')
      await ask(server, 'INSERT INTO kept VALUES (now())')
      assert.equal((await ask(server, 'SELECT * FROM kept')).length, rows)
    }
    await until(async () => (await processesIn(main)).length === 0, 2_000) // the watcher as well
    assert.deepEqual(await readdir(join(main, '..')), ['main'])
    t.diagnostic(`first start ${times[0] ?? NaN} ms, reopened in ${times[1] ?? NaN} ms`)
  })

  test('what it runs with, and who', async () => {
    await using server = await start(main)
    const names = ['fsync', 'synchronous_commit', 'data_checksums', 'autovacuum', 'listen_addresses', 'TimeZone']
    const [row] = await ask(server, `SELECT ${names.map((name) => `current_setting('${name}') AS "${name}"`).join()}`)
    assert.deepEqual(Object.values(row ?? {}), ['on', 'on', 'on', 'on', '', 'UTC'])
    const locale = `SELECT pg_encoding_to_char(encoding) e, datlocprovider p, datlocale l FROM pg_database LIMIT 1`
    assert.deepEqual(await ask(server, locale), [{ e: 'UTF8', p: 'b', l: 'C.UTF-8' }])
    assert.equal((await stat(server.connection.host)).mode & 0o777, 0o700)
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
    const uid = root ? '65534' : String(process.getuid?.())
    assert.match(status, new RegExp(`^Name:\tpostgres$.*^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, 'ms'))
    assert.match(status, /^CapEff:\t0+$/m)
    if (root) assert.match(status, /^Groups:\t\s*$/m)
    const listening = await readFile(`/proc/${server.pid}/net/tcp`, 'utf8')
    assert.ok(!listening.includes(':1538 ')) // 5432
  })

  test('a second opener is refused, and the first is left in peace', async () => {
    await using first = await start(main)
    await assert.rejects(start(main), {
      code: 'IN_USE',
      message: new RegExp(`${main} is in use .*process ${first.pid}.*stop the program`),
    })
    assert.equal((await ask(first, 'SELECT 1')).length, 1)
  })

  test('values of rows do not reach the log', async () => {
    await using server = await start(main)
    lines.length = 0
    await ask(server, `CREATE TEMP TABLE u (k text UNIQUE); INSERT INTO u VALUES ('canary-4711')`)
    const twice = `CREATE TEMP TABLE u (k text UNIQUE); INSERT INTO u VALUES ('canary-4711'), ('canary-4711')`
    await assert.rejects(ask(server, twice), { code: '23505' })
    await until(() => lines.some((line) => line.includes('duplicate key')), 2_000)
    assert.ok(!lines.join('\n').includes('canary'))
  })

  test('`exited` tells of a server that somebody killed, and a start right after succeeds', async () => {
    const server = await start(main)
    process.kill(server.pid, 'SIGKILL')
    await server.exited
    await server.stop()
    await using again = await start(main)
    assert.equal((await ask(again, 'SELECT * FROM kept')).length, 2)
  })
})

describe('SIGKILL of the program that started it', () => {
  test('no server is left, and a start right after finds every acknowledged row', async (t) => {
    const { acknowledged, pid } = await killedWriter(main, 200)
    assert.ok(pid > 0)
    const begun = performance.now()
    await using server = await start(main)
    t.diagnostic(`started again ${Math.round(performance.now() - begun)} ms after the kill`)
    await until(async () => !(await alive(pid)), 1_000) // it gives up its lock a moment before it ends
    const [row] = await ask(server, 'SELECT count(*)::int AS n, max(n) AS last FROM written')
    assert.ok(Number(row?.['n']) >= acknowledged)
    assert.equal(row?.['n'], row?.['last'])
    await ask(server, 'DROP TABLE written')
  })
  test('without a new start it leaves by itself, and so does its watcher', async (t) => {
    const { pid } = await killedWriter(main, 10)
    const waited = await until(async () => !(await alive(pid)) && (await processesIn(main)).length === 0, 5_000)
    t.diagnostic(`gone after ${Math.round(waited)} ms`)
    await assert.rejects(stat(join(main, 'postmaster.pid')), { code: 'ENOENT' }) // it was shut down, not killed
  })
})

describe('other places', () => {
  test('a path too long for a socket, with a comma and a quote in it', async () => {
    const dataDir = join(parent, `quote', "comma" $(x) ${'long'.repeat(25)}`)
    const server = await start(dataDir)
    assert.ok(!server.connection.host.startsWith(parent))
    assert.equal((await stat(server.connection.host)).mode & 0o777, 0o700)
    assert.equal((await ask(server, 'SELECT 1')).length, 1)
    await server.stop()
    await assert.rejects(stat(server.connection.host), { code: 'ENOENT' })
  })

  test('tcp: loopback and a password', async () => {
    await using server = await start(join(parent, 'tcp'), { kind: 'tcp', password: 'correct horse' })
    assert.equal(server.connection.host, '127.0.0.1')
    await assert.rejects(ask(server, 'SELECT 1', 'wrong'), { code: '28P01' })
    assert.equal((await ask(server, 'SELECT 1')).length, 1)
    assert.ok(!(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).includes('horse'))
  })

  test('a directory that root restored is handed over', { skip: !root }, async () => {
    const copy = join(parent, 'restored')
    await cp(main, copy, { recursive: true })
    await chmod(copy, 0o700)
    assert.equal((await stat(copy)).uid, 0)
    await using server = await start(copy)
    assert.equal((await ask(server, 'SELECT * FROM kept')).length, 2)
  })
})

describe("programs that the server's user cannot run", () => {
  const identity = { uid: 65_534, gid: 65_534 }
  const open = join(parent, '..', `postern-open-${process.pid}`)
  const packaged = join(parent, 'clone', 'native')
  after(() => rm(open, { recursive: true, force: true }))

  test('all places closed', { skip: !root }, async () => {
    const bare = packagedBinaries()
    await mkdir(join(packaged, 'lib'), { recursive: true })
    await cp(join(bare, '..', 'package.json'), join(packaged, '..', 'package.json'))
    const copyInto = [join(parent, 'closed'), '/dev/null/none']
    await assert.rejects(usableBinaries({ packaged, identity, copyInto, log: () => undefined }), {
      code: 'BINARIES_UNUSABLE',
      message: /closed.*\/dev\/null\/none.*database\.url/,
    })
  })

  test(
    '--ignore-scripts and a clone in a 0700 folder: links made, one copy for several starts',
    { skip: !root },
    async () => {
      // A package as npm unpacks it: without the links.
      await cp(packagedBinaries(), packaged, {
        recursive: true,
        filter: async (path) => !path.endsWith('.a') && !(await isLink(path)),
      })
      await chmod(join(packaged, 'share'), 0o700)
      await mkdir(open, { mode: 0o755 })
      const options = { packaged, identity, copyInto: [join(parent, 'closed'), open], log: () => undefined }
      const found = await Promise.all([usableBinaries(options), usableBinaries(options)])
      for (const binaries of found) {
        assert.equal(binaries.major, 18)
        assert.ok(binaries.folder.startsWith(join(open)))
      }
      assert.equal((await readdir(open)).length, 1)
      assert.equal((await stat(join(found[0].folder, 'share'))).mode & 0o777, 0o755)
      assert.ok((await readdir(join(found[0].folder, 'lib'))).includes('libicui18n.so.60'))
      // Somebody who may write there could have the server run anything.
      await chmod(found[0].folder, 0o777)
      await assert.rejects(usableBinaries(options), { code: 'BINARIES_UNUSABLE', message: /made by somebody else/ })
    },
  )
})

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink()
}
