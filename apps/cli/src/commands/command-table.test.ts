/**
 * Commands over the whole table: a new endpoint is a command that works, or this fails.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { HAND_VERBS } from '../verbs/all-verbs.ts'
import { specsOf } from './command-options.ts'
import { type Command, commandsOf, nounsOf, readerOf } from './command-table.ts'
import { bodyOf, fieldValues, queryOf } from './field-values.ts'
import type { Flag } from './flags.ts'
import { commandHelp } from './help.ts'
import { parseOptions } from './parse-options.ts'
import { at, member } from '../json.ts'
import { shapeOf } from './shape.ts'

const COMMANDS = commandsOf(ENDPOINTS)
const NONE = { readFile: async () => new Uint8Array(), lookUp: async (_: string, name: string) => `id of ${name}` }

describe('commands of the whole table', () => {
  test('every row with a name for the CLI is a command, and no two have the same', () => {
    const named = Object.values(ENDPOINTS).filter((row) => 'cli' in row)
    assert.equal(COMMANDS.length, named.length)
    const names = COMMANDS.map(({ noun, verb }) => `${noun} ${verb}`)
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    )
    assert.ok(COMMANDS.length > 80)
  })

  test('no verb of a noun is hidden by a verb of several calls', () => {
    const nouns = new Set(nounsOf(COMMANDS))
    const both = HAND_VERBS.filter(({ name }) => nouns.has(name))
    assert.deepEqual(
      both.filter(({ positionals }) => positionals.length > 0).map(({ name }) => name),
      [],
    )
  })

  test('words and flags are unique and plain', () => {
    for (const { noun, verb, flags } of COMMANDS) {
      assert.match(`${noun} ${verb}`, /^[a-z]+(-[a-z]+)* [a-z]+(-[a-z]+)*$/)
      const names = flags.map(({ name }) => name)
      assert.deepEqual(
        names.filter((name, index) => names.indexOf(name) !== index),
        [],
        `${noun} ${verb}`,
      )
      for (const name of names) assert.match(name, /^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/)
    }
  })

  test('every flag of every command is taken, and fills its own member', async () => {
    for (const command of COMMANDS) {
      for (const flag of command.flags) {
        const options = parseOptions(wordsFor(flag), specsOf(command))
        const values = await fieldValues(command, options, NONE)
        assert.deepEqual(
          values.map((one) => one.flag),
          [flag],
        )
        const filled =
          flag.place === 'query'
            ? queryOf(values).get(flag.path[0] ?? '')
            : at(bodyOf(command, {}, values, []), flag.path)
        assert.notEqual(filled, undefined, `${command.endpoint} --${flag.name}`)
      }
    }
  })

  test('every edit knows how to read what it changes', () => {
    const blind = COMMANDS.filter(({ row }) => row.ifMatch === 'required' && readerOf(ENDPOINTS, row) === null)
    assert.deepEqual(
      blind.map(({ endpoint }) => endpoint),
      [],
    )
  })

  test('every list says what its columns are, and its columns stand in its rows', () => {
    for (const { endpoint, row, columns } of COMMANDS.filter(({ isList }) => isList)) {
      assert.ok(columns, endpoint)
      const item = member(shapeOf(row.reply).members.get('items')?.schema, 'items')
      for (const column of columns) assert.ok(hasMember(item, column.split('.')), `${endpoint}: ${column}`)
    }
  })

  test('names are looked up in lists that there are', () => {
    const paths = new Set<string>(Object.values(ENDPOINTS).map(({ path }) => path))
    const collections = COMMANDS.flatMap(({ flags, positionals }) =>
      [...flags, ...positionals].map((one) => one.collection),
    )
    assert.deepEqual(
      [...new Set(collections)].filter((path) => path !== null && !paths.has(path)),
      [],
    )
  })

  test('help of every command names every flag', () => {
    for (const command of COMMANDS) {
      const text = commandHelp(command)
      for (const { name } of command.flags) assert.ok(text.includes(`--${name}`), `${command.endpoint} --${name}`)
      for (const line of text.split('\n')) assert.ok(line.length <= 140, line)
    }
  })

  test('the procedure can be typed: the fields of its form are flags of one command', () => {
    const { flags } = commandOf('createSentryProfile')
    for (const name of [
      'server-authentication.pass-through-with-oauth',
      'server-authentication.destination-resource',
    ]) {
      assert.ok(
        flags.some((flag) => flag.name === name && flag.path[0] === 'settings'),
        name,
      )
    }
    assert.equal(flags.find(({ name }) => name === 'tls.certificate-id')?.collection, '/api/v1/certificates')
  })
})

function commandOf(endpoint: string): Command {
  const found = COMMANDS.find((command) => command.endpoint === endpoint)
  assert.ok(found)
  return found
}

function wordsFor(flag: Flag): string[] {
  switch (flag.kind) {
    case 'boolean':
      return [`--${flag.name}`]
    case 'choice':
      return [`--${flag.name}`, String(flag.choices[0])]
    case 'integer':
    case 'number':
      return [`--${flag.name}`, '7']
    case 'json':
      return [`--${flag.name}`, '{"a":1}']
    case 'text':
      return [`--${flag.name}`, 'x']
    default:
      return flag.kind satisfies never
  }
}

function hasMember(schema: unknown, path: readonly string[]): boolean {
  const [first, ...rest] = path
  if (first === undefined) return true
  const inner = shapeOf(schema).members.get(first)
  return inner !== undefined && hasMember(inner.schema, rest)
}
