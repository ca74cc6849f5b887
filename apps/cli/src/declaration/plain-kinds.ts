/**
 * Sections whose things are made by one call: roles, users, labels, Standalone Sentries.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { administratorsEndpoints } from '@postern/contract/api/administrators'
import type { DeclarationSection } from '@postern/contract/api/declaration'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { labelsEndpoints } from '@postern/contract/api/labels'
import { sentryProfilesEndpoints } from '@postern/contract/api/sentry-profiles'
import { usersEndpoints } from '@postern/contract/api/users'
import { parseStandaloneSentry } from '@postern/contract/standalone-sentry'
import type { Client } from '../connection/client.ts'
import { itemsOf } from '../connection/lookup.ts'
import { at, isJson, type Json, listOf, member, textOf } from '../json.ts'
import { withNames } from './names.ts'
import type { Kind, Present, WantedInput } from './kind.ts'
import type { Listed } from './listed.ts'

interface PlainRows {
  readonly section: DeclarationSection
  readonly title: string
  readonly list: EndpointRow
  readonly read: EndpointRow
  readonly create: EndpointRow
  readonly change: EndpointRow
  readonly remove: EndpointRow
  /** Member that is the name. */
  readonly named: 'name' | 'userName'
  /** Where in the reply and the body the members stand; empty: at the top. */
  readonly inside: readonly string[]
  /** The members that are compared, out of a reply. */
  readonly valueOf: (inner: Json) => Json
  /** The same for what a document says. @throws ContractError */
  readonly wantedValue: (name: string, members: Json) => Json
}

/** Makes a thing, and makes it once however often the connection is lost. */
export async function createOnce(client: Client, row: EndpointRow, body: Json): Promise<unknown> {
  const reply = await client.call(row, { body, ...(row.idempotent === true ? { idempotencyKey: randomUUID() } : {}) })
  return reply.body
}

/** Items of a list as {@link Listed}. */
export async function listedBy(
  client: Client,
  row: EndpointRow,
  named: 'name' | 'userName',
  query: ReadonlyMap<string, string> = new Map(),
): Promise<Listed[]> {
  const items = await Array.fromAsync(itemsOf(client, row, query))
  return items.map((item) => ({
    id: textOf(item, 'id'),
    name: textOf(item, named),
    isOurs: member(item, 'builtIn') !== true,
    item,
  }))
}

function plainKind(rows: PlainRows): Kind {
  const { section, title, named, inside } = rows
  const bodyOf = (value: Json): Json => inside.reduceRight<Json>((inner, name) => ({ [name]: inner }), value)
  return {
    section,
    title,
    list: (client) => listedBy(client, rows.list, named),
    read: async (client, { id }): Promise<Present> => {
      const { body, etag } = await client.call(rows.read, { params: { id } })
      const inner = at(body, inside)
      return { id, etag, value: rows.valueOf(isJson(inner) ? inner : {}) }
    },
    wanted: async ({ name, members }: WantedInput) => {
      const value = rows.wantedValue(name, members)
      return { value, body: bodyOf({ ...value, [named]: name }), lacks: null }
    },
    create: async (client, body) => textOf(await createOnce(client, rows.create, body), 'id'),
    change: async (client, { id, etag }, body) => {
      await client.call(rows.change, { params: { id }, body, ifMatch: etag })
    },
    remove: async (client, { id, etag }) => {
      await client.call(rows.remove, { params: { id }, ifMatch: rows.remove.ifMatch === 'required' ? etag : null })
    },
    exported: (value) => {
      const { [named]: _name, ...members } = value
      const shown = withNames(members)
      return isJson(shown) ? shown : null
    },
  }
}

const roleValue = (inner: Json): Json => ({ permissions: listOf(inner, 'permissions').map(String).sort() })

const labelValue = (inner: Json): Json => ({
  description: inner['description'] ?? '',
  filter: inner['filter'] ?? null,
})

const USER_TEXTS = ['email', 'firstName', 'lastName', 'displayName', 'custom1', 'custom2', 'custom3', 'custom4']

/** Core's own rule: a user id that is not given is the user name before the @. */
function userValue(userName: string, inner: Json): Json {
  return {
    userId: inner['userId'] ?? userName.slice(0, userName.indexOf('@')),
    ...Object.fromEntries(USER_TEXTS.map((name) => [name, inner[name] ?? ''])),
    disabled: inner['disabled'] ?? false,
  }
}

/** See the module's comment. */
export const PLAIN_KINDS: readonly Kind[] = [
  plainKind({
    section: 'roles',
    title: 'role',
    list: administratorsEndpoints.listRoles,
    read: administratorsEndpoints.readRole,
    create: administratorsEndpoints.createRole,
    change: administratorsEndpoints.updateRole,
    remove: administratorsEndpoints.removeRole,
    named: 'name',
    inside: [],
    valueOf: roleValue,
    wantedValue: (_name, members) => roleValue(members),
  }),
  plainKind({
    section: 'users',
    title: 'user',
    list: usersEndpoints.listUsers,
    read: usersEndpoints.readUser,
    create: usersEndpoints.createUser,
    change: usersEndpoints.updateUser,
    remove: usersEndpoints.removeUser,
    named: 'userName',
    inside: [],
    valueOf: (inner) => userValue(textOf(inner, 'userName'), inner),
    wantedValue: userValue,
  }),
  plainKind({
    section: 'labels',
    title: 'label',
    list: labelsEndpoints.listLabels,
    read: labelsEndpoints.readLabel,
    create: labelsEndpoints.createLabel,
    change: labelsEndpoints.updateLabel,
    remove: labelsEndpoints.removeLabel,
    named: 'name',
    inside: [],
    valueOf: labelValue,
    wantedValue: (_name, members) => labelValue(members),
  }),
  plainKind({
    section: 'sentryProfiles',
    title: 'Standalone Sentry',
    list: sentryProfilesEndpoints.listSentryProfiles,
    read: sentryProfilesEndpoints.readSentryProfile,
    create: sentryProfilesEndpoints.createSentryProfile,
    change: sentryProfilesEndpoints.updateSentryProfile,
    remove: sentryProfilesEndpoints.removeSentryProfile,
    named: 'name',
    inside: ['settings'],
    valueOf: (inner) => inner,
    wantedValue: (name, members) => ({ ...parseStandaloneSentry({ ...members, name }) }),
  }),
]
