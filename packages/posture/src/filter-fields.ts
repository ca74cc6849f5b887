/**
 * What a filter may ask of a device and its user.
 * @module
 */

/** How values of a field compare. `version`: number by number, so 9 is before 10; `any`: as the literal's own type. */
export type FieldType = 'text' | 'version' | 'boolean' | 'any'

/** A field of the language; `values`: the only ones that it can have. */
export interface FieldRow {
  readonly type: FieldType
  readonly description: string
  readonly values?: readonly string[]
}

/** Every field but the facts `custom.<name>`. */
export const FILTER_FIELDS = {
  'common.platform': { type: 'text', description: 'Platform of the device', values: ['iOS', 'Android', 'other'] },
  'common.os_version': { type: 'version', description: 'Version of the operating system, such as "17.5"' },
  'common.owner': { type: 'text', description: 'Whose the device is', values: ['company', 'employee'] },
  'common.model': { type: 'text', description: 'Model of the device' },
  'common.retired': { type: 'boolean', description: 'Whether the device is retired or wiped' },
  'common.state': {
    type: 'text',
    description: 'State of management',
    values: ['enrolling', 'active', 'checkedOut', 'retired', 'wiped'],
  },
  'user.name': { type: 'text', description: 'User name (UPN)' },
  'user.email': { type: 'text', description: 'E-mail address of the user' },
  'user.display_name': { type: 'text', description: 'Name of the user as people write it' },
  'user.custom1': { type: 'text', description: 'First custom attribute of the user' },
  'user.custom2': { type: 'text', description: 'Second custom attribute of the user' },
  'user.custom3': { type: 'text', description: 'Third custom attribute of the user' },
  'user.custom4': { type: 'text', description: 'Fourth custom attribute of the user' },
} as const satisfies Record<string, FieldRow>

/** Name of a field of the table. */
export type FilterFieldName = keyof typeof FILTER_FIELDS

/** A field as a filter names it. `custom`: a fact of the device under a free name. */
export type FilterField =
  | { readonly kind: 'known'; readonly name: FilterFieldName; readonly row: FieldRow }
  | { readonly kind: 'custom'; readonly name: string; readonly row: FieldRow }

/** Names of facts, here and where devices are saved. */
const FACT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

/** Null for a name that there is not. */
export function filterField(name: string): FilterField | null {
  if (isKnown(name)) return { kind: 'known', name, row: FILTER_FIELDS[name] }
  const fact = name.startsWith('custom.') ? name.slice('custom.'.length) : ''
  return FACT_NAME.test(fact) ? { kind: 'custom', name: fact, row: { type: 'any', description: 'Fact' } } : null
}

function isKnown(name: string): name is FilterFieldName {
  return Object.hasOwn(FILTER_FIELDS, name)
}
