/**
 * The top-level members of a JSON object with the place of each value in the text, so that one value can be
 * replaced and every other byte stays as the sender wrote it; and so that a repeated name is seen.
 *
 * Document: RFC 8259. Bounded by the text; one pass, no recursion of our own.
 * @module
 */

/** A member as it stands in the text; the same name may occur more than once. */
interface JsonMember {
  readonly name: string
  readonly value: unknown
  /** Offsets into the text: `text.slice(start, end)` is the value. */
  readonly start: number
  readonly end: number
}

/** The members of the object that the text is; null when the text is not JSON or not an object. */
export function jsonMembers(text: string): JsonMember[] | null {
  const whole = parse(text)
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) return null
  // From here on the text is known to be well-formed, which is what makes so short a scanner right.
  const members: JsonMember[] = []
  let at = skipBlanks(text, text.indexOf('{') + 1)
  while (text.charAt(at) === '"') {
    const nameEnd = endOfString(text, at)
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1)
    const end = endOfValue(text, start)
    members.push({ name: String(parse(text.slice(at, nameEnd))), value: parse(text.slice(start, end)), start, end })
    at = skipBlanks(text, skipBlanks(text, end) + 1)
  }
  return members
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++
  return at
}

/** Offset behind the closing quote of the string that opens at `from`. */
function endOfString(text: string, from: number): number {
  let at = from + 1
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}

function endOfValue(text: string, from: number): number {
  let depth = 0
  let at = from
  while (at < text.length) {
    const character = text.charAt(at)
    if (character === '"') {
      at = endOfString(text, at)
      if (depth === 0) return at
      continue
    }
    if (depth === 0 && ',} \t\r\n'.includes(character)) return at
    if (character === '{' || character === '[') depth++
    if ((character === '}' || character === ']') && --depth === 0) return at + 1
    at++
  }
  return at
}
