import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check, Finding } from './model.ts'
import { readWorkspaces, type Workspace } from './workspaces.ts'

/** The decision record whose table gives the reason of every runtime dependency. */
const RECORD = 'docs/decisions/0003-runtime-dependencies.md'

/** External packages that may be needed at run time, counted through our own packages. */
const BUDGETS: ReadonlyMap<string, number> = new Map([
  ['packages/eas-query', 0],
  ['packages/wbxml', 0],
  ['packages/eas-policy', 0],
  ['packages/oauth-map', 0],
  ['packages/runtime', 0],
  ['packages/contract', 1],
  ['packages/posture', 0],
  ['packages/apple-profiles', 1],
  ['packages/pki', 3],
  ['packages/postgres-server', 0],
  ['apps/sentry', 5],
  ['apps/core', 15],
  ['apps/cli', 2],
  ['apps/start', 0],
])

/** Dependency budgets, and the table that must say why: a row for each, and no row for what is gone. */
export const budgets: Check = {
  name: 'budgets',
  async run(root) {
    const workspaces = await readWorkspaces(root)
    const rows = tableRows(await readFile(join(root, RECORD), 'utf8'))
    const findings: Finding[] = []
    for (const workspace of workspaces) {
      const external = externalDependencies(workspace, workspaces)
      const budget = BUDGETS.get(workspace.folder)
      if (budget !== undefined && external.size > budget) {
        const list = [...external].sort().join(', ')
        const message = `needs ${external.size} runtime dependencies, ${budget} are allowed: ${list}`
        findings.push({ where: `${workspace.folder}/package.json`, message })
      }
      if (workspace.folder.startsWith('apps/')) findings.push(...rowFindings(workspace.folder, external, rows))
    }
    return findings
  },
}

function externalDependencies(start: Workspace, workspaces: readonly Workspace[]): Set<string> {
  const external = new Set<string>()
  const visited = new Set<Workspace>()
  const visit = (workspace: Workspace): void => {
    if (visited.has(workspace)) return
    visited.add(workspace)
    for (const name of workspace.dependencies.keys()) {
      const ours = workspaces.find((other) => other.name === name)
      if (ours === undefined) external.add(name)
      else visit(ours)
    }
  }
  visit(start)
  return external
}

interface Row {
  readonly app: string
  readonly dependency: string
  readonly reason: string
}

/** Rows of the form `| apps/x | \`package\` | … |`; the last cell is the reason. */
function tableRows(text: string): Row[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| apps/'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => ({
      app: cells[1] ?? '',
      dependency: (cells[2] ?? '').replaceAll('`', ''),
      reason: cells.at(-2) ?? '',
    }))
}

function rowFindings(app: string, external: ReadonlySet<string>, rows: readonly Row[]): Finding[] {
  const own = rows.filter((row) => row.app === app)
  const missing = [...external].filter((name) => !own.some((row) => row.dependency === name && row.reason !== ''))
  const stale = own.filter((row) => !external.has(row.dependency))
  return [
    ...missing.map((name) => ({ where: RECORD, message: `has no row that says why ${app} needs ${name}` })),
    ...stale.map((row) => ({
      where: RECORD,
      message: `explains ${row.dependency} of ${app}, which is not a dependency of it`,
    })),
  ]
}
