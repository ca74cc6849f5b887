import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { watchFiles } from './watch-file.ts'

const ways = [
  { title: 'written in place', write: (path: string) => writeFile(path, 'two') },
  {
    title: 'renamed over',
    write: async (path: string) => {
      await writeFile(`${path}.new`, 'two')
      await rename(`${path}.new`, path)
    },
  },
  { title: 'touched', write: (path: string) => utimes(path, 1, 1) },
  { title: 'removed', write: (path: string) => rm(path) },
]

describe('watchFiles', () => {
  for (const { title, write } of ways) {
    test(`tells of a file that was ${title}, within a second`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'postern-watch-'))
      const path = join(folder, 'policy.json')
      await writeFile(path, 'one')
      let resolve = (): void => undefined
      const told = new Promise<boolean>((done) => (resolve = () => done(true)))
      using _watch = watchFiles([path], resolve)
      await wait(100)
      await write(path)
      assert.equal(await Promise.race([told, wait(1_000, false)]), true)
      await rm(folder, { recursive: true })
    })
  }
})
