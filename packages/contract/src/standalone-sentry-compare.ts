/**
 * What two versions of a Standalone Sentry differ in, field by field.
 * @module
 */
import Type, { type Static, type TSchema } from 'typebox'
import { strict } from './api/common.ts'
import { titleOf } from './standalone-sentry.ts'
import { StandaloneSentry } from './standalone-sentry-schema.ts'

/** One field. Settings hold no secret: certificates are named by their ids. */
export const SettingsDifference = Type.Object(
  { path: Type.String(), title: Type.String(), before: Type.Unknown(), after: Type.Unknown() },
  strict,
)
export type SettingsDifference = Static<typeof SettingsDifference>

/** Differences in the order of the form; a list counts as one field. */
export function compareSettings(before: StandaloneSentry, after: StandaloneSentry): SettingsDifference[] {
  const old = fieldsOf(before, '')
  const now = fieldsOf(after, '')
  return FORM_ORDER.filter((path) => JSON.stringify(old.get(path)) !== JSON.stringify(now.get(path))).map((path) => ({
    path,
    title: titleOf(path),
    before: old.get(path) ?? null,
    after: now.get(path) ?? null,
  }))
}

/** Paths of all fields as the form shows them: a database gives members back in another order. */
const FORM_ORDER = pathsOf(StandaloneSentry, '')

function pathsOf(schema: TSchema, prefix: string): string[] {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, TSchema>> }
  return Object.entries(properties).flatMap(([name, member]) =>
    'properties' in member ? pathsOf(member, `${prefix}${name}.`) : [`${prefix}${name}`],
  )
}

function fieldsOf(value: object, prefix: string): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    const path = `${prefix}${name}`
    if (typeof member !== 'object' || member === null || Array.isArray(member)) fields.set(path, sortedMembers(member))
    else for (const [key, inner] of fieldsOf(member, `${path}.`)) fields.set(key, inner)
  }
  return fields
}

/** Members in one order: a database keeps them in another. */
function sortedMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedMembers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, sortedMembers(member)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
