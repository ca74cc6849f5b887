/**
 * Shapes that many endpoints share: ids, times, pages, problems.
 * @module
 */
import Type, { type Static, type TSchema } from 'typebox'

/** Objects have no other members than those that stand in the schema. */
export const strict = { additionalProperties: false } as const

/** A UUID in lower case. */
export const Id = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' })

/** ISO 8601 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const Instant = Type.String({
  minLength: 24,
  maxLength: 24,
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
})

/** A name that people read: 1 to 200 characters, none of them a control character, no space at the ends. */
export const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '^(?! )[^\\u0000-\\u001f\\u007f]*(?<! )$' })

/** Free text of people, such as the note of an action. */
export const Note = Type.String({
  maxLength: 2_000,
  pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$',
})

/** `schema` or null. */
export function orNull<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()])
}

/** Path with one id. */
export const ById = Type.Object({ id: Id }, strict)

/** Rows on a page at most, and when nothing is said. */
export const PAGE_LIMIT = { most: 500, usual: 50 } as const

/** Query of every list. `cursor` is what the page before said in `next`; it is opaque. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_LIMIT.most })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
}

/** A list without filters. */
export const PageQuery = Type.Object(pageQuery, strict)

/** A page: `next` null at the end. */
export function pageOf<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), next: orNull(Type.String()) }, strict)
}

/** RFC 9457, with our `code`, and every problem of the request with its path, rule and remedy. */
export const ProblemDocument = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    requestId: Type.String(),
    problems: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, strict))),
    retryAfterSeconds: Type.Optional(Type.Integer()),
  },
  strict,
)
export type ProblemDocument = Static<typeof ProblemDocument>
