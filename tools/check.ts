/**
 * `npm run check`: every drift check, one line each; `npm run check -- types lint` runs those only.
 * @module
 */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { ALL_CHECKS } from './checks/all.ts'
import type { Check, Finding } from './checks/model.ts'

/** Shown for each check; whoever has more mends the first of them first. */
const MAX_SHOWN = 40

const root = resolve(import.meta.dirname, '..')
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !ALL_CHECKS.some((check) => check.name === name))
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are ${ALL_CHECKS.map((check) => check.name).join(', ')}`)
  process.exit(1)
}
const waiting = ALL_CHECKS.filter((check) => asked.length === 0 || asked.includes(check.name))
const total = waiting.length
let failed = 0
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work))
console.log(`${total - failed} checks passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function work(): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const started = performance.now()
    const findings = await answer(check)
    const ms = Math.round(performance.now() - started)
    const verdict = findings.length === 0 ? 'ok' : `${findings.length} found`
    console.log(`${check.name.padEnd(14)} ${String(ms).padStart(6)} ms  ${verdict}`)
    for (const { where, message } of findings.slice(0, MAX_SHOWN)) console.log(`    ${where}  ${message}`)
    if (findings.length > MAX_SHOWN) console.log(`    and ${findings.length - MAX_SHOWN} more`)
    if (findings.length > 0) failed += 1
  }
}

/** A check that breaks down has not passed. */
async function answer(check: Check): Promise<readonly Finding[]> {
  try {
    return await check.run(root)
  } catch (error) {
    return [{ where: check.name, message: error instanceof Error ? (error.stack ?? error.message) : String(error) }]
  }
}
