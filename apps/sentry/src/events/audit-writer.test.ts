import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { AuditLine } from '@postern/contract/audit-line'
import { openAuditFile } from './audit-writer.ts'

const folder = await mkdtemp(join(tmpdir(), 'postern-audit-'))
after(() => rm(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `audit-${(files += 1)}.jsonl`)

const line = (id: string, user: string | null = null): AuditLine => ({
  time: '2026-11-23T12:00:00.000Z',
  id,
  event: 'activesync',
  device: null,
  user,
  easDeviceId: null,
  certificate: null,
  command: null,
  version: null,
  decision: 'refuse',
  reasons: ['DEVICE_UNKNOWN'],
  snapshot: 1,
  status: 200,
  upstreamStatus: null,
  durationMs: 1,
  bytesIn: 0,
  bytesOut: 0,
  remote: '192.0.2.7',
})
const idsIn = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((text) => (JSON.parse(text) as AuditLine).id)
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail('did not come to pass within 2 seconds')
}
const never = (): void => assert.fail('no line may be lost here')

describe('the audit file', () => {
  test('cannot be opened: said at once', () => {
    assert.throws(() => openAuditFile(join(folder, 'none', 'audit.jsonl'), never), { code: 'ENOENT' })
  })
  test('readable by owner and group only', async () => {
    const file = newFile()
    await openAuditFile(file, never)[Symbol.asyncDispose]()
    assert.equal((await stat(file)).mode & 0o027, 0)
  })
  test('T69 a line end in a name stays inside its line', async () => {
    const file = newFile()
    const writer = openAuditFile(file, never)
    writer.write(line('1', 'ann\r\nFAKE\u2028'))
    await writer[Symbol.asyncDispose]()
    assert.deepEqual(await idsIn(file), ['1'])
    assert.equal((JSON.parse(await readFile(file, 'utf8')) as AuditLine).user, 'ann\r\nFAKE\u2028')
  })
  test('what waits when it is closed is written, in order', async () => {
    const file = newFile()
    const writer = openAuditFile(file, never)
    const ids = Array.from({ length: 1_000 }, (_, i) => String(i))
    for (const id of ids) writer.write(line(id))
    await writer[Symbol.asyncDispose]()
    assert.deepEqual(await idsIn(file), ids)
  })
  test('lines are on the disk soon, and later batches follow', async () => {
    const file = newFile()
    const writer = openAuditFile(file, never)
    for (const id of ['1', '2', '3']) {
      writer.write(line(id))
      await until(async () => (await idsIn(file)).includes(id))
    }
    await writer[Symbol.asyncDispose]()
    assert.deepEqual(await idsIn(file), ['1', '2', '3'])
  })
  test('two writers of one file tear no line', async () => {
    const file = newFile()
    const writers = [openAuditFile(file, never), openAuditFile(file, never)]
    for (let i = 0; i < 500; i += 1) writers[i % 2]?.write(line(String(i)))
    for (const writer of writers) await writer[Symbol.asyncDispose]()
    assert.equal(new Set(await idsIn(file)).size, 500)
  })
  test('moved away and opened anew: each line in one of the two', async () => {
    const file = newFile()
    const writer = openAuditFile(file, never)
    writer.write(line('1'))
    await until(async () => (await stat(file)).size > 0)
    await rename(file, `${file}.1`)
    writer.reopen(file)
    writer.write(line('2'))
    await writer[Symbol.asyncDispose]()
    assert.deepEqual([await idsIn(`${file}.1`), await idsIn(file)], [['1'], ['2']])
  })
  test('what does not fit into memory is counted as lost', async () => {
    const file = newFile()
    let lost = 0
    const writer = openAuditFile(file, (lines) => (lost += lines))
    const long = 'x'.repeat(1_000_000)
    for (let i = 0; i < 20; i += 1) writer.write(line(String(i), long))
    await writer[Symbol.asyncDispose]()
    assert.equal((await idsIn(file)).length + lost, 20)
    assert.equal(lost, 4)
  })
})
