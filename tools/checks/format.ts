import { runTool } from './command.ts'
import type { Check } from './model.ts'

/** Formatting of everything prettier knows; `npm run format` mends it. */
export const format: Check = {
  name: 'format',
  async run(root) {
    const { code, stdout, stderr } = await runTool(root, 'prettier/bin/prettier.cjs', ['--list-different', '.'])
    if (code === 0) return []
    const files = stdout.split('\n').filter((line) => line !== '')
    const findings = files.map((where) => ({ where, message: 'is not formatted; npm run format' }))
    return stderr === '' ? findings : [...findings, { where: 'prettier', message: stderr.trim() }]
  },
}
