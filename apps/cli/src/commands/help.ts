/**
 * Help, written from the table.
 * @module
 */
import { PERMISSIONS } from '@postern/contract/api/permissions'
import type { HandVerb } from '../verbs/hand-verb.ts'
import { type OwnOption, ownOptions } from './command-options.ts'
import { type Command, nounsOf } from './command-table.ts'
import type { Flag } from './flags.ts'

/** All commands. */
export function topHelp(commands: readonly Command[], verbs: readonly HandVerb[]): string {
  const nouns = nounsOf(commands).map((noun): [string, string] => [
    noun,
    commands
      .filter((command) => command.noun === noun)
      .map(({ verb }) => verb)
      .join(', '),
  ])
  return [
    'postern: everything that the console can do, for the shell\n',
    `postern VERB [options]\n${columns(verbs.map(({ name, summary }) => [name, summary]))}`,
    `postern NOUN VERB [NAME or ID] [--field value] [options]\n${columns(nouns)}`,
    'More: postern NOUN --help, postern NOUN VERB --help\n',
    'Exit codes: 0 done, 1 refused by Core, 2 wrong command line, 3 Core cannot be reached, 4 not signed in\n',
  ].join('\n')
}

/** The verbs of one noun. */
export function nounHelp(noun: string, commands: readonly Command[]): string {
  const rows = commands.map((command): [string, string] => [
    usageLine(command).replace(`postern ${noun} `, ''),
    command.row.summary,
  ])
  return `postern ${noun} VERB\n${columns(rows)}`
}

/** One command: what it does, its fields, its options. */
export function commandHelp(command: Command): string {
  const { row, flags } = command
  const required = flags.filter((flag) => flag.required)
  const others = flags.filter((flag) => !flag.required)
  return [
    `${usageLine(command)}\n${row.summary}.\n${accessText(command)}`,
    ...(required.length === 0
      ? []
      : [`Fields that must be given${isEdit(command) ? ' or be there' : ''}\n${columns(required.map(fieldRow))}`]),
    ...(others.length === 0 ? [] : [`Fields\n${columns(others.map(fieldRow))}`]),
    ...(flags.some(({ kind, place }) => place === 'body' && (kind === 'text' || kind === 'json'))
      ? ['A value @FILE stands for what is in the file; @@ for one @.\n']
      : []),
    `Options\n${columns(ownOptions(command).map(optionRow))}`,
  ].join('\n')
}

/** One hand-written verb. */
export function handVerbHelp({ name, summary, positionals, options }: HandVerb): string {
  const line = ['postern', name, ...positionals, '[options]'].join(' ')
  return `${line}\n${summary}.\n\nOptions\n${columns(options.map(optionRow))}`
}

/** `postern label set LABEL [--field value]`. */
function usageLine({ noun, verb, positionals, flags }: Command): string {
  const words = ['postern', noun, verb, ...positionals.map(({ label }) => label)]
  return [...words, ...(flags.length === 0 ? [] : ['[--field value]'])].join(' ')
}

function isEdit({ row }: Command): boolean {
  return row.method === 'PUT' || row.method === 'PATCH'
}

function accessText({ row }: Command): string {
  const { access } = row
  if (access === 'anonymous' || access === 'signed-in') return row.stepUp === true ? `${PROOF}\n` : ''
  const proof = row.stepUp === true || PERMISSIONS[access].stepUp ? ` ${PROOF}` : ''
  return `Needs the permission ${access}.${proof}\n`
}

const PROOF = 'Asks for fresh proof of identity (--code).'

function fieldRow(flag: Flag): [string, string] {
  const repeats = flag.repeats ? ' …' : ''
  const value = flag.kind === 'boolean' ? '' : ` ${valueName(flag)}${repeats}`
  const title = flag.title === '' ? '' : `${flag.title}. `
  const description = flag.description === '' ? '' : `${flag.description.replace(/\.?$/, '.')} `
  const choices = flag.choices.length === 0 ? '' : `One of ${flag.choices.join(', ')}. `
  const names = flag.collection === null ? '' : 'A name or an id. '
  return [`--${flag.name}${value}`, `${title}${description}${choices}${names}`.trim()]
}

function valueName(flag: Flag): string {
  switch (flag.kind) {
    case 'integer':
    case 'number':
      return 'N'
    case 'json':
      return 'JSON'
    case 'choice':
      return 'CHOICE'
    case 'text':
      return flag.collection === null ? 'TEXT' : 'NAME'
    case 'boolean':
      return ''
    default:
      return flag.kind satisfies never
  }
}

function optionRow({ name, value, text }: OwnOption): [string, string] {
  const short = name === 'output' ? '-o, ' : name === 'help' ? '-h, ' : name === 'file' ? '-f, ' : ''
  return [`${short}--${name}${value === '' ? '' : ` ${value}`}`, text]
}

/** Columns of help: where the text begins, and where lines are broken. */
const TEXT_AT = 34
const LINE = 100

function columns(rows: readonly (readonly [string, string])[]): string {
  const widest = Math.min(TEXT_AT, Math.max(...rows.map(([name]) => name.length)) + 4)
  return rows
    .map(([name, text]) => {
      const parts = broken(text, LINE - widest)
      const head = `  ${name}`
      const first = head.length < widest ? head.padEnd(widest) + (parts.shift() ?? '') : head
      return [first, ...parts.map((part) => ' '.repeat(widest) + part)].map((line) => `${line.trimEnd()}\n`).join('')
    })
    .join('')
}

function broken(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').filter((one) => one !== '')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
