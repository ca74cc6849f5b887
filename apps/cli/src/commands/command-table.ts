/**
 * Commands, derived from the table of endpoints: a row with `cli` is `postern <noun> <verb>`.
 * @module
 */
import type { EndpointRow, EndpointTable } from '@postern/contract/api/endpoint'
import { collectionOfParameter, readPath } from './collections.ts'
import { type Flag, flagsOf } from './flags.ts'
import { shapeOf } from './shape.ts'

/** A parameter of the path, written without a flag. */
export interface Positional {
  /** Name in the path. */
  readonly name: string
  /** What help calls it, such as `DEVICE`. */
  readonly label: string
  /** List in which a name is looked up; null: it stands for itself. */
  readonly collection: string | null
}

/** A command. */
export interface Command {
  /** Name of the endpoint. */
  readonly endpoint: string
  readonly noun: string
  readonly verb: string
  readonly row: EndpointRow
  readonly positionals: readonly Positional[]
  readonly flags: readonly Flag[]
  /** A page after page. */
  readonly isList: boolean
  /** Columns of the table; null: not a list of rows. */
  readonly columns: readonly string[] | null
}

/** Every command, in the order of the table. */
export function commandsOf(table: EndpointTable): readonly Command[] {
  const listed = new Set(
    Object.values(table)
      .filter(({ method }) => method === 'GET')
      .map(({ path }): string => path),
  )
  return Object.entries(table).flatMap(([endpoint, row]) => {
    if (row.cli === undefined) return []
    const { noun, verb, columns } = row.cli
    const positionals = positionalsOf(row, listed, noun)
    const isList = row.method === 'GET' && isPage(row)
    return [{ endpoint, noun, verb, row, positionals, flags: flagsOf(row), isList, columns: columns ?? null }]
  })
}

/** Nouns, each once, in alphabetical order. */
export function nounsOf(commands: readonly Command[]): readonly string[] {
  return [...new Set(commands.map(({ noun }) => noun))].sort()
}

/** The row that reads what `row` changes, so that an edit knows the version; null when there is none. */
export function readerOf(table: EndpointTable, row: EndpointRow): EndpointRow | null {
  const whole = readPath(row.path)
  // An action is on the object itself: /things/:id/versions/:version/restore changes /things/:id.
  const isEdit = row.method === 'PUT' || row.method === 'PATCH' || row.method === 'DELETE'
  const candidates = isEdit ? [whole, whole.slice(0, whole.lastIndexOf('/'))] : [/^.*?\/:[A-Za-z]+/.exec(whole)?.[0]]
  for (const path of candidates) {
    const found = Object.values(table).find((one) => one.method === 'GET' && one.path === path)
    if (found !== undefined) return found
  }
  return null
}

function positionalsOf(row: EndpointRow, listed: ReadonlySet<string>, noun: string): Positional[] {
  const params = row.params === undefined ? null : shapeOf(row.params)
  return [...row.path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => {
    const collection = collectionOfParameter(row.path, name)
    const isText = shapeOf(params?.members.get(name)?.schema).kind === 'text'
    const found = isText && listed.has(collection) ? collection : null
    const what = found === null ? (name === 'id' ? noun : name) : singular(found)
    return { name, label: what.replaceAll(/([a-z])([A-Z])/g, '$1-$2').toUpperCase(), collection: found }
  })
}

/** `/api/v1/sentry-profiles` is `sentry-profile`. */
function singular(collection: string): string {
  const last = collection.slice(collection.lastIndexOf('/') + 1)
  return last.endsWith('ies') ? `${last.slice(0, -3)}y` : last.replace(/s$/, '')
}

function isPage({ reply }: EndpointRow): boolean {
  return reply !== null && reply !== 'stream' && shapeOf(reply).members.has('items')
}
