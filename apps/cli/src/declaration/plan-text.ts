/**
 * A plan for people.
 * @module
 */
import { safeText } from '../output/safe-text.ts'
import type { Difference } from './difference.ts'
import type { Step } from './plan.ts'

const MARKS = { create: '+', change: '~', remove: '-', unchanged: '=' } as const
/** Characters of a value that are shown. */
const SHOWN = 200

/** One step on a line, with a line for each difference; nothing for what is unchanged. */
export function stepText({ kind, name, action, differences }: Step): string {
  if (action === 'unchanged') return ''
  const head = `${MARKS[action]} ${action} ${kind.title} ${safeText(JSON.stringify(name))}\n`
  return head + differences.map(differenceText).join('')
}

/** How many steps of each kind there are. */
export function summaryText(steps: readonly Step[]): string {
  const count = (action: Step['action']): number => steps.filter((step) => step.action === action).length
  return `${count('create')} to create, ${count('change')} to change, ${count('remove')} to remove, ${count('unchanged')} unchanged\n`
}

function differenceText({ path, before, after }: Difference): string {
  if (!Array.isArray(before) || !Array.isArray(after))
    return `    ${safeText(path)}: ${shown(before)} → ${shown(after)}\n`
  const texts = (list: readonly unknown[]): string[] => list.map((item) => JSON.stringify(item))
  const [old, now] = [texts(before), texts(after)]
  const gone = old.filter((item) => !now.includes(item)).map((item) => `    ${safeText(path)}: - ${clip(item)}\n`)
  const come = now.filter((item) => !old.includes(item)).map((item) => `    ${safeText(path)}: + ${clip(item)}\n`)
  const lines = [...gone, ...come]
  return lines.length === 0 ? `    ${safeText(path)}: in another order\n` : lines.join('')
}

function shown(value: unknown): string {
  if (value === undefined) return '(none)'
  return clip(JSON.stringify(value))
}

function clip(text: string): string {
  const safe = safeText(text)
  return safe.length <= SHOWN ? safe : `${safe.slice(0, SHOWN)}…`
}
