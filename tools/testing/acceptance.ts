/**
 * The acceptance table as Markdown, from rows and the results of a run. Pure: the same run gives the same bytes.
 * @module
 */
import type { AcceptanceRow } from '../acceptance-rows.ts'
import type { TestResult } from './results.ts'

/** How a row stands. `missing`: no test carries its number. `unit`: passed, but without the process and its sockets. */
export type RowOutcome = 'passed' | 'unit' | 'failed' | 'skipped' | 'missing' | 'load'

/** A row with the tests that carry its number. */
export interface JudgedRow extends AcceptanceRow {
  readonly outcome: RowOutcome
  readonly tests: readonly TestResult[]
}

/** A row passes when all its tests did. A number counts wherever it stands in a test's name or in its suites'. */
export function judgeRows(rows: readonly AcceptanceRow[], results: readonly TestResult[]): readonly JudgedRow[] {
  const byNumber = new Map<string, TestResult[]>()
  for (const result of results) {
    for (const number of numbersIn(result.name)) byNumber.set(number, [...(byNumber.get(number) ?? []), result])
  }
  return rows.map((row) => {
    const tests = (byNumber.get(row.id) ?? []).sort(byFileAndName)
    return { ...row, outcome: outcomeOf(row, tests), tests }
  })
}

/** T numbers that tests carry and no row has: a slip of the pen, or a row that is missing. */
export function unknownNumbers(rows: readonly AcceptanceRow[], results: readonly TestResult[]): readonly string[] {
  const known = new Set(rows.map(({ id }) => id))
  const carried = new Set(results.flatMap(({ name }) => numbersIn(name)))
  return [...carried].filter((number) => !known.has(number)).sort()
}

/** The whole document. */
export function acceptanceDocument(rows: readonly JudgedRow[]): string {
  const count = (wanted: RowOutcome): number => rows.filter(({ outcome }) => outcome === wanted).length
  const due = rows.length - count('load')
  return [
    '# Acceptance tests',
    '',
    'Written by `npm run acceptance` from the results of `npm test` and `npm run test:slow`; not by hand.',
    'A row passes when every test that carries its number passed in that run, and at least one of them drives the real',
    'process over real sockets (those in `apps/*/tests`). In brackets: how many tests of the file carry the number;',
    '`git grep T19` finds them by name.',
    '',
    `${count('passed')} of ${due} rows pass, ${count('unit')} more in unit tests only.`,
    `${count('failed')} failed, ${count('skipped')} skipped, ${count('missing')} without a test.`,
    `${count('load')} need load and belong to the benchmark.`,
    '',
    '| T | what | outcome | tests |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row.id} | ${cell(row.title)} | ${WORDS[row.outcome]} | ${testsCell(row.tests)} |`),
    '',
  ].join('\n')
}

const WORDS: Readonly<Record<RowOutcome, string>> = {
  passed: 'passed',
  unit: 'passed, unit tests only',
  failed: '**failed**',
  skipped: '**skipped**',
  missing: '**no test**',
  load: 'needs load, with the benchmark',
}

function numbersIn(name: string): string[] {
  return name.match(/\bT\d{2,3}\b/g) ?? []
}

function outcomeOf(row: AcceptanceRow, tests: readonly TestResult[]): RowOutcome {
  if (tests.some(({ outcome }) => outcome === 'failed')) return 'failed'
  if (row.load === true) return 'load'
  if (tests.length === 0) return 'missing'
  if (!tests.every(({ outcome }) => outcome === 'passed')) return 'skipped'
  return tests.some(({ file }) => /^apps\/[^/]+\/tests\//.test(file)) ? 'passed' : 'unit'
}

/** Files with the number of their tests: names are many, and a search for the T number finds them. */
function testsCell(tests: readonly TestResult[]): string {
  const files = new Map<string, number>()
  for (const { file } of tests) files.set(file, (files.get(file) ?? 0) + 1)
  return [...files].map(([file, count]) => `\`${file}\` (${count})`).join('<br>')
}

function cell(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('|', '\\|')
  return escaped.replaceAll(/[\r\n]+/g, ' ')
}

function byFileAndName(a: TestResult, b: TestResult): number {
  return a.file.localeCompare(b.file, 'en') || a.name.localeCompare(b.name, 'en')
}
