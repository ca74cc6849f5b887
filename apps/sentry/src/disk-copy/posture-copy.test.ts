import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { FeedMessage, PostureEntry } from '@postern/contract/feed/feed-messages'
import { PostureStore } from '../supervisor/posture-store.ts'
import { checkedLine } from './checked-lines.ts'
import { PostureCopy } from './posture-copy.ts'

const folder = await mkdtemp(join(tmpdir(), 'postern-copy-'))
after(() => rm(folder, { recursive: true, force: true }))
let folders = 0

const device = (id: string, posture: 'allow' | 'block' = 'allow'): PostureEntry => ({
  kind: 'device',
  device: { id, user: 'ann', easDeviceIds: [], certificates: [], posture, reasons: [] },
})
const never = {
  saved: () => undefined,
  failed: (problem: string) => assert.fail(problem),
}

interface Kept {
  readonly dir: string
  readonly store: PostureStore
  readonly copy: PostureCopy
  readonly change: (...entries: PostureEntry[]) => Promise<void>
}

/** A posture of one device at 1, written. */
async function kept(): Promise<Kept> {
  const dir = join(folder, `data-${(folders += 1)}`)
  await mkdir(dir)
  const store = new PostureStore()
  store.begin('e', 1)
  store.load([device('a')])
  store.end(1)
  const saved = Promise.withResolvers<undefined>()
  const copy = new PostureCopy(dir, store, { ...never, saved: () => saved.resolve(undefined) })
  await copy.replace()
  await saved.promise
  const change = async (...entries: PostureEntry[]): Promise<void> => {
    const from = store.position?.seq ?? 0
    assert.equal(store.delta(from, from + 1, entries), 'applied')
    await copy.append({ type: 'delta', from, seq: from + 1, entries })
  }
  return { dir, store, copy, change }
}

async function read(dir: string): Promise<{ found: string; store: PostureStore; copy: PostureCopy }> {
  const store = new PostureStore()
  const copy = new PostureCopy(dir, store, never)
  const found = await copy.load()
  return { found: found.kind, store, copy }
}
const all = (store: PostureStore): PostureEntry[] => [...store.pieces()].flat()

describe('copies that are not used, and taken away', () => {
  const gap: FeedMessage = { type: 'delta', from: 7, seq: 8, entries: [] }
  const foreign: FeedMessage = { type: 'snapshot', epoch: 'other', seq: 1, entries: 0 }
  const damages: readonly (readonly [title: string, damage: (dir: string) => Promise<unknown>])[] = [
    ['a snapshot without its end', (dir) => truncate(join(dir, 'posture.ndjson'), 150)],
    ['a snapshot that is empty', (dir) => truncate(join(dir, 'posture.ndjson'), 0)],
    ['no journal', (dir) => rm(join(dir, 'posture.journal'))],
    ['a journal that is empty', (dir) => truncate(join(dir, 'posture.journal'), 0)],
    ['a journal of another life', (dir) => writeFile(join(dir, 'posture.journal'), checkedLine(foreign))],
    ['a change that does not follow', (dir) => appendFile(join(dir, 'posture.journal'), checkedLine(gap))],
    ['a line that is none', (dir) => appendFile(join(dir, 'posture.journal'), 'rubbish\n')],
    [
      'a checksum of another line',
      (dir) => appendFile(join(dir, 'posture.journal'), checkedLine(gap).replace('7', '2')),
    ],
    ['a ping in the journal', (dir) => appendFile(join(dir, 'posture.journal'), checkedLine({ type: 'ping', seq: 2 }))],
    [
      'a second snapshot behind the first',
      async (dir) => appendFile(join(dir, 'posture.ndjson'), await readFile(join(dir, 'posture.ndjson'))),
    ],
  ]
  for (const [title, damage] of damages)
    test(title, async () => {
      const { dir, copy, change } = await kept()
      await change(device('a', 'block'))
      await copy.close()
      await damage(dir)
      const { found, store } = await read(dir)
      assert.deepEqual([found, store.position, await readdir(dir)], ['unusable', null, []])
    })
  test('none at all is none', async () => {
    const dir = join(folder, `data-${(folders += 1)}`)
    await mkdir(dir)
    assert.equal((await read(dir)).found, 'none')
  })
  test('a disk that does not take it: said once, and nothing waits for it', async () => {
    const told: string[] = []
    const { store, copy: good } = await kept()
    await good.close()
    const copy = new PostureCopy(join(folder, 'none'), store, { saved: () => undefined, failed: (p) => told.push(p) })
    await copy.replace()
    await copy.close()
    assert.equal(told.length, 1)
    assert.match(told[0] ?? '', /ENOENT/)
    assert.equal(copy.savedSeq, Number.MAX_SAFE_INTEGER)
  })
})

