/**
 * What two values differ in, member by member.
 * @module
 */
import { isJson, sameJson } from '../json.ts'

/** One member. `undefined`: it is not there. */
export interface Difference {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** Differences in the order of `after`; a list counts as one member. */
export function differencesOf(before: unknown, after: unknown, path = ''): Difference[] {
  if (!isJson(before) || !isJson(after)) return sameJson(before, after) ? [] : [{ path, before, after }]
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])]
  return names.flatMap((name) => differencesOf(before[name], after[name], path === '' ? name : `${path}.${name}`))
}
