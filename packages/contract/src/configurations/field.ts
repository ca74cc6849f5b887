/**
 * Building blocks of configuration schemas. `title` is the label that documentation and console show.
 * @module
 */
import Type, { type TSchema } from 'typebox'

/** No unknown keys. */
export const strict = { additionalProperties: false } as const

/** Label of a field, and one sentence that helps to fill it. */
export interface FieldNote {
  readonly title: string
  readonly description: string
}

/** One line of text that XML and JSON can carry: no control characters, no half characters. */
export function lineOfText(minLength: number, maxLength: number, note: FieldNote) {
  return Type.String({
    ...note,
    minLength,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff\\ufffe\\uffff]*$',
  })
}

/** A field that may be null, which means: not set. */
export function nullable<S extends TSchema>(schema: S, note: FieldNote) {
  return Type.Union([schema, Type.Null()], { ...note })
}

/** A switch. */
export function flag(title: string, description: string) {
  return Type.Boolean({ title, description })
}
