import { builtinModules } from 'node:module'
import type { Check, Finding } from './model.ts'
import { readModule } from './module-facts.ts'
import {
  isTest,
  type Manifest,
  ourFiles,
  readManifest,
  readWorkspaces,
  sourceFiles,
  type Workspace,
} from './workspaces.ts'

/**
 * Product code imports what its own package.json declares as a dependency; tests may also use development
 * dependencies, their own and the root's. What is declared is imported somewhere, or nobody knows why it is there.
 */
export const declared: Check = {
  name: 'dependencies',
  async run(root) {
    const manifest = await readManifest(root, '.')
    const workspaces = await readWorkspaces(root)
    const used = await importedPackages(root)
    const findings = workspaces.flatMap((workspace) => [
      ...undeclared(workspace, manifest, used),
      ...unused(workspace, used),
    ])
    const tools = [...used].filter(([file]) => file.startsWith('tools/'))
    for (const [file, names] of tools) {
      for (const name of names) {
        const ours = workspaces.some((workspace) => workspace.name === name)
        if (!ours && !manifest.devDependencies.has(name)) findings.push(notDeclared(file, name, 'package.json'))
      }
    }
    return findings
  },
}

type Used = ReadonlyMap<string, ReadonlySet<string>>

async function importedPackages(root: string): Promise<Used> {
  const tools = (await ourFiles(root)).filter((file) => /^tools\/.*\.ts$/.test(file))
  const modules = await Promise.all([...(await sourceFiles(root)), ...tools].map((file) => readModule(root, file)))
  return new Map(modules.map(({ file, imports }) => [file, packageNames(imports.map((fact) => fact.specifier))]))
}

function packageNames(specifiers: readonly string[]): ReadonlySet<string> {
  const foreign = specifiers.filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
  return new Set(foreign.map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')))
}

function undeclared(workspace: Workspace, root: Manifest, used: Used): Finding[] {
  const findings: Finding[] = []
  for (const [file, names] of used) {
    if (!file.startsWith(`${workspace.folder}/`)) continue
    for (const name of names) {
      if (builtinModules.includes(name)) {
        findings.push({ where: file, message: `write node:${name}, so that no package can take its place` })
        continue
      }
      const forTests = workspace.devDependencies.has(name) || root.devDependencies.has(name) || name === workspace.name
      if (workspace.dependencies.has(name) || (isTest(file) && forTests)) continue
      findings.push(notDeclared(file, name, `${workspace.folder}/package.json`))
    }
  }
  return findings
}

function notDeclared(file: string, name: string, manifest: string): Finding {
  return { where: file, message: `imports ${name}, which ${manifest} does not declare` }
}

function unused(workspace: Workspace, used: Used): Finding[] {
  const own = [...used].filter(([file]) => file.startsWith(`${workspace.folder}/`))
  const names = new Set(own.flatMap(([, imported]) => [...imported]))
  const code = new Set(own.filter(([file]) => !isTest(file)).flatMap(([, imported]) => [...imported]))
  const where = `${workspace.folder}/package.json`
  return [
    ...[...workspace.dependencies.keys()]
      .filter((name) => !code.has(name))
      .map((name) => ({ where, message: `depends on ${name}, which no product code of it imports` })),
    ...[...workspace.devDependencies.keys()]
      .filter((name) => !names.has(name) && !names.has(typed(name)))
      .map((name) => ({ where, message: `develops with ${name}, which nothing of it imports` })),
  ]
}

/** What typings are for: `@types/pg` for `pg`, `@types/a__b` for `@a/b`. Nobody imports them by their own name. */
function typed(name: string): string {
  const of = /^@types\/(.+)$/.exec(name)?.[1] ?? ''
  return of.includes('__') ? `@${of.replace('__', '/')}` : of
}
