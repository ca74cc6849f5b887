import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check, Finding } from './model.ts'
import { ourFiles } from './workspaces.ts'

const BINARY = /\.(png|jpe?g|ico|woff2?|p12|der|gz|zip)$/
// Put together from parts, so that this file does not find itself.
const FOLDERS = ['work', 'tmp', 'root', 'home', 'Users'].join('|')
const MACHINE_PATH = new RegExp(
  `(^|[^A-Za-z0-9_.~:/-])/(${FOLDERS})/[A-Za-z0-9]|(^|[\\s"'\`(])/(work|tmp)($|[\\s"'\`)])`,
)
const ASIDE = ['only', 'skip', 'todo'].join('|')
const SET_ASIDE = new RegExp(`\\b(test|it|describe|suite)\\.(${ASIDE})\\b`)
const SET_ASIDE_OPTION = new RegExp(`[{,]\\s*(${ASIDE}):\\s*(true|['"\`])`)

/** No path of one machine in any file, and no test that is set aside: a test runs or is deleted. */
export const text: Check = {
  name: 'text',
  async run(root) {
    const files = (await ourFiles(root)).filter((file) => !BINARY.test(file) && file !== 'package-lock.json')
    const found = await Promise.all(files.map(async (file) => lines(file, await readFile(join(root, file), 'utf8'))))
    return found.flat()
  },
}

function lines(file: string, content: string): Finding[] {
  const findings: Finding[] = []
  const isTestFile = file.endsWith('.test.ts')
  content.split('\n').forEach((line, index) => {
    const where = `${file}:${index + 1}`
    if (MACHINE_PATH.test(line)) findings.push({ where, message: `names a path of one machine: ${line.trim()}` })
    if (SET_ASIDE.test(line) || (isTestFile && SET_ASIDE_OPTION.test(line))) {
      findings.push({ where, message: `sets a test aside: ${line.trim()}` })
    }
  })
  return findings
}
