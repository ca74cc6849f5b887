/**
 * Substitution variables of configurations, and the text that holds them.
 *
 * `$NAME$` stands for a fact of the user or the device, `$$` for a dollar sign. Everything else with a dollar sign is
 * refused, so that a misspelt variable is found when it is saved and not on the phones.
 * @module
 */
import type { Problem } from '../problems.ts'

/** What a variable stands for, and whose fact it is: one `of` the device has no value until a device is chosen. */
export interface VariableRow {
  readonly of: 'user' | 'device'
  readonly description: string
}

/** Every variable, without its dollar signs. `$PASSWORD$` is none: no password is stored. */
export const SUBSTITUTION_VARIABLES = {
  EMAIL: { of: 'user', description: 'E-mail address of the user.' },
  EMAIL_LOCAL: { of: 'user', description: 'Part of the e-mail address before the @.' },
  EMAIL_DOMAIN: { of: 'user', description: 'Part of the e-mail address after the @.' },
  USERID: { of: 'user', description: 'Name with which the user signs in.' },
  USER_UPN: { of: 'user', description: 'User principal name in the directory, such as tu1@example.com.' },
  FIRST_NAME: { of: 'user', description: 'First name of the user.' },
  LAST_NAME: { of: 'user', description: 'Last name of the user.' },
  DISPLAY_NAME: { of: 'user', description: 'Name of the user as people write it.' },
  USER_CUSTOM1: { of: 'user', description: 'First custom attribute of the user.' },
  USER_CUSTOM2: { of: 'user', description: 'Second custom attribute of the user.' },
  USER_CUSTOM3: { of: 'user', description: 'Third custom attribute of the user.' },
  USER_CUSTOM4: { of: 'user', description: 'Fourth custom attribute of the user.' },
  DEVICE_ID: { of: 'device', description: 'Id of the device in Core.' },
  DEVICE_UUID: { of: 'device', description: 'Identifier that the device itself reports (UDID).' },
  DEVICE_UUID_NO_DASHES: {
    of: 'device',
    description: 'The same without hyphens; as the ActiveSync device id it lets Sentry know the device again.',
  },
  DEVICE_SERIAL: { of: 'device', description: 'Serial number of the device.' },
} as const satisfies Record<string, VariableRow>

/** Name of a variable, without its dollar signs. */
export type VariableName = keyof typeof SUBSTITUTION_VARIABLES

/** A piece of a text: as it stands, a variable, or what is wrong with it (the message names rule and remedy). */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: VariableName }
  | { readonly kind: 'fault'; readonly message: string }

/** Pieces of the text in its order; linear in its length, never throws. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let from = 0
  for (const match of template.matchAll(/\$(?:([A-Za-z][A-Za-z0-9_]{0,63})?\$)?/g)) {
    if (match.index > from) parts.push({ kind: 'text', text: template.slice(from, match.index) })
    parts.push(partOf(match[0], match[1]))
    from = match.index + match[0].length
  }
  if (from < template.length) parts.push({ kind: 'text', text: template.slice(from) })
  return parts
}

/** Every fault of the text, each told once; empty for a good one. */
export function templateProblems(path: string, template: string): Problem[] {
  const faults = parseTemplate(template).flatMap((part) => (part.kind === 'fault' ? [part.message] : []))
  return [...new Set(faults)].map((message) => ({ path, message }))
}

/** True when the text needs facts of a device, so that a user alone is not enough to fill it. */
export function needsDevice(template: string): boolean {
  return parseTemplate(template).some(
    (part) => part.kind === 'variable' && SUBSTITUTION_VARIABLES[part.name].of === 'device',
  )
}

function partOf(found: string, name: string | undefined): TemplatePart {
  if (found === '$$') return { kind: 'text', text: '$' }
  if (name === undefined) {
    return { kind: 'fault', message: 'has a single $; write a variable such as $EMAIL$, or $$ for a dollar sign' }
  }
  if (isVariable(name)) return { kind: 'variable', name }
  if (name.toUpperCase() === 'PASSWORD') {
    const message = 'must not use $PASSWORD$: no password is stored; leave it out, and the person is asked for it'
    return { kind: 'fault', message }
  }
  const known = Object.keys(SUBSTITUTION_VARIABLES).map((each) => `$${each}$`)
  return { kind: 'fault', message: `has the unknown variable ${found}; use one of ${known.join(', ')}` }
}

function isVariable(name: string): name is VariableName {
  return Object.hasOwn(SUBSTITUTION_VARIABLES, name)
}
