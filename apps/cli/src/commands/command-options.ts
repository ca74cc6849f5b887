/**
 * Which options a command takes beside its fields.
 * @module
 */
import type { Command } from './command-table.ts'
import type { OptionSpec } from './parse-options.ts'

/** An option that is no field, for help and completion. */
export interface OwnOption extends OptionSpec {
  readonly name: string
  readonly value: string
  readonly text: string
  readonly choices: readonly string[]
}

/** Forms of output. */
export const OUTPUTS = ['table', 'json', 'jsonl', 'yaml'] as const
/** One of them. */
export type OutputForm = (typeof OUTPUTS)[number]

const option = (name: string, value: string, text: string, more: Partial<OwnOption> = {}): OwnOption => ({
  takes: value === '' ? 'switch' : 'value',
  repeats: false,
  choices: [],
  name,
  value,
  text,
  ...more,
})

const HELP = option('help', '', 'this text')
/** Options that say which Core, and as whom. */
export const CONNECTION_OPTIONS: readonly OwnOption[] = [
  option('url', 'URL', 'address of Core; before POSTERN_URL and what postern login kept'),
  option('ca', 'FILE', 'authority of its certificate (PEM), instead of those of the system'),
  option('code', 'CODE', 'six digits of your authenticator, for what asks for fresh proof of identity'),
  HELP,
]
/** How the answer is written. */
export const OUTPUT_OPTION = option('output', 'FORM', `${OUTPUTS.join(', ')}; default table`, { choices: OUTPUTS })

/** Options of a command derived from the table, without its fields. */
export function ownOptions(command: Command): readonly OwnOption[] {
  const { row, isList } = command
  const found: OwnOption[] = []
  if (isList) found.push(option('limit', 'N', 'rows at most; default 50'), option('all', '', 'all rows'))
  if (row.bodyMedia !== undefined)
    found.push(option('body', 'FILE', `what to send (${row.bodyMedia}); - is standard input`))
  else if (row.body !== undefined) {
    found.push(
      option('body', 'FILE', 'the whole body as JSON or YAML, - is standard input; fields go over it'),
      option('unset', 'FIELD', 'empties a field', { repeats: true }),
    )
  }
  if (row.ifMatch === 'required') found.push(option('if-match', 'V', 'change this version only; else the present one'))
  if (row.reply === 'stream') found.push(option('out', 'FILE', 'write to a file that only you can read'))
  else found.push(OUTPUT_OPTION)
  return [...found, ...CONNECTION_OPTIONS]
}

/** All options of a command for the parser. */
export function specsOf(command: Command): ReadonlyMap<string, OptionSpec> {
  const fields = command.flags.map(({ name, kind, repeats }): [string, OptionSpec] => [
    name,
    { takes: kind === 'boolean' && !repeats ? 'boolean' : 'value', repeats },
  ])
  return new Map([...fields, ...specsFrom(ownOptions(command))])
}

/** The same for options of hand-written verbs. */
export function specsFrom(options: readonly OwnOption[]): Map<string, OptionSpec> {
  return new Map(options.map(({ name, takes, repeats }) => [name, { takes, repeats }]))
}

/** An option of a hand-written verb. `value` empty: a switch. */
export { option as ownOption }
