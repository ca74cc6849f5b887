import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ACCEPTANCE_ROWS } from '../acceptance-rows.ts'
import { acceptanceDocument, judgeRows, unknownNumbers } from './acceptance.ts'
import type { Outcome, TestResult } from './results.ts'

const PROCESS_TEST = 'apps/sentry/tests/a.test.ts'
const result = (name: string, outcome: Outcome, file = PROCESS_TEST): TestResult => ({
  file,
  name,
  outcome,
  durationMs: 1,
})
// Joined at run time: this file's own names must not carry numbers of rows.
const numbered = (number: string, rest: string): string => `T${number}${rest}`

describe('the acceptance table', () => {
  const cases: { title: string; id: string; results: TestResult[]; outcome: string }[] = [
    { title: 'no test', id: 'T19', results: [], outcome: 'missing' },
    {
      title: 'one of two failed',
      id: 'T19',
      results: [result(numbered('19', ' a'), 'passed'), result(numbered('19', ' b'), 'failed')],
      outcome: 'failed',
    },
    { title: 'set aside', id: 'T19', results: [result(numbered('19', ' a'), 'skipped')], outcome: 'skipped' },
    { title: 'a longer number', id: 'T19', results: [result(numbered('190', ' a'), 'passed')], outcome: 'missing' },
    {
      title: 'a number inside a word',
      id: 'T19',
      results: [result(`A${numbered('19', ' a')}`, 'passed')],
      outcome: 'missing',
    },
    {
      title: 'the suite carries it',
      id: 'T19',
      results: [result(numbered('19', ' x > y'), 'passed')],
      outcome: 'passed',
    },
    {
      title: 'no process',
      id: 'T19',
      results: [result(numbered('19', ' a'), 'passed', 'packages/x/src/a.test.ts')],
      outcome: 'unit',
    },
    { title: 'needs load', id: 'T111', results: [], outcome: 'load' },
  ]
  for (const { title, id, results, outcome } of cases) {
    test(`${title}: ${outcome}`, () => {
      assert.equal(judgeRows(ACCEPTANCE_ROWS, results).find((row) => row.id === id)?.outcome, outcome)
    })
  }

  test('has every number once and in order', () => {
    const ids = Array.from({ length: 111 }, (_, index) => `T${String(index + 1).padStart(2, '0')}`)
    assert.deepEqual(
      ACCEPTANCE_ROWS.map(({ id }) => id),
      ids,
    )
  })

  test('tells of numbers that no row has', () => {
    assert.deepEqual(unknownNumbers(ACCEPTANCE_ROWS, [result(numbered('112', ' a'), 'passed')]), ['T112'])
  })

  test('tells at its head what did not pass', () => {
    const results = [result(numbered('19', ' a'), 'failed'), result(numbered('20', ' a'), 'skipped')]
    const head = acceptanceDocument(judgeRows(ACCEPTANCE_ROWS, results)).split('| T |', 1)[0] ?? ''
    assert.ok(head.includes('\n0 of 109 rows pass, 0 more in unit tests only.\n'), head)
    assert.ok(head.includes('\n1 failed, 1 skipped, 107 without a test.\n'), head)
  })

  test('keeps its columns whatever a test is called', () => {
    const rows = judgeRows(ACCEPTANCE_ROWS, [result(numbered('19', ' a|b <c>\nd'), 'passed')])
    const lines = acceptanceDocument(rows)
      .split('\n')
      .filter((line) => line.startsWith('| T'))
    assert.equal(lines.length, 112)
    assert.match(lines.find((line) => line.startsWith('| T19 ')) ?? '', /test\.ts` \(1\) \|$/)
  })
})
