/**
 * `npm run acceptance`: writes docs/acceptance.md from the results of the last runs of all groups. Exits with 1 when a
 * row has no passing test, or a test a number that no row has.
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ACCEPTANCE_ROWS } from './acceptance-rows.ts'
import { acceptanceDocument, judgeRows, type RowOutcome, unknownNumbers } from './testing/acceptance.ts'
import type { GroupName } from './testing/groups.ts'
import { readResults, type TestResult } from './testing/results.ts'

const root = resolve(import.meta.dirname, '..')
const results = (await Promise.all((['unit', 'integration', 'slow'] as const).map(resultsOf))).flat()
const rows = judgeRows(ACCEPTANCE_ROWS, results)
await writeFile(join(root, 'docs', 'acceptance.md'), acceptanceDocument(rows))
const open = rows.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'unit' && outcome !== 'load')
for (const { id, outcome } of open) console.log(`${id} ${outcome}`)
const unknown = unknownNumbers(ACCEPTANCE_ROWS, results)
for (const number of unknown) console.log(`${number} is carried by a test and has no row`)
const count = (wanted: RowOutcome): number => rows.filter(({ outcome }) => outcome === wanted).length
console.log(
  `docs/acceptance.md: ${count('passed')} rows pass, ${count('unit')} in unit tests only, ${open.length} do not`,
)
process.exitCode = open.length === 0 && unknown.length === 0 ? 0 : 1

async function resultsOf(group: GroupName): Promise<readonly TestResult[]> {
  try {
    return await readResults(root, group)
  } catch {
    const run = group === 'slow' ? 'npm run test:slow' : 'npm test'
    console.log(`no results of the group ${group}; ${run} makes them`)
    return []
  }
}
