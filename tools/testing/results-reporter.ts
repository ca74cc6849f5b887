/**
 * A reporter for node:test that writes one JSON array of {@link TestResult}: tests, not suites, in order of their end.
 * @module
 */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import type { Outcome, TestResult } from './results.ts'

/** Named by path in `--test-reporter`; its destination is the group's file. */
export default async function* reportResults(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const results: TestResult[] = []
  // Starts and ends come in the order of declaration, so that a stack for each file knows the suites around a test.
  const open = new Map<string, string[]>()
  for await (const event of source) {
    if (event.type === 'test:start') {
      const { file = '', nesting, name } = event.data
      open.set(file, [...(open.get(file) ?? []).slice(0, nesting), name])
    } else if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { file = '', nesting, name, details, skip, todo } = event.data
      const outcome = outcomeOf(event.type === 'test:pass', skip !== undefined || todo !== undefined)
      // A suite is no test, but one that fails by itself (in a hook, at load time) must not get lost.
      if (details.type === 'suite' && (outcome !== 'failed' || isChildFailure(details))) continue
      const path = [...(open.get(file) ?? []).slice(0, nesting), name].join(' > ')
      results.push({ file: relative(process.cwd(), file), name: path, outcome, durationMs: details.duration_ms })
    }
  }
  yield `${JSON.stringify(results, null, 1)}\n`
}

function outcomeOf(passed: boolean, setAside: boolean): Outcome {
  if (setAside) return 'skipped'
  return passed ? 'passed' : 'failed'
}

function isChildFailure(details: object): boolean {
  const error: unknown = 'error' in details ? details.error : undefined
  return typeof error === 'object' && error !== null && 'failureType' in error && error.failureType === 'subtestsFailed'
}
