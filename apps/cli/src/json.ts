/**
 * JSON values whose shape nobody has vouched for yet.
 * @module
 */

/** An object of unknown members. */
export type Json = Readonly<Record<string, unknown>>

/** Whether it has members: neither null nor an array. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member; undefined when `value` is no object or has none of its own by that name. */
export function member(value: unknown, name: string): unknown {
  return isJson(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** The value at a path of members. */
export function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce(member, value)
}

/** A member that is text, else `otherwise`. */
export function textOf(value: unknown, name: string, otherwise = ''): string {
  const found = member(value, name)
  return typeof found === 'string' ? found : otherwise
}

/** A member that is a list, else an empty one. */
export function listOf(value: unknown, name: string): readonly unknown[] {
  const found = member(value, name)
  return Array.isArray(found) ? found : []
}

/** A copy with the value at a path; objects on the way are copied, or made where there are none. */
export function withAt(value: unknown, path: readonly string[], put: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined) return put
  const base = isJson(value) ? value : {}
  return { ...base, [first]: withAt(member(base, first), rest, put) }
}

/** A copy without the member at a path. */
export function withoutAt(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path
  if (first === undefined || !isJson(value) || !Object.hasOwn(value, first)) return value
  if (rest.length > 0) return { ...value, [first]: withoutAt(value[first], rest) }
  const { [first]: _gone, ...others } = value
  return others
}

/** Whether two JSON values say the same; the order of members does not count, that of lists does. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]))
  }
  if (isJson(a) && isJson(b)) {
    const names = Object.keys(a)
    return names.length === Object.keys(b).length && names.every((n) => Object.hasOwn(b, n) && sameJson(a[n], b[n]))
  }
  return a === b
}
