import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { startPolicySource } from './policy-source.ts'

const folder = await mkdtemp(join(tmpdir(), 'postern-policy-'))
after(() => rm(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `policy-${(files += 1)}.json`)

const policy = (version: number, devices: readonly unknown[] = []): string =>
  JSON.stringify({ schema: 1, version, devices, revokedCertificates: [], blockedUsers: [], mode: 'enforce' })
const device = (id: string, posture: string): unknown => ({
  id,
  user: 'ann@example.com',
  easDeviceIds: [],
  certificates: [],
  posture,
  reasons: [],
})

interface Seen {
  readonly events: string[]
  readonly versions: number[]
  readonly wiped: string[][]
}
async function start(file: string): Promise<{ source: Awaited<ReturnType<typeof startPolicySource>>; seen: Seen }> {
  const seen: Seen = { events: [], versions: [], wiped: [] }
  const source = await startPolicySource(
    file,
    (level, event) => void seen.events.push(`${level} ${event}`),
    ({ text }, wiped) => {
      seen.versions.push((JSON.parse(text) as { version: number }).version)
      seen.wiped.push([...wiped])
    },
  )
  return { source, seen }
}

describe('an invalid policy file changes nothing and is reported', () => {
  const rejects: readonly (readonly [title: string, text: string, word: string])[] = [
    ['empty', '', 'not JSON'],
    ['half written', policy(2).slice(0, 40), 'not JSON'],
    ['of another schema', policy(2).replace('"schema":1', '"schema":2'), 'schema'],
    ['with a field that nobody knows', policy(2).replace('{', '{"posture":"allow",'), 'posture'],
    ['with a posture that does not exist', policy(2, [device('a', 'quarantine')]), 'devices[0].posture'],
    ['with an id twice', policy(2, [device('a', 'allow'), device('a', 'block')]), 'devices[1].id'],
  ]
  for (const [title, text, word] of rejects)
    test(title, async () => {
      const file = newFile()
      await writeFile(file, policy(1))
      const { source, seen } = await start(file)
      using _ = source
      const before = source.current
      await writeFile(file, text)
      await source.reload()
      assert.equal(source.current, before)
      assert.equal(source.version, 1)
      assert.ok(source.problem?.includes(word), source.problem ?? 'no problem')
      assert.deepEqual(seen.versions, [1])
      assert.equal(seen.events.at(-1), 'problem policy-rejected')
      await writeFile(file, policy(2))
      await source.reload()
      assert.deepEqual([source.version, source.problem], [2, null])
    })
  test('missing at the start: no policy, and it is read when it comes', async () => {
    const file = newFile()
    const { source, seen } = await start(file)
    using _ = source
    assert.deepEqual([source.current, source.version], [null, null])
    assert.deepEqual(seen.events, ['problem policy-rejected'])
    await writeFile(file, policy(3))
    await source.reload()
    assert.equal(source.version, 3)
  })
  test('taken away later', async () => {
    const file = newFile()
    await writeFile(file, policy(1))
    const { source } = await start(file)
    using _ = source
    await rm(file)
    await source.reload()
    assert.equal(source.version, 1)
    assert.ok(source.problem?.includes('ENOENT'))
  })
})

describe('a valid one replaces the snapshot whole', () => {
  test('its age counts from when it was written', async () => {
    const file = newFile()
    await writeFile(file, policy(1))
    const { source } = await start(file)
    using _ = source
    assert.equal(source.current?.writtenAt, (await stat(file)).mtimeMs)
    assert.equal(source.current.text, policy(1))
  })
  test('a lower version too: the file is the truth', async () => {
    const file = newFile()
    await writeFile(file, policy(9))
    const { source, seen } = await start(file)
    using _ = source
    await writeFile(file, policy(1))
    await source.reload()
    assert.deepEqual(seen.versions, [9, 1])
  })
  test('devices to be wiped are told', async () => {
    const file = newFile()
    await writeFile(file, policy(1, [device('a', 'wipe'), device('b', 'block'), device('c', 'wipe')]))
    const { source, seen } = await start(file)
    using _ = source
    assert.deepEqual(seen.wiped, [['a', 'c']])
  })
  test('a rename over the file is seen without a word', { timeout: 10_000 }, async () => {
    const file = newFile()
    await writeFile(file, policy(1))
    const { source } = await start(file)
    using _ = source
    await new Promise((resolve) => setTimeout(resolve, 60)) // the watcher has looked once
    await writeFile(`${file}.new`, policy(2))
    await rename(`${file}.new`, file)
    while (source.version !== 2) await new Promise((resolve) => setTimeout(resolve, 20))
  })
})
