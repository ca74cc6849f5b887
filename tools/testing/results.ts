/**
 * Results of a test run as a file: written by the reporter, read by the runner and by the acceptance table.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where results lie, relative to the root; not tracked. */
export const RESULTS_FOLDER = 'test-results'

/** `todo` tests count as skipped: nobody may lean on them. */
export type Outcome = 'passed' | 'failed' | 'skipped'

/** One test. `name` is the path through its suites joined by ` > `, `file` relative to the root with `/`. */
export interface TestResult {
  readonly file: string
  readonly name: string
  readonly outcome: Outcome
  readonly durationMs: number
}

/** @throws Error when the file is missing or was not written by the reporter of this folder. */
export async function readResults(root: string, group: string): Promise<readonly TestResult[]> {
  const input: unknown = JSON.parse(await readFile(join(root, RESULTS_FOLDER, `${group}.json`), 'utf8'))
  if (!Array.isArray(input) || !input.every(isTestResult)) throw new Error(`${group}.json holds no test results`)
  return input
}

/** How many tests ended how. */
export function countOutcomes(results: readonly TestResult[]): Readonly<Record<Outcome, number>> {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { outcome } of results) counts[outcome] += 1
  return counts
}

function isTestResult(value: unknown): value is TestResult {
  if (typeof value !== 'object' || value === null) return false
  const { file, name, outcome, durationMs } = value as Partial<Record<keyof TestResult, unknown>>
  const known = outcome === 'passed' || outcome === 'failed' || outcome === 'skipped'
  return typeof file === 'string' && typeof name === 'string' && known && typeof durationMs === 'number'
}
