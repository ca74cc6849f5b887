/**
 * Command lines, above all those that must not be taken.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { meant, nearest } from './nearest.ts'
import { type OptionSpec, parseOptions } from './parse-options.ts'

const SPECS = new Map<string, OptionSpec>([
  ['name', { takes: 'value', repeats: false }],
  ['label', { takes: 'value', repeats: true }],
  ['enabled', { takes: 'boolean', repeats: false }],
  ['all', { takes: 'switch', repeats: false }],
  ['output', { takes: 'value', repeats: false }],
])

describe('parseOptions', () => {
  const refused = [
    { args: ['--nmae', 'x'], message: '--nmae is no flag of this command; did you mean name?' },
    { args: ['--name'], message: '--name needs a value' },
    { args: ['--name', 'a', '--name', 'b'], message: '--name stands twice; give it once' },
    { args: ['--all=true'], message: '--all takes no value' },
    { args: ['--enabled=yes'], message: 'enabled: must be true or false' },
    { args: ['--no-name'], message: /--no-name is no flag/ },
    { args: ['--no-all'], message: /--no-all is no flag/ },
    { args: ['-x'], message: /--x is no flag/ },
    { args: ['--__proto__', 'x'], message: /is no flag/ },
  ]
  for (const { args, message } of refused) {
    test(`refuses ${args.join(' ')}`, () => assert.throws(() => parseOptions(args, SPECS), { fault: 'usage', message }))
  }

  const taken = [
    { args: ['a', '--name', 'x', 'b'], positionals: ['a', 'b'], values: { name: ['x'] } },
    { args: ['--name=--all'], positionals: [], values: { name: ['--all'] } },
    { args: ['--name', '--all'], positionals: [], values: { name: ['--all'] } },
    { args: ['--label', 'a', '--label', 'b'], positionals: [], values: { label: ['a', 'b'] } },
    { args: ['--enabled', 'x'], positionals: ['x'], values: { enabled: ['true'] } },
    { args: ['--enabled', 'false'], positionals: [], values: { enabled: ['false'] } },
    { args: ['--no-enabled'], positionals: [], values: { enabled: ['false'] } },
    { args: ['-o', 'json', '--', '--name'], positionals: ['--name'], values: { output: ['json'] } },
  ]
  for (const { args, positionals, values } of taken) {
    test(`takes ${args.join(' ')}`, () => {
      const options = parseOptions(args, SPECS)
      assert.deepEqual([options.positionals, Object.fromEntries(options.values)], [positionals, values])
    })
  }
})

describe('nearest', () => {
  test('nothing is offered for what is far', () => assert.equal(nearest('zebra', ['label', 'role']), null))
  test('the nearest is offered', () => assert.equal(meant('lable', ['role', 'label']), '; did you mean label?'))
})
