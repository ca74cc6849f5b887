/**
 * Documents that must not be applied, each with the line that is wrong.
 * @module
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { DECLARATION_ALIASES, DECLARATION_BYTES } from '@postern/contract/api/declaration'
import { differencesOf } from './difference.ts'
import { readDocument } from './read-document.ts'

const read = (text: string) => readDocument('postern.yaml', Buffer.from(text))
const bomb = Array.from({ length: 9 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}]`)

describe('postern.yaml', () => {
  const refused = [
    { title: 'no schema', text: 'labels: {}\n', message: /^postern\.yaml:1: .*lacks "schema"/ },
    { title: 'a later schema', text: 'schema: 2\n', message: /^postern\.yaml:1: schema: must be 1$/ },
    { title: 'broken YAML', text: 'schema: 1\nlabels: {\n', message: /^postern\.yaml:3: / },
    { title: 'a name twice', text: 'schema: 1\nlabels:\n  a: {}\n  a: {}\n', message: /^postern\.yaml:4: .*unique/ },
    {
      title: 'a mistyped section',
      text: 'schema: 1\nlable: {}\n',
      message: /has no field "lable"; take it out or mend its spelling; did you mean labels\?/,
    },
    {
      title: 'a mistyped member, at its line',
      text: 'schema: 1\nlabels:\n  ok: {}\n  a.b:\n    fliter: x\n',
      message:
        'postern.yaml:4: labels.a.b: has no field "fliter"; take it out or mend its spelling; did you mean filter?',
    },
    {
      title: 'a wrong value inside of a list',
      text: "schema: 1\nroles:\n  a:\n    permissions:\n      - 'sentry:view'\n      - everything\n",
      message: /^postern\.yaml:6: roles\.a\.permissions\[1\]: must be one of /,
    },
    {
      title: 'an id in the place of a name',
      text: 'schema: 1\nsentryProfiles:\n  a: { tls: { certificateId: x } }\n',
      message: /has no field "certificateId"/,
    },
    {
      title: 'a private key in the document',
      text: 'schema: 1\ncertificates:\n  a: { privateKeyPem: x }\n',
      message: /has no field "privateKeyPem"/,
    },
    { title: 'a list', text: '[1]\n', message: /^postern\.yaml:1: / },
    { title: 'nothing', text: '', message: /^postern\.yaml/ },
    {
      title: 'aliases that unfold to a world',
      text: `a0: &a0 x\n${bomb.join('\n')}\nschema: 1\n`,
      message: /its aliases unfold too far/,
    },
    { title: 'more than is allowed', text: `#${' '.repeat(DECLARATION_BYTES)}`, message: /bytes; 4194304 are allowed/ },
    { title: 'two documents', text: 'schema: 1\n---\nschema: 1\n', message: /^postern\.yaml:\d: / },
  ]
  for (const { title, text, message } of refused) {
    test(`refuses ${title}`, () => assert.throws(() => read(text), { fault: 'usage', message }))
  }

  test('refuses bytes that are no text', () => {
    assert.throws(() => readDocument('x', Buffer.from([0xff])), { message: 'x: is no UTF-8 text' })
  })

  test('a name is never a member of every object', () => {
    const { declaration } = read('schema: 1\nlabels:\n  constructor: {}\n')
    assert.deepEqual(Object.keys(declaration.labels ?? {}), ['constructor'])
  })

  test('takes a few aliases', () => {
    const names = Array.from({ length: 20 }, (_, index) => `  l${index}: *x`)
    assert.ok(names.length < DECLARATION_ALIASES)
    const { declaration } = read(`schema: 1\nlabels:\n  first: &x { description: same }\n${names.join('\n')}\n`)
    assert.equal(declaration.labels?.['l19']?.description, 'same')
  })

  test('the example of docs/cli.md is one', async () => {
    const page = await readFile(new URL('../../../../docs/cli.md', import.meta.url), 'utf8')
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    assert.deepEqual(Object.keys(read(example).declaration.sentryProfiles ?? {}), ['Office 365'])
  })

  test('problems found later are told with their lines too', () => {
    const document = read('schema: 1\nlabels:\n  a.b: {}\n  a: { filter: x }\n')
    const problems = [{ path: 'labels.a.filter', message: 'is wrong' }]
    assert.equal(document.refusal(problems).message, 'postern.yaml:4: labels.a.filter: is wrong')
  })
})

describe('differences', () => {
  const cases = [
    { title: 'none', before: { a: [1, { b: 2 }] }, after: { a: [1, { b: 2 }] }, found: [] },
    { title: 'order of members', before: { a: 1, b: 2 }, after: { b: 2, a: 1 }, found: [] },
    { title: 'a member inside', before: { a: { b: 1, c: 1 } }, after: { a: { b: 2, c: 1 } }, found: [['a.b', 1, 2]] },
    { title: 'a list is one member', before: { a: [1, 2] }, after: { a: [2, 1] }, found: [['a', [1, 2], [2, 1]]] },
    {
      title: 'members that come and go',
      before: { a: 1 },
      after: { b: 1 },
      found: [
        ['b', undefined, 1],
        ['a', 1, undefined],
      ],
    },
    { title: 'null is not absent', before: {}, after: { a: null }, found: [['a', undefined, null]] },
  ]
  for (const { title, before, after, found } of cases) {
    test(title, () => {
      assert.deepEqual(
        differencesOf(before, after).map((one) => [one.path, one.before, one.after]),
        found,
      )
    })
  }
})
