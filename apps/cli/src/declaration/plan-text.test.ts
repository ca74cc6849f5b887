/**
 * Plans as people read them.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOf } from './all-kinds.ts'
import { stepText, summaryText } from './plan-text.ts'
import type { Step } from './plan.ts'

const step = (action: Step['action'], differences: Step['differences'] = []): Step => ({
  kind: kindOf('labels'),
  name: 'a\u001bb',
  action,
  differences,
  run: async () => undefined,
})

test('a change shows each member before and after, and only what comes and goes of a list', () => {
  const text = stepText(
    step('change', [
      { path: 'filter', before: null, after: 'x' },
      { path: 'labels', before: ['a', 'b'], after: ['b', 'c'] },
      { path: 'order', before: [1, 2], after: [2, 1] },
      { path: 'new', before: undefined, after: { a: '\u009b' } },
    ]),
  )
  assert.equal(
    text,
    [
      '~ change label "a\\u001bb"',
      '    filter: null → "x"',
      '    labels: - "a"',
      '    labels: + "c"',
      '    order: in another order',
      '    new: (none) → {"a":"\\u009b"}',
      '',
    ].join('\n'),
  )
})

test('a value is shown to 200 characters', () => {
  const [, line = ''] = stepText(step('change', [{ path: 'x', before: 1, after: 'y'.repeat(500) }])).split('\n')
  assert.equal(line.length, '    x: 1 → '.length + 201)
})

test('what is unchanged is counted, not listed', () => {
  assert.equal(stepText(step('unchanged')), '')
  const steps = [step('create'), step('change'), step('remove'), step('unchanged'), step('unchanged')]
  assert.equal(summaryText(steps), '1 to create, 1 to change, 1 to remove, 2 unchanged\n')
})
