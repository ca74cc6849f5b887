/**
 * Fields of a command line to members of a request.
 * @module
 */
import { usage } from '../exits.ts'
import { withAt, withoutAt } from '../json.ts'
import type { Command } from './command-table.ts'
import type { Flag } from './flags.ts'
import { meant } from './nearest.ts'
import type { Options } from './parse-options.ts'

/** What a value may need from outside. */
export interface ValueSources {
  /** Bytes of a file; `-` is standard input. @throws CliError usage */
  readFile(name: string): Promise<Uint8Array>
  /** Id of the one that is called `name` in a list. @throws CliError */
  lookUp(collection: string, name: string): Promise<string>
}

/** A field that was given, with its value as Core wants it. */
export interface FieldValue {
  readonly flag: Flag
  readonly value: unknown
}

/** Every field that was given, in the order of the schema. @throws CliError usage */
export async function fieldValues(command: Command, options: Options, sources: ValueSources): Promise<FieldValue[]> {
  const found: FieldValue[] = []
  for (const flag of command.flags) {
    const texts = options.values.get(flag.name)
    if (texts === undefined) continue
    const values: unknown[] = []
    for (const text of texts) values.push(await valueFrom(flag, text, sources))
    found.push({ flag, value: flag.repeats ? listFrom(flag, values) : values[0] })
  }
  return found
}

/** Members of the query. */
export function queryOf(values: readonly FieldValue[]): ReadonlyMap<string, string> {
  const query = values.filter(({ flag }) => flag.place === 'query')
  return new Map(query.map(({ flag, value }) => [flag.path[0] ?? '', String(value)]))
}

/** `base` with the fields put over it, and the unset ones taken away. @throws CliError usage */
export function bodyOf(
  command: Command,
  base: unknown,
  values: readonly FieldValue[],
  unset: readonly string[],
): unknown {
  let body = base
  for (const name of unset) body = withoutField(command, body, name)
  for (const { flag, value } of values) if (flag.place === 'body') body = withAt(body, flag.path, value)
  return body
}

function withoutField(command: Command, body: unknown, name: string): unknown {
  const fields = command.flags.filter(({ place }) => place === 'body')
  const flag = fields.find((one) => one.name === name)
  if (flag !== undefined) {
    if (flag.repeats) return withAt(body, flag.path, flag.nullable ? null : [])
    return flag.nullable ? withAt(body, flag.path, null) : withoutAt(body, flag.path)
  }
  const inner = fields.find((one) => one.name.startsWith(`${name}.`))
  if (inner === undefined)
    throw usage(
      `unset: ${name} is no field${meant(
        name,
        fields.map((one) => one.name),
      )}`,
    )
  return withAt(body, inner.path.slice(0, name.split('.').length), null)
}

/** A list that is deeper than flags go may be given item by item, or whole as JSON. */
function listFrom(flag: Flag, values: readonly unknown[]): unknown {
  const [only] = values
  return flag.kind === 'json' && values.length === 1 && Array.isArray(only) ? only : values
}

async function valueFrom(flag: Flag, typed: string, sources: ValueSources): Promise<unknown> {
  const { text, bytes } = await contentOf(flag, typed, sources)
  switch (flag.kind) {
    case 'text':
      if (flag.collection !== null && bytes === null) return sources.lookUp(flag.collection, text)
      return text
    case 'integer':
    case 'number': {
      const value = Number(text)
      const fits = flag.kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
      if (text.trim() === '' || !fits) {
        throw usage(
          `${flag.name}: must be a ${flag.kind === 'integer' ? 'whole ' : ''}number, not ${JSON.stringify(text)}`,
        )
      }
      return value
    }
    case 'boolean':
      return text === 'true'
    case 'choice': {
      const found = flag.choices.find((choice) => String(choice) === text)
      if (found === undefined) {
        throw usage(`${flag.name}: must be one of ${flag.choices.join(', ')}${meant(text, flag.choices.map(String))}`)
      }
      return found
    }
    case 'json':
      return jsonFrom(flag, text)
    default:
      return flag.kind satisfies never
  }
}

function jsonFrom(flag: Flag, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable'
    throw usage(`${flag.name}: is written as JSON, or as @FILE with JSON in it (${why})`)
  }
}

/** `@FILE` stands for what is in a file, so that secrets and certificates need not stand on a command line. */
async function contentOf(
  flag: Flag,
  typed: string,
  sources: ValueSources,
): Promise<{ text: string; bytes: Uint8Array | null }> {
  if (typed.startsWith('@@')) return { text: typed.slice(1), bytes: null }
  if (!typed.startsWith('@') || (flag.kind !== 'text' && flag.kind !== 'json')) return { text: typed, bytes: null }
  const bytes = await sources.readFile(typed.slice(1))
  if (flag.isBase64) return { text: Buffer.from(bytes).toString('base64'), bytes }
  return { text: textFrom(flag, bytes), bytes }
}

function textFrom(flag: Flag, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    // Files of one line end with a line break that nobody meant.
    return text.includes('\n', 0) && text.indexOf('\n') === text.length - 1 ? text.slice(0, -1) : text
  } catch {
    throw usage(`${flag.name}: the file is no UTF-8 text`)
  }
}
