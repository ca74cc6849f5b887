/**
 * Rows as a table that fits the terminal.
 * @module
 */
import { at, isJson } from '../json.ts'
import { clipped, safeText, widthOf } from './safe-text.ts'

/** Columns are not made narrower than this. */
const NARROWEST = 6
/** Between two columns. */
const GAP = '  '
/** A column that nothing limits is no wider. */
const WIDEST = 80

/** A table whose columns are laid out once: later rows keep the widths of the first ones. */
export interface TableLayout {
  header(): string
  rows(items: readonly unknown[]): string
}

/**
 * Lays out columns, which are dotted paths.
 * @param sample rows that the widths are taken from
 * @param width columns of the terminal; null: no limit
 */
export function tableLayout(columns: readonly string[], sample: readonly unknown[], width: number | null): TableLayout {
  const titles = columns.map(titleOf)
  const cells = sample.map((item) => columns.map((column) => cellOf(at(item, column.split('.')))))
  const natural = titles.map((title, index) =>
    Math.min(WIDEST, Math.max(widthOf(title), ...cells.map((row) => widthOf(row[index] ?? '')))),
  )
  const widths = width === null ? natural : fitted(natural, columns, width)
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, index) => {
      const column = widths[index] ?? 0
      const shown = width === null ? text : clipped(text, Math.max(column, 1))
      return shown + ' '.repeat(Math.max(0, column - widthOf(shown)))
    })
    return `${padded.join(GAP).trimEnd()}\n`
  }
  return {
    header: () => line(titles),
    rows: (items) => items.map((item) => line(columns.map((c) => cellOf(at(item, c.split('.')))))).join(''),
  }
}

/** The widest column gives way first; ids last, since half an id is of no use. */
function fitted(natural: readonly number[], columns: readonly string[], width: number): number[] {
  const widths = [...natural]
  const isId = (index: number): boolean => /(^|\.)id$/i.test(columns[index] ?? '')
  const total = (): number => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1)
  while (total() > width) {
    const indexes = widths.map((_, index) => index).filter((index) => (widths[index] ?? 0) > NARROWEST)
    const free = indexes.filter((index) => !isId(index))
    const widest = (free.length > 0 ? free : indexes).sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0]
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

/** `registration.state` is `REGISTRATION STATE`. */
function titleOf(column: string): string {
  return column
    .replaceAll('.', ' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
}

/** One line of text for any value. */
export function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cellOf).join(', ')
  if (isJson(value)) {
    const name = value['name']
    return safeText(typeof name === 'string' ? name : JSON.stringify(value))
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return safeText(typeof value === 'string' ? value : JSON.stringify(value))
}

/** One object as lines of field and value; members of members have a dot in their name. */
export function fieldLines(value: unknown, width: number | null): string {
  const lines = fieldsOf(value, '')
  const widest = Math.max(0, ...lines.map(([name]) => widthOf(name)))
  return lines
    .map(([name, text]) => {
      const room = width === null ? Infinity : Math.max(20, width - widest - GAP.length)
      const shown = Number.isFinite(room) ? wrapped(text, room) : [text]
      return shown.map((part, index) => `${(index === 0 ? name : '').padEnd(widest)}${GAP}${part}\n`).join('')
    })
    .join('')
}

function fieldsOf(value: unknown, prefix: string): [string, string][] {
  if (isJson(value)) {
    return Object.entries(value).flatMap(([name, inner]) => fieldsOf(inner, prefix === '' ? name : `${prefix}.${name}`))
  }
  if (Array.isArray(value) && value.some((item) => isJson(item) || Array.isArray(item))) {
    return value.flatMap((item: unknown, index) => fieldsOf(item, `${prefix}[${index}]`))
  }
  if (typeof value === 'string' && value.includes('\n')) {
    return value.split('\n').map((line, index) => [index === 0 ? safeText(prefix) : '', safeText(line)])
  }
  return [[safeText(prefix), cellOf(value)]]
}

function wrapped(text: string, room: number): string[] {
  const parts: string[] = []
  let rest = text
  while (widthOf(rest) > room) {
    const space = rest.slice(0, room + 1).lastIndexOf(' ')
    const cut = space > room / 3 ? space : room
    parts.push(rest.slice(0, cut))
    rest = rest.slice(cut).trimStart()
  }
  return [...parts, rest]
}
