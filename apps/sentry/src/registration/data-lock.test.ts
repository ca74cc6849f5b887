import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { claimDataFolder, processLives } from './data-lock.ts'

const folder = await mkdtemp(join(tmpdir(), 'postern-claim-'))
after(() => rm(folder, { recursive: true }))
const pidFile = join(folder, 'pid')

describe('the claim on a data directory', () => {
  test('a process that lives keeps it, and is named with the remedy', async () => {
    await writeFile(pidFile, '4711\n')
    await assert.rejects(
      claimDataFolder(folder, 1_234, () => true),
      /process 4711 works in .* remove .*pid/,
    )
    assert.equal(await readFile(pidFile, 'utf8'), '4711\n')
  })
  test('a process that is gone, or a file that says nothing, does not', async () => {
    for (const left of ['4711\n', '', 'x', '-1', '0']) {
      await writeFile(pidFile, left)
      await claimDataFolder(folder, 1_234, () => false)
      assert.equal(await readFile(pidFile, 'utf8'), '1234\n')
    }
  })
  test('an empty directory is claimed', async () => {
    await rm(pidFile)
    await claimDataFolder(folder, 1_234, () => true)
    assert.equal(await readFile(pidFile, 'utf8'), '1234\n')
  })
  test('this process lives; one that cannot be does not', () => {
    assert.equal(processLives(process.pid), true)
    assert.equal(processLives(4_194_305), false)
  })
})
