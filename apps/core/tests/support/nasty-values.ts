/**
 * Values that programs trip over, and bodies of the contract's schemas with one of them in each place.
 * @module
 */
import type { TSchema } from 'typebox'

/** Texts. A lone half of a surrogate pair is written as JSON writes it. */
export const NASTY_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udc00b',
  '\u2028\u2029',
  '\u202e\ufeff\u200b',
  '\ufffe\uffff',
  '\u{10ffff}',
  'İıſK',
  'x'.repeat(150),
  'é'.repeat(5_000),
  '%',
  '_%\\',
  '%_'.repeat(40),
  "' or 1=1 --",
  '$$ \\d $1 :x ?',
  '"',
  '"'.repeat(60),
  '('.repeat(2_000),
  'not '.repeat(900),
  '__proto__',
  'constructor',
  '9'.repeat(30),
  '-0',
  '1e400',
  'NaN',
  '2147483648',
  '9223372036854775808',
  '0000-00-00T00:00:00.000Z',
  '9999-99-99T99:99:99.999Z',
  '2026-02-30T12:00:00.000Z',
  '2026-01-01T00:00:60.000Z',
  '0001-01-01T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
  '00000000-0000-0000-0000-000000000000',
  'a@b',
  '\ud800@\ud800',
  '*.example.test',
  'xn--\u0080.example',
  '[::1]',
  '$USER_UPN$$NOBODY$',
  ...cursors(),
]

/** JSON as it goes out, which `JSON.stringify` would not write in part. */
const NASTY_JSON: readonly string[] = [
  ...NASTY_TEXTS.map((text) => JSON.stringify(text)),
  ...['null', 'true', '0', '-0', '-1', '1.0', '1e2', '1.5', '2147483648', '-2147483649', '9007199254740993'],
  ...['9223372036854775808', '1e400', '-1e400', '1e308', '5e-324', '0.1e-400', '[]', '{}', '[[]]', '[null]'],
  ...['{"__proto__":{"a":1}}', '{"constructor":{"prototype":{"a":1}}}', '{"\\u0000":1}', '{"\\ud800":"\\ud800"}'],
  ...['{"toString":1,"length":1e9}', '["a","a"]', '{"a":1,"a":2}', `[${'"a",'.repeat(3_000)}"a"]`],
  ...[`${'['.repeat(3_000)}${']'.repeat(3_000)}`, `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`],
]

function cursors(): string[] {
  const of = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const id = '00000000-0000-0000-0000-000000000000'
  return [
    'AAAA',
    '!!!',
    of(null),
    of({ length: 3 }),
    of(['name', 'x', id]),
    of(['name', '\0', id]),
    of(['createdAt', '9999999999999999', id]),
    of(['name', '\ud800', id]),
    of(['seq', '999999999999999999']),
    of(['__proto__', '1', id]),
  ]
}

/** The same numbers for the same seed, from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Bodies as text: first the sample itself, then it with each nasty value in each place, and what is no such body. */
export function bodiesFor(schema: TSchema, sample: unknown): string[] {
  const base = sample ?? sampleOf(schema)
  const whole = JSON.stringify(base)
  const places = placesOf(base, schema)
  return [whole, ...NASTY_JSON, ...places.flatMap((place) => NASTY_JSON.map((json) => withMember(base, place, json)))]
}

type Place = readonly (string | number)[]

/** JSON of `value` with `json` put in at `place`, as it stands. */
function withMember(value: unknown, place: Place, json: string): string {
  const [step, ...rest] = place
  if (step === undefined) return json
  if (Array.isArray(value)) {
    const items = (value as unknown[]).map((item, i) =>
      i === step ? withMember(item, rest, json) : JSON.stringify(item),
    )
    return `[${items.join(',')}]`
  }
  const members = Object.entries(value ?? {}).filter(([name]) => name !== step)
  const texts = members.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`)
  const old = Object.entries(value ?? {}).find(([name]) => name === step)?.[1] as unknown
  return `{${[...texts, `${JSON.stringify(step)}:${withMember(old, rest, json)}`].join(',')}}`
}

interface Shape {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly anyOf?: readonly TSchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly type?: string
  readonly minimum?: number
  readonly minLength?: number
  readonly required?: readonly string[]
}

/** Members of the sample and of the schema, to any depth, with one that neither has. */
function placesOf(value: unknown, schema: TSchema | undefined): Place[] {
  const shape = (schema ?? {}) as Shape // JSON Schema is what TypeBox makes
  const options: readonly Shape[] = shape.anyOf ?? []
  const object = options.find(({ properties }) => properties !== undefined) ?? shape
  if (Array.isArray(value)) {
    return [[0] as Place, ...placesOf((value as unknown[])[0], undefined).map((place) => [0, ...place])]
  }
  if (typeof value !== 'object' || value === null) return object.properties === undefined ? [] : below({}, object)
  return [['__proto__'], ...below(value, object)]
}

function below(value: object, shape: Shape): Place[] {
  const names = new Set([...Object.keys(value), ...Object.keys(shape.properties ?? {})])
  return [...names].flatMap((name) => {
    const member = (value as Readonly<Record<string, unknown>>)[name]
    return [[name], ...placesOf(member, shape.properties?.[name]).map((place) => [name, ...place])]
  })
}

/** Something that the schema may take: enough for bodies with a note, a time, a code. */
function sampleOf(schema: TSchema): unknown {
  const shape = schema as Shape
  if (shape.const !== undefined) return shape.const
  if (shape.enum !== undefined) return shape.enum[0]
  const [first] = shape.anyOf ?? []
  if (first !== undefined) return sampleOf(first)
  if (shape.type === 'object') {
    const required = Object.entries(shape.properties ?? {}).filter(([name]) => shape.required?.includes(name) === true)
    return Object.fromEntries(required.map(([name, member]) => [name, sampleOf(member)]))
  }
  if (shape.type === 'array') return []
  if (shape.type === 'integer' || shape.type === 'number') return shape.minimum ?? 1
  if (shape.type === 'boolean') return false
  return shape.type === 'null' ? null : 'a'.repeat(Math.max(1, shape.minLength ?? 1))
}
