/**
 * The groups of tests: which files each takes, and how it runs them.
 * @module
 */
import { ourFiles } from '../checks/workspaces.ts'

/** Names of the groups; a group's results lie in `test-results/<name>.json`. */
export type GroupName = 'unit' | 'integration' | 'checks' | 'slow'

/** How a group runs. `limitMs` ends it, hung tests and all, and counts as a failure. */
export interface Group {
  readonly takes: (file: string) => boolean
  readonly nodeArgs: readonly string[]
  readonly limitMs: number
}

const isSlow = (file: string): boolean => file.endsWith('.slow.test.ts')
const isOf = (pattern: RegExp, file: string): boolean => pattern.test(file) && file.endsWith('.test.ts')

/** Unit tests share one process (milliseconds each); what opens sockets gets a process for each file. */
export const GROUPS: Readonly<Record<GroupName, Group>> = {
  unit: {
    takes: (file) => isOf(/^(packages|apps)\/[^/]+\/src\//, file) && !isSlow(file),
    nodeArgs: ['--test-isolation=none', '--test-timeout=60000'],
    limitMs: 180_000,
  },
  integration: {
    takes: (file) => isOf(/^(apps|packages)\/[^/]+\/tests\//, file) && !isSlow(file),
    nodeArgs: ['--test-isolation=process', '--test-concurrency=3', '--test-timeout=120000'],
    limitMs: 900_000,
  },
  checks: {
    takes: (file) => isOf(/^tools\//, file) && !isSlow(file),
    nodeArgs: ['--test-isolation=process', '--test-concurrency=2', '--test-timeout=120000'],
    limitMs: 240_000,
  },
  slow: {
    takes: (file) => isOf(/^(packages|apps)\//, file) && isSlow(file),
    // One at a time: each loads the whole machine, and some judge memory or time.
    nodeArgs: ['--test-isolation=process', '--test-concurrency=1', '--test-timeout=900000'],
    limitMs: 3_600_000,
  },
}

/** What `npm test` runs, in this order: the quickest answer first. */
export const DEFAULT_GROUPS: readonly GroupName[] = ['unit', 'integration', 'checks']

/** Test files of a group, sorted; `part` keeps those whose path contains it. */
export async function groupFiles(root: string, name: GroupName, part = ''): Promise<readonly string[]> {
  return (await ourFiles(root)).filter((file) => GROUPS[name].takes(file) && file.includes(part))
}
