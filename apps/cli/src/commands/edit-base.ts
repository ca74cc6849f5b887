/**
 * What an edit starts from: PUT replaces the whole, so that what is not named must be sent as it is.
 * @module
 */
import { at, isJson, type Json } from '../json.ts'
import type { Command } from './command-table.ts'
import { type Shape, shapeOf } from './shape.ts'

/** Where in the reply the members of the body stand, where that is not the top. */
const MEMBER_OF_REPLY: Readonly<Record<string, string>> = {
  updateExchangeConfiguration: 'settings',
  updateEmailPlusConfiguration: 'settings',
  updateOidcSettings: 'oidc',
  updateSyslog: 'settings',
}

/** Uploads: what is sent takes the place of all that was there. */
const STARTS_EMPTY = new Set(['replaceCertificate', 'setTrustedRootCrl'])

/** Whether the edit must know what is there. */
export function needsPresent({ endpoint, row }: Command): boolean {
  return row.method === 'PUT' && !STARTS_EMPTY.has(endpoint)
}

/** The body that changes nothing, taken from the reply of the reader. */
export function presentBody({ endpoint, row }: Command, reply: unknown): Json {
  const inner = Object.hasOwn(MEMBER_OF_REPLY, endpoint) ? MEMBER_OF_REPLY[endpoint] : undefined
  const kept = membersIn(shapeOf(row.body), inner === undefined ? reply : at(reply, [inner]))
  return isJson(kept) ? kept : {}
}

/** The members of `value` that a schema knows; the others belong to the reply. */
function membersIn(shape: Shape, value: unknown): unknown {
  if (shape.kind !== 'object' || shape.repeats || !isJson(value)) return value
  return Object.fromEntries(
    [...shape.members]
      .filter(([name]) => Object.hasOwn(value, name))
      .map(([name, { schema }]) => [name, membersIn(shapeOf(schema), value[name])]),
  )
}
