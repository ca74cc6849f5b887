import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { runTool } from './command.ts'
import type { Check, Finding } from './model.ts'
import { sourceFiles } from './workspaces.ts'

interface Cruise {
  readonly modules: readonly {
    readonly source: string
    readonly dependencies: readonly { readonly module: string }[]
  }[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string }
    }[]
  }
}

/**
 * The import table. A cruiser that cannot read TypeScript reports success having read nothing, so every source file
 * must be among the cruised modules, with every import that TypeScript's own scanner sees in it.
 */
export const imports: Check = {
  name: 'imports',
  async run(root) {
    const folders = ['packages', 'apps', 'tools']
    const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders]
    const { stdout, stderr } = await runTool(root, 'dependency-cruiser/bin/dependency-cruiser.mjs', args)
    if (!stdout.startsWith('{')) return [{ where: 'dependency-cruiser', message: (stderr || stdout).trim() }]
    const { modules, summary } = JSON.parse(stdout) as Cruise // the tool's own format, read by nobody else
    const findings: Finding[] = summary.violations.map(({ from, to, rule }) => ({
      where: from,
      message: from === to ? `breaks ${rule.name}` : `breaks ${rule.name}: imports ${to}`,
    }))
    const cruised = new Map(modules.map((m) => [m.source, new Set(m.dependencies.map((d) => bare(d.module)))]))
    const unread = await Promise.all((await sourceFiles(root)).map((file) => unreadImports(root, file, cruised)))
    return [...findings, ...unread.flat()]
  },
}

async function unreadImports(
  root: string,
  file: string,
  cruised: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<readonly Finding[]> {
  const seen = cruised.get(file)
  if (seen === undefined) return [{ where: file, message: 'was not read by dependency-cruiser' }]
  const { importedFiles } = ts.preProcessFile(await readFile(join(root, file), 'utf8'), true, true)
  return importedFiles
    .filter(({ fileName }) => !seen.has(bare(fileName)))
    .map(({ fileName }) => ({ where: file, message: `import of ${fileName} was not seen by dependency-cruiser` }))
}

function bare(specifier: string): string {
  return specifier.startsWith('node:') ? specifier.slice(5) : specifier
}
