import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readResults, RESULTS_FOLDER } from './results.ts'

const SAMPLE = `
import { before, describe, test } from 'node:test'
describe('outer', () => {
  test('passes', () => undefined)
  describe('inner', () => { test('fails', () => { throw new Error('x') }) })
  test('is set aside', (t) => { t.skip('no') })
})
describe('broken', () => {
  before(() => { throw new Error('hook') })
  test('never runs', () => undefined)
})
test('with children', async (t) => { await t.test('child', () => undefined) })
`

/** What `node --test` leaves behind for one file; null when it leaves nothing. */
async function resultsOf(source: string, isolation: string): Promise<readonly string[] | null> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-results-'))
  try {
    await mkdir(join(folder, RESULTS_FOLDER))
    await writeFile(join(folder, 'sample.test.mjs'), source)
    const reporter = join(import.meta.dirname, 'results-reporter.ts')
    const destination = join(RESULTS_FOLDER, 'sample.json')
    const args = ['--test', `--test-isolation=${isolation}`, `--test-reporter=${reporter}`]
    // Inside of a test run, node --test would otherwise take the child for a part of it.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const options = { cwd: folder, stdio: 'ignore', env } as const
    const child = spawn(
      process.execPath,
      [...args, `--test-reporter-destination=${destination}`, 'sample.test.mjs'],
      options,
    )
    await once(child, 'close')
    const results = await readResults(folder, 'sample').catch(() => null)
    return results?.map(({ file, name, outcome }) => `${file}: ${name}: ${outcome}`) ?? null
  } finally {
    await rm(folder, { recursive: true })
  }
}

for (const isolation of ['none', 'process']) {
  test(`tests by their path and outcome, isolation ${isolation}`, async () => {
    const results = await resultsOf(SAMPLE, isolation)
    for (const line of [
      'sample.test.mjs: outer > passes: passed',
      'sample.test.mjs: outer > inner > fails: failed',
      'sample.test.mjs: outer > is set aside: skipped',
      'sample.test.mjs: broken: failed',
      'sample.test.mjs: with children > child: passed',
    ]) {
      assert.ok(results?.includes(line), `${line} is not among ${JSON.stringify(results, null, 1)}`)
    }
    assert.equal(results?.includes('sample.test.mjs: outer: failed'), false)
  })
}

test('a run that a test ends leaves no results, so that the runner can tell', async () => {
  assert.equal(await resultsOf("import { test } from 'node:test'\ntest('x', () => process.exit(0))\n", 'none'), null)
})
