/**
 * `npm test`: unit tests, integration tests, planted violations. `node tools/run-tests.ts GROUP [PART]` runs one group,
 * or the files of it whose path contains PART. Results go to `test-results/`; the last line counts them all.
 * @module
 */
import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DEFAULT_GROUPS, groupFiles, type GroupName, GROUPS } from './testing/groups.ts'
import { countOutcomes, type Outcome, readResults, RESULTS_FOLDER } from './testing/results.ts'

const root = resolve(import.meta.dirname, '..')
const [asked, part] = process.argv.slice(2)
const total: Record<Outcome, number> = { passed: 0, failed: 0, skipped: 0 }
let sound = true
for (const name of groupsFor(asked)) {
  if (!(await runGroup(name))) sound = false
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = sound && total.failed === 0 && total.passed > 0 ? 0 : 1

function groupsFor(name: string | undefined): readonly GroupName[] {
  if (name === undefined) return DEFAULT_GROUPS
  const found = Object.keys(GROUPS).find((group): group is GroupName => group === name)
  if (found !== undefined) return [found]
  console.error(`no such group of tests: ${name}; there are ${Object.keys(GROUPS).join(', ')}`)
  process.exit(1)
}

/** False when a test failed, none ran, or the run did not come to its end. */
async function runGroup(name: GroupName): Promise<boolean> {
  const results = part === undefined ? name : `${name}-part`
  await mkdir(join(root, RESULTS_FOLDER), { recursive: true })
  await rm(join(root, RESULTS_FOLDER, `${results}.json`), { force: true })
  const files = await groupFiles(root, name, part)
  console.log(`── ${name}: ${files.length} files`)
  if (files.length === 0) return broken(name, 'no test ran')
  const code = await runNode(name, results, files)
  // A test that calls process.exit(0) ends the run early with success and leaves no results.
  const ended = await readResults(root, results).catch(() => null)
  if (ended === null) return broken(name, 'the run did not come to its end')
  const counts = countOutcomes(ended)
  for (const outcome of ['passed', 'failed', 'skipped'] as const) total[outcome] += counts[outcome]
  if (counts.passed === 0 && counts.failed === 0) return broken(name, 'no test ran')
  if (code !== 0 && counts.failed === 0) return broken(name, `node ended with ${code ?? 'a signal'}`)
  return code === 0
}

/** Whatever breaks a group counts as one failure, so that the last line never says otherwise than the exit code. */
function broken(name: GroupName, why: string): false {
  console.error(`── ${name}: ${why}`)
  total.failed += 1
  return false
}

async function runNode(name: GroupName, results: string, files: readonly string[]): Promise<number | null> {
  const { nodeArgs, limitMs } = GROUPS[name]
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    `--test-reporter=${join(import.meta.dirname, 'testing', 'results-reporter.ts')}`,
    `--test-reporter-destination=${join(RESULTS_FOLDER, `${results}.json`)}`,
  ]
  // An own process group: a hung run is ended with everything that it started.
  const args = ['--test', ...nodeArgs, ...reporters, ...files]
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(end, limitMs)
  const interrupt = (): void => {
    end()
    process.exit(130)
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    return await new Promise((done, reject) => child.once('error', reject).once('close', done))
  } finally {
    clearTimeout(timer)
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}
