/**
 * Words to members of a request.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { usage } from '../exits.ts'
import { specsOf } from './command-options.ts'
import { type Command, commandsOf } from './command-table.ts'
import { bodyOf, fieldValues } from './field-values.ts'
import { parseOptions } from './parse-options.ts'

const text = { type: 'string' }
const ROW: EndpointRow = {
  method: 'POST',
  path: '/api/v1/things',
  summary: 'Add a thing',
  access: 'signed-in',
  body: {
    type: 'object',
    properties: {
      name: text,
      size: { type: 'integer' },
      kind: { enum: ['big', 'small', 7] },
      tags: { type: 'array', items: text },
      pairs: { type: 'array', items: { type: 'object', properties: {} } },
      pkcs12: text,
      nested: { type: 'object', properties: { note: { anyOf: [text, { type: 'null' }] }, on: { type: 'boolean' } } },
    },
  },
  reply: null,
  cli: { noun: 'thing', verb: 'add' },
  failures: [],
}
const FILES: Readonly<Record<string, Uint8Array>> = {
  'a.pem': Buffer.from('one\ntwo\n'),
  password: Buffer.from('secret\n'),
  binary: Buffer.from([0xff, 0xfe]),
}

async function bodyFor(...args: string[]): Promise<unknown> {
  const [command] = commandsOf({ addThing: ROW })
  const found = command as Command // the table above has one row
  const options = parseOptions(args, specsOf(found))
  const readFile = async (name: string): Promise<Uint8Array> => {
    const bytes = FILES[name]
    if (bytes === undefined) throw usage(`${name}: cannot be read`)
    return bytes
  }
  const values = await fieldValues(found, options, { readFile, lookUp: async (_, name) => name })
  return bodyOf(found, { old: 1 }, values, options.values.get('unset') ?? [])
}

describe('values of fields', () => {
  const refused = [
    { args: ['--size', '1.5'], message: 'size: must be a whole number, not "1.5"' },
    { args: ['--size', ''], message: /must be a whole number/ },
    { args: ['--size', '9007199254740993'], message: /must be a whole number/ },
    { args: ['--kind', 'bog'], message: 'kind: must be one of big, small, 7; did you mean big?' },
    { args: ['--pairs', '{'], message: /^pairs: is written as JSON/ },
    { args: ['--name', '@missing'], message: 'missing: cannot be read' },
    { args: ['--name', '@binary'], message: 'name: the file is no UTF-8 text' },
    { args: ['--unset', 'nmae'], message: 'unset: nmae is no field; did you mean name?' },
  ]
  for (const { args, message } of refused) {
    test(`refuses ${args.join(' ')}`, () => assert.rejects(bodyFor(...args), { fault: 'usage', message }))
  }

  const taken = [
    { args: ['--name', '007', '--size', '-3'], body: { old: 1, name: '007', size: -3 } },
    { args: ['--kind', '7'], body: { old: 1, kind: 7 } },
    { args: ['--tags', 'a', '--tags', 'b'], body: { old: 1, tags: ['a', 'b'] } },
    { args: ['--pairs', '{"a":1}', '--pairs', '{}'], body: { old: 1, pairs: [{ a: 1 }, {}] } },
    { args: ['--pairs', '[{"a":1}]'], body: { old: 1, pairs: [{ a: 1 }] } },
    { args: ['--nested.on', '--nested.note', 'x'], body: { old: 1, nested: { note: 'x', on: true } } },
    { args: ['--name', '@a.pem'], body: { old: 1, name: 'one\ntwo\n' } },
    { args: ['--name', '@password'], body: { old: 1, name: 'secret' } },
    { args: ['--name', '@@a'], body: { old: 1, name: '@a' } },
    { args: ['--pkcs12', '@binary'], body: { old: 1, pkcs12: '//4=' } },
    { args: ['--unset', 'tags', '--unset', 'nested.note'], body: { old: 1, tags: [], nested: { note: null } } },
    { args: ['--unset', 'nested'], body: { old: 1, nested: null } },
  ]
  for (const { args, body } of taken) {
    test(`takes ${args.join(' ')}`, async () => assert.deepEqual(await bodyFor(...args), body))
  }
})
