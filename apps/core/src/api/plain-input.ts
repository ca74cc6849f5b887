/**
 * What no endpoint takes, whatever its schema says: text that the database cannot hold, nesting and lists that no body of
 * ours has. Refused in one place, before any schema or service walks the value.
 * @module
 */
import { invalid } from '../failure.ts'

/** Objects and arrays in each other at most; the deepest body of the contract has seven. */
export const MAX_DEPTH = 32

/**
 * Items of one list at most; the longest of the contract has 1,000. The schema library takes time by the square of how
 * many equal ones a list has, and a body of a megabyte would hold Core for minutes.
 */
export const MAX_ITEMS = 2_000

/** Longest path that a refusal names. */
const MAX_PATH = 200

/**
 * @throws CoreError INVALID with its path for NUL or half a surrogate pair in a text or a name, which are no Unicode text
 * (PostgreSQL refuses the one, and would keep another sign for the other), and for more than `MAX_DEPTH` levels
 * or `MAX_ITEMS` items
 */
export function requirePlain(input: unknown): void {
  const open: { readonly value: unknown; readonly path: string; readonly depth: number }[] = [
    { value: input, path: '', depth: 0 },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path, depth } = next
    if (typeof value === 'string') requireText(value, path)
    if (typeof value !== 'object' || value === null) continue
    if (depth >= MAX_DEPTH) throw invalid(path.slice(0, MAX_PATH), `has more than ${MAX_DEPTH} levels; send fewer`)
    if (Array.isArray(value) && value.length > MAX_ITEMS) {
      throw invalid(path.slice(0, MAX_PATH), `has more than ${MAX_ITEMS} items; send several requests`)
    }
    for (const [name, member] of Object.entries(value)) {
      requireText(name, path)
      open.push({ value: member, path: below(path, name, Array.isArray(value)), depth: depth + 1 })
    }
  }
}

function below(path: string, name: string, isItem: boolean): string {
  if (isItem) return `${path}[${name}]`
  return path === '' ? name : `${path}.${name}`
}

function requireText(text: string, path: string): void {
  if (text.includes('\0')) throw invalid(path.slice(0, MAX_PATH), 'has a NUL character; take it out')
  if (!text.isWellFormed()) throw invalid(path.slice(0, MAX_PATH), 'has half a surrogate pair; send whole characters')
}
