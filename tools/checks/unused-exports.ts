import { join } from 'node:path'
import { existsSync } from 'node:fs'
import type { Check, Finding } from './model.ts'
import { type ModuleFacts, readModule, resolveOurs } from './module-facts.ts'
import { isTest, ourFiles, readWorkspaces, sourceFiles, type Workspace } from './workspaces.ts'

/**
 * An export that no other file imports is either dead or private. Types of a module that others do import from are
 * the words of its interface and may stand alone; values may not.
 */
export const unusedExports: Check = {
  name: 'exports',
  async run(root) {
    const workspaces = await readWorkspaces(root)
    const sources = await sourceFiles(root)
    const tools = (await ourFiles(root)).filter((file) => /^(tools|bench)\/.*\.ts$/.test(file))
    const modules = await Promise.all([...sources, ...tools].map((file) => readModule(root, file)))
    const use = usage(modules, workspaces)
    const findings = modules
      .filter(({ file }) => /^(packages|apps)\/[^/]+\/src\//.test(file) && !isTest(file))
      .flatMap((module) => unusedIn(module, use))
    return [...findings, ...missingEntries(root, workspaces)]
  },
}

interface Usage {
  /** Names that other files import, by file; null when some file takes all of them. */
  readonly namesOf: ReadonlyMap<string, ReadonlySet<string> | null>
  /** Files that a test or another workspace imports. */
  readonly entered: ReadonlySet<string>
}

function usage(modules: readonly ModuleFacts[], workspaces: readonly Workspace[]): Usage {
  const namesOf = new Map<string, Set<string> | null>()
  const entered = new Set<string>()
  for (const { file, imports } of modules) {
    for (const { specifier, names } of imports) {
      const target = resolveOurs(file, specifier, workspaces)
      if (target === null || target === file) continue
      if (isTest(file) || workspaceOf(file) !== workspaceOf(target)) entered.add(target)
      const known = namesOf.get(target)
      if (names === null || known === null) namesOf.set(target, null)
      else namesOf.set(target, new Set([...(known ?? []), ...names]))
    }
  }
  return { namesOf, entered }
}

function unusedIn({ file, exports }: ModuleFacts, { namesOf, entered }: Usage): Finding[] {
  const used = namesOf.get(file)
  if (used === null) return []
  return exports
    .filter(
      ({ name, kind }) => used?.has(name) !== true && !(kind === 'type' && (entered.has(file) || used !== undefined)),
    )
    .map(({ name, line }) => ({ where: `${file}:${line}`, message: `exports ${name}, which no other file imports` }))
}

function missingEntries(root: string, workspaces: readonly Workspace[]): Finding[] {
  return workspaces.flatMap(({ folder, exports }) =>
    [...exports]
      .filter(([, target]) => !existsSync(join(root, folder, target)))
      .map(([subpath, target]) => ({
        where: `${folder}/package.json`,
        message: `${subpath} names ${target}, which is missing`,
      })),
  )
}

function workspaceOf(file: string): string {
  return file.split('/', 2).join('/')
}