describe('copies', () => {
  test('changes are there as soon as they were appended, without an orderly end', async () => {
    const { dir, store, copy, change } = await kept()
    assert.equal(copy.savedSeq, 1)
    await change(device('a', 'block'), device('b'))
    await change({ kind: 'device-removed', id: 'b' }, { kind: 'user', user: 'eve', blocked: true })
    assert.equal(copy.savedSeq, 3)
    const next = await read(dir)
    assert.deepEqual([next.found, next.store.position?.seq, next.copy.savedSeq], ['read', 3, 3])
    assert.deepEqual(all(next.store), all(store))
    await copy.close()
    await next.copy.close()
  })
  for (const cut of [1, 10, 40])
    test(`a last line that lacks ${cut} bytes is cut off, and the journal goes on`, async () => {
      const { dir, copy, change } = await kept()
      await change(device('a', 'block'))
      await change(device('a'))
      await copy.close()
      const journal = join(dir, 'posture.journal')
      await truncate(journal, (await stat(journal)).size - cut)
      const next = await read(dir)
      assert.equal(next.store.position?.seq, 2)
      assert.deepEqual(all(next.store)[1], device('a', 'block'))
      next.store.delta(2, 3, [device('c')])
      await next.copy.append({ type: 'delta', from: 2, seq: 3, entries: [device('c')] })
      await next.copy.close()
      const last = await read(dir)
      assert.equal(last.store.position?.seq, 3)
      await last.copy.close()
    })
  test('a journal that outgrows its snapshot is folded into it, and nothing is lost meanwhile', async () => {
    const { dir, store, copy, change } = await kept()
    const journal = join(dir, 'posture.journal')
    let appended = 0
    const change50 = async (): Promise<void> => {
      for (let i = 0; i < 50; i += 1) await change(device(`d${i}`, appended % 3 === 0 ? 'block' : 'allow'))
      appended += 50
    }
    while (appended < 1_000) await change50()
    for (let tries = 0; (await stat(journal)).size > 100_000 && tries < 100; tries += 1) await change50()
    await copy.close()
    assert.ok((await stat(journal)).size <= 100_000, 'it does not grow for ever')
    assert.ok((await stat(join(dir, 'posture.ndjson'))).size > 3_000, 'the snapshot has the devices')
    const next = await read(dir)
    assert.equal(next.store.position?.seq, 1 + appended)
    const byId = (entries: PostureEntry[]): string[] => entries.map((entry) => JSON.stringify(entry)).toSorted()
    assert.deepEqual(byId(all(next.store)), byId(all(store)))
    await next.copy.close()
  })
  test('cut off between the two renamings: the new journal belongs to the new snapshot', async () => {
    const { dir, copy, change } = await kept()
    await change(device('a', 'block'))
    await copy.close()
    const journal = join(dir, 'posture.journal')
    const early = await readFile(journal)
    await rename(journal, join(dir, 'posture.journal.next'))
    await writeFile(journal, checkedLine({ type: 'snapshot', epoch: 'e', seq: 0, entries: 0 }))
    const next = await read(dir)
    assert.deepEqual([next.found, next.store.position?.seq], ['read', 2])
    await next.copy.close()
    assert.deepEqual(await readFile(journal), early)
  })
  test('cut off before them: the journal in use has everything', async () => {
    const { dir, copy, change } = await kept()
    await change(device('a', 'block'))
    await copy.close()
    await writeFile(
      join(dir, 'posture.journal.next'),
      checkedLine({ type: 'snapshot', epoch: 'e', seq: 2, entries: 0 }),
    )
    await writeFile(join(dir, 'posture.ndjson.next'), 'half of')
    const next = await read(dir)
    assert.equal(next.store.position?.seq, 2)
    await next.copy.close()
    assert.deepEqual((await readdir(dir)).toSorted(), ['posture.journal', 'posture.ndjson'])
  })
  test('a posture of another life takes the place of the old one at once', async () => {
    const { dir, store, copy, change } = await kept()
    await change(device('a', 'block'))
    store.begin('f', 0)
    store.load([device('z')])
    store.end(0)
    const replaced = copy.replace()
    assert.equal(copy.savedSeq, null)
    await replaced
    await change(device('y'))
    await copy.close()
    assert.equal(copy.savedSeq, 1)
    const next = await read(dir)
    assert.deepEqual([next.store.position?.epoch, next.store.position?.seq, next.store.devices], ['f', 1, 2])
    await next.copy.close()
  })
})
