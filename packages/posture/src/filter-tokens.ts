/**
 * Text of a filter to tokens, each with the position where it begins.
 * @module
 */

/** Why a filter is refused. `position`: characters from 0. */
export class FilterError extends Error {
  override name = 'FilterError'
  readonly position: number
  constructor(position: number, message: string) {
    super(message)
    this.position = position
  }
}

/** A token; `end` is one of its own, so that a parser always has a next one. */
export type Token = { readonly at: number } & (
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: 'sign'; readonly value: string }
  | { readonly kind: 'end'; readonly value: '' }
)

// Every alternative begins differently, so the expression looks at each character once.
const TOKEN = /\s+|"((?:[^"\\\n\r]|\\["\\])*)"|(-?\d{1,15}(?:\.\d{1,6})?)(?![\w.])|([A-Za-z_]+)|(!=|<=|>=|[=<>(),])/y

/** @throws FilterError at the first character that begins no token. */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (match === null) throw new FilterError(at, complaint(text, at))
    const token = tokenOf(match, at)
    if (token !== null) tokens.push(token)
    at += match[0].length
  }
  tokens.push({ kind: 'end', value: '', at })
  return tokens
}

function tokenOf([, text, number, word, sign]: RegExpExecArray, at: number): Token | null {
  if (text !== undefined) return { kind: 'text', value: text.replace(/\\(["\\])/g, '$1'), at }
  if (number !== undefined) return { kind: 'number', value: Number(number), at }
  if (word !== undefined) return { kind: 'word', value: word.toUpperCase(), at }
  if (sign !== undefined) return { kind: 'sign', value: sign, at }
  return null
}

function complaint(text: string, at: number): string {
  if (text[at] === '"') return 'this text has no end; close it with ", and write \\" and \\\\ for these two within it'
  if (/[-\d]/.test(text[at] ?? '')) return 'is no number of at most 15 digits; put versions and other text in quotes'
  return `${JSON.stringify(text[at])} means nothing here; names and texts stand in double quotes`
}
