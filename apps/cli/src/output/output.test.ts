/**
 * What reaches a terminal.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { clipped, safeText, widthOf } from './safe-text.ts'
import { cellOf, fieldLines, tableLayout } from './table.ts'
import { toJson, toJsonLine, toYaml } from './write-value.ts'

const HOSTILE = 'a\u001b[31mb\u009bc\u202ed\u0000\u007f\u2066'
const HARMLESS = /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$/

describe('text of strangers', () => {
  test('control characters and changes of direction are shown, not done', () => {
    assert.equal(safeText(HOSTILE), 'a\\u001b[31mb\\u009bc\\u202ed\\u0000\\u007f\\u2066')
  })
  test('in a table', () => assert.match(cellOf(HOSTILE) + cellOf([HOSTILE]) + cellOf({ name: HOSTILE }), HARMLESS))
  test('in names of fields', () => assert.match(fieldLines({ [HOSTILE]: HOSTILE }, 80), HARMLESS))
  for (const { form, write, read } of [
    { form: 'JSON', write: toJson, read: (text: string): unknown => JSON.parse(text) },
    { form: 'JSON lines', write: toJsonLine, read: (text: string): unknown => JSON.parse(text) },
    { form: 'YAML', write: toYaml, read: (text: string): unknown => parse(text) },
  ]) {
    test(`in ${form}, which still reads as the same`, () => {
      const value = { [HOSTILE]: [HOSTILE, 'line\nline', HOSTILE + '\n' + HOSTILE], plain: 'yes' }
      assert.match(write(value), HARMLESS)
      assert.deepEqual(read(write(value)), value)
    })
  }
})

describe('tables', () => {
  const rows = [
    {
      id: '3f0c8a52-0000-4000-8000-000000000001',
      name: 'A long name that nobody would cut if there was room',
      n: null,
    },
    { id: '3f0c8a52-0000-4000-8000-000000000002', name: '部長のiPhone', n: { deep: true } },
  ]
  test('fit the terminal, and ids stay whole', () => {
    const layout = tableLayout(['name', 'n.deep', 'id'], rows, 70)
    const text = layout.header() + layout.rows(rows)
    for (const line of text.split('\n')) assert.ok(widthOf(line) <= 70, line)
    assert.ok(text.includes('3f0c8a52-0000-4000-8000-000000000001'))
    assert.match(text, /^NAME +N DEEP +ID\n/)
    assert.match(text, /…/)
    assert.match(text, / yes /)
  })
  test('without a terminal nothing is cut', () => {
    assert.ok(tableLayout(['name'], rows, null).rows(rows).includes('if there was room'))
  })
  test('a column of wide characters is as wide as it looks', () => {
    assert.deepEqual([widthOf('部長'), widthOf('e\u0301'), clipped('部長の', 4)], [4, 1, '部…'])
  })
  test('one object is a line for each field', () => {
    const text = fieldLines({ a: 1, b: { c: 'x', d: [] }, e: [{ f: true }], g: 'one\ntwo' }, null)
    assert.equal(text, 'a       1\nb.c     x\nb.d     -\ne[0].f  yes\ng       one\n        two\n')
  })
})
