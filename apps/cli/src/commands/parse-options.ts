/**
 * Command line to options: strict, so that a mistyped flag never does something else.
 * @module
 */
import { usage } from '../exits.ts'
import { meant } from './nearest.ts'

/** An option. `switch`: there or not. `boolean`: `--x`, `--no-x`, `--x=false`. */
export interface OptionSpec {
  readonly takes: 'value' | 'switch' | 'boolean'
  readonly repeats: boolean
}

/** What stood on the command line. */
export interface Options {
  readonly positionals: readonly string[]
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** Letters for options. */
const SHORT: Readonly<Record<string, string>> = { h: 'help', o: 'output', f: 'file' }

/** @throws CliError usage: unknown, repeated or without its value */
export function parseOptions(args: readonly string[], specs: ReadonlyMap<string, OptionSpec>): Options {
  const positionals: string[] = []
  const values = new Map<string, string[]>()
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      positionals.push(...rest.splice(0))
    } else if (word.startsWith('--') || /^-[a-z]$/.test(word)) {
      const { name, value, spec } = optionOf(word, rest, specs)
      const before = values.get(name) ?? []
      if (before.length > 0 && !spec.repeats) throw usage(`--${name} stands twice; give it once`)
      values.set(name, [...before, value])
    } else positionals.push(word)
  }
  return { positionals, values }
}

/** The only value of an option; null when it was not given. */
export function valueOf(options: Options, name: string): string | null {
  return options.values.get(name)?.[0] ?? null
}

function optionOf(
  word: string,
  rest: string[],
  specs: ReadonlyMap<string, OptionSpec>,
): { name: string; value: string; spec: OptionSpec } {
  const [, letter] = /^-([a-z])$/.exec(word) ?? []
  const text = letter === undefined ? word.slice(2) : (SHORT[letter] ?? letter)
  const equals = text.indexOf('=')
  const typed = equals < 0 ? text : text.slice(0, equals)
  const given = equals < 0 ? null : text.slice(equals + 1)
  const spec = specs.get(typed)
  if (spec === undefined) return negated(typed, given, specs)
  switch (spec.takes) {
    case 'switch':
      if (given !== null) throw usage(`--${typed} takes no value`)
      return { name: typed, value: 'true', spec }
    case 'boolean':
      return { name: typed, value: truth(typed, given ?? boolAhead(rest)), spec }
    case 'value': {
      const value = given ?? rest.shift()
      if (value === undefined) throw usage(`--${typed} needs a value`)
      return { name: typed, value, spec }
    }
    default:
      return spec.takes satisfies never
  }
}

function negated(
  typed: string,
  given: string | null,
  specs: ReadonlyMap<string, OptionSpec>,
): { name: string; value: string; spec: OptionSpec } {
  const name = typed.replace(/^no-/, '')
  const spec = specs.get(name)
  if (name !== typed && spec?.takes === 'boolean' && given === null) return { name, value: 'false', spec }
  throw usage(`--${typed} is no flag of this command${meant(typed, specs.keys())}`)
}

function boolAhead(rest: string[]): string {
  return rest[0] === 'true' || rest[0] === 'false' ? (rest.shift() ?? 'true') : 'true'
}

function truth(name: string, text: string): string {
  if (text !== 'true' && text !== 'false') throw usage(`${name}: must be true or false`)
  return text
}
