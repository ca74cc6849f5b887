/**
 * Schemas to flags.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { flagsOf, kebab } from './flags.ts'

const row = (body: object, query?: object): EndpointRow => ({
  method: 'POST',
  path: '/api/v1/things',
  summary: 'Add a thing',
  access: 'signed-in',
  body,
  ...(query === undefined ? {} : { query }),
  reply: null,
  failures: [],
})
const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required })

describe('flags of a schema', () => {
  const kinds = [
    { title: 'text', schema: { type: 'string' }, kind: 'text', repeats: false, nullable: false },
    { title: 'whole number', schema: { type: 'integer' }, kind: 'integer', repeats: false, nullable: false },
    { title: 'one of a few', schema: { enum: ['a', 1] }, kind: 'choice', repeats: false, nullable: false },
    { title: 'always true', schema: { const: true }, kind: 'boolean', repeats: false, nullable: false },
    {
      title: 'text or null',
      schema: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      kind: 'text',
      repeats: false,
      nullable: true,
    },
    {
      title: 'list of texts',
      schema: { type: 'array', items: { type: 'string' } },
      kind: 'text',
      repeats: true,
      nullable: false,
    },
    {
      title: 'list of objects',
      schema: { type: 'array', items: object({ a: {} }) },
      kind: 'json',
      repeats: true,
      nullable: false,
    },
    {
      title: 'free members',
      schema: { type: 'object', patternProperties: {} },
      kind: 'json',
      repeats: false,
      nullable: false,
    },
    {
      title: 'text or number',
      schema: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
      kind: 'json',
      repeats: false,
      nullable: false,
    },
    { title: 'anything', schema: {}, kind: 'json', repeats: false, nullable: false },
  ] as const
  for (const { title, schema, kind, repeats, nullable } of kinds) {
    test(title, () => {
      const [flag] = flagsOf(row(object({ x: schema })))
      assert.deepEqual([flag?.kind, flag?.repeats, flag?.nullable], [kind, repeats, nullable])
    })
  }

  test('a member needs to be given only when all above it do', () => {
    const inner = object({ b: { type: 'string' } }, ['b'])
    const flags = flagsOf(row(object({ must: inner, may: inner }, ['must'])))
    assert.deepEqual(
      flags.map(({ name, required }) => [name, required]),
      [
        ['must.b', true],
        ['may.b', false],
      ],
    )
  })

  test('members of alternatives are flags, and needed only where each needs them', () => {
    const one = object({ a: { type: 'string' }, c: { type: 'string' } }, ['a', 'c'])
    const other = object({ b: { type: 'string' }, c: { type: 'string' } }, ['b', 'c'])
    const flags = flagsOf(row({ anyOf: [one, other] }))
    assert.deepEqual(
      flags.map(({ name, required }) => [name, required]),
      [
        ['a', false],
        ['c', true],
        ['b', false],
      ],
    )
  })

  test('members called as an option of ours give way to it', () => {
    const flags = flagsOf(
      row(object({ url: { type: 'string' }, search: { type: 'string' } }), object({ search: { type: 'string' } })),
    )
    assert.deepEqual(
      flags.map(({ name, place }) => [name, place]),
      [
        ['search', 'query'],
        ['field-url', 'body'],
        ['field-search', 'body'],
      ],
    )
  })

  test('paging is the list verb’s own', () => {
    assert.deepEqual(flagsOf(row(object({}), object({ limit: { type: 'integer' }, cursor: { type: 'string' } }))), [])
  })

  const names = [
    ['sentryProfileId', 'sentry-profile-id'],
    ['useOAuth', 'use-oauth'],
    ['oauthSignInUrl', 'oauth-sign-in-url'],
    ['caPem', 'ca-pem'],
    ['osVersion', 'os-version'],
  ] as const
  for (const [member, name] of names) test(`${member} is --${name}`, () => assert.equal(kebab(member), name))
})
