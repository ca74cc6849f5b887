import { runTool } from './command.ts'
import type { Check } from './model.ts'

/** Types of the whole project graph. The compiler's own output files go to `.tsbuild`, which is not tracked. */
export const types: Check = {
  name: 'types',
  async run(root) {
    const { code, stdout, stderr } = await runTool(root, 'typescript/bin/tsc', ['-b', '--pretty', 'false'])
    if (code === 0) return []
    const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('error TS'))
    if (lines.length === 0) return [{ where: 'tsc', message: `ended with ${code ?? 'a signal'}: ${stdout}${stderr}` }]
    return lines.map((line) => ({ where: line.split('(', 1)[0] ?? 'tsc', message: line }))
  },
}
