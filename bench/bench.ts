/**
 * `npm run bench -- SUITE`: runs a measurement and prints its table. Each is the program that the tests share.
 * @module
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const SUITES = new Map([['feed', 'apps/core/tests/support/feed-bench.ts']])

const [asked = ''] = process.argv.slice(2)
const program = SUITES.get(asked)
if (program === undefined) {
  console.error(`no such measurement: ${asked}; there are ${[...SUITES.keys()].join(', ')}`)
  process.exitCode = 2
} else {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '..', program)], { stdio: 'inherit' })
  process.exitCode = await new Promise<number>((done, reject) => {
    child.once('error', reject).once('close', (code) => done(code ?? 1))
  })
}
