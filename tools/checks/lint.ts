import { runTool } from './command.ts'
import type { Check, Finding } from './model.ts'
import { ourFiles } from './workspaces.ts'

interface LintFile {
  readonly filePath: string
  readonly messages: readonly { readonly line?: number; readonly ruleId: string | null; readonly message: string }[]
}

/** Type-aware lint. Warnings do not exist here; a TypeScript file that lint did not read is a finding too. */
export const lint: Check = {
  name: 'lint',
  async run(root) {
    const { code, stdout, stderr } = await runTool(root, 'eslint/bin/eslint.js', ['.', '--format', 'json'])
    if (code !== 0 && code !== 1) return [{ where: 'eslint', message: (stderr || stdout).trim() }]
    const files = JSON.parse(stdout) as readonly LintFile[] // the tool's own format, read by nobody else
    const read = new Map(files.map((file) => [relativeTo(root, file.filePath), file]))
    const findings: Finding[] = []
    for (const [path, { messages }] of read) {
      for (const { line, ruleId, message } of messages) {
        findings.push({ where: `${path}:${line ?? 0}`, message: `${ruleId ?? 'parse'}: ${message}` })
      }
    }
    for (const path of await ourFiles(root)) {
      if (path.endsWith('.ts') && !read.has(path)) findings.push({ where: path, message: 'was not read by lint' })
    }
    return findings
  },
}

function relativeTo(root: string, path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
}
