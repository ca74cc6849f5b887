/**
 * What a JSON schema of the contract asks for, as far as a command line can say it.
 * @module
 */
import { Id } from '@postern/contract/api/common'
import { isJson, type Json, listOf, member, textOf } from '../json.ts'

/** A value as a command line writes it. `json`: too deep for flags, written as JSON. */
export type Kind = 'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'json' | 'object'

/** What a schema asks for. */
export interface Shape {
  readonly kind: Kind
  /** Null is a value of it. */
  readonly nullable: boolean
  /** A list; `kind` is that of its items. */
  readonly repeats: boolean
  /** Values of a `choice`. */
  readonly choices: readonly (string | number | boolean)[]
  /** Members of an `object`, with whether each must be there. */
  readonly members: ReadonlyMap<string, { readonly schema: unknown; readonly required: boolean }>
  /** Text that is the id of something. */
  readonly isId: boolean
  /** Text that is base64 of bytes. */
  readonly isBase64: boolean
  readonly title: string
  readonly description: string
}

const ID_PATTERN = member(Id, 'pattern')

const PLAIN: Omit<Shape, 'kind' | 'title' | 'description'> = {
  nullable: false,
  repeats: false,
  choices: [],
  members: new Map(),
  isId: false,
  isBase64: false,
}

/** The shape of a schema. Total: what it cannot read is `json`. */
export function shapeOf(schema: unknown): Shape {
  const notes = { title: textOf(schema, 'title'), description: textOf(schema, 'description') }
  const alternatives = listOf(schema, 'anyOf')
  if (alternatives.length > 0) return { ...unionShape(alternatives), ...filled(notes, unionShape(alternatives)) }
  if (member(schema, 'type') === 'array') {
    const item = shapeOf(member(schema, 'items'))
    const kind = item.kind === 'object' || item.repeats || item.nullable ? 'json' : item.kind
    return { ...item, ...filled(notes, item), kind, members: new Map(), repeats: true }
  }
  return { ...PLAIN, ...notes, ...plainShape(schema) }
}

/** Notes of the outer schema go before those of the inner one. */
function filled(notes: { title: string; description: string }, inner: Shape): { title: string; description: string } {
  return { title: notes.title || inner.title, description: notes.description || inner.description }
}

function plainShape(schema: unknown): Partial<Shape> & { readonly kind: Kind } {
  const choices = [...listOf(schema, 'enum'), ...(isJson(schema) && 'const' in schema ? [schema['const']] : [])].filter(
    (value) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
  )
  if (choices.length > 0) {
    return choices.every((value) => typeof value === 'boolean') ? { kind: 'boolean' } : { kind: 'choice', choices }
  }
  switch (member(schema, 'type')) {
    case 'string': {
      const isBase64 = member(schema, 'contentEncoding') === 'base64'
      return { kind: 'text', isId: member(schema, 'pattern') === ID_PATTERN, isBase64 }
    }
    case 'integer':
      return { kind: 'integer' }
    case 'number':
      return { kind: 'number' }
    case 'boolean':
      return { kind: 'boolean' }
    case 'object':
      return isJson(schema) && isJson(schema['properties'])
        ? { kind: 'object', members: membersOf(schema, schema['properties']) }
        : { kind: 'json' }
    default:
      return { kind: 'json' }
  }
}

function membersOf(schema: Json, properties: Json): Shape['members'] {
  const required = new Set(listOf(schema, 'required'))
  return new Map(
    Object.entries(properties).map(([name, inner]) => [name, { schema: inner, required: required.has(name) }]),
  )
}

/** Objects are merged: Core says which members go together. */
function unionShape(alternatives: readonly unknown[]): Shape {
  const nullable = alternatives.some((one) => member(one, 'type') === 'null')
  const known = alternatives.filter((one) => member(one, 'type') !== 'null')
  // An object of any members beside a described one: the description is what people are told.
  const described = known.filter((one) => member(one, 'type') !== 'object' || isJson(member(one, 'properties')))
  const shapes = (described.length > 0 ? described : known).map(shapeOf)
  const [first] = shapes
  if (first === undefined) return { ...PLAIN, kind: 'json', title: '', description: '', nullable }
  if (shapes.length === 1) return { ...first, nullable: nullable || first.nullable }
  if (shapes.every(({ kind, repeats }) => kind === 'object' && !repeats)) {
    return { ...first, nullable, title: '', description: '', members: mergedMembers(shapes) }
  }
  if (shapes.every(({ kind, repeats }) => kind === 'choice' && !repeats)) {
    return { ...first, nullable, choices: shapes.flatMap(({ choices }) => choices) }
  }
  return { ...PLAIN, kind: 'json', title: '', description: '', nullable }
}

function mergedMembers(shapes: readonly Shape[]): Shape['members'] {
  const merged = new Map<string, { readonly schema: unknown; readonly required: boolean }>()
  for (const { members } of shapes) {
    for (const [name, inner] of members) {
      const before = merged.get(name)
      const everywhere = inner.required && shapes.every((shape) => shape.members.get(name)?.required === true)
      // The same member with other values in each alternative (a `kind`): any of them may be written.
      const schema = before === undefined ? inner.schema : { anyOf: [before.schema, inner.schema] }
      const same = before !== undefined && JSON.stringify(before.schema) === JSON.stringify(inner.schema)
      merged.set(name, { schema: same ? inner.schema : schema, required: everywhere })
    }
  }
  return merged
}
