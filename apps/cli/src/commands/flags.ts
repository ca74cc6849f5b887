/**
 * Flags of a command, derived from the schemas of its endpoint: a scalar member is a flag in kebab-case, a member of a
 * member has a dot in its flag, a list is a flag that may be repeated, and what is deeper is written as JSON.
 * @module
 */
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { type Kind, type Shape, shapeOf } from './shape.ts'
import { collectionOfMember } from './collections.ts'

/** A flag that fills a member of the query or the body. */
export interface Flag {
  /** Without the dashes, such as `device-authentication.method`. */
  readonly name: string
  readonly place: 'query' | 'body'
  readonly path: readonly string[]
  readonly kind: Exclude<Kind, 'object'>
  readonly repeats: boolean
  readonly nullable: boolean
  readonly required: boolean
  readonly choices: Shape['choices']
  readonly isBase64: boolean
  /** Path of the list in which a name is looked up; null: the value stands for itself. */
  readonly collection: string | null
  readonly title: string
  readonly description: string
}

/** Options that every command has, or that belong to a kind of command; members of that name give way. */
const OWN_OPTIONS = ['url', 'ca', 'output', 'code', 'help', 'limit', 'all', 'body', 'unset', 'if-match', 'out']

/** Filled by the paging of `list` itself. */
const PAGING = new Set(['limit', 'cursor'])
/** Levels of members that become flags. */
const DEPTH = 4

/** Flags of an endpoint, in the order of the schema; names are unique. */
export function flagsOf(row: EndpointRow): readonly Flag[] {
  const query = row.query === undefined ? [] : memberFlags(shapeOf(row.query), 'query', [], true)
  const body = row.body === undefined || row.bodyMedia !== undefined ? [] : bodyFlags(row)
  const taken = new Set(OWN_OPTIONS)
  const found = [...query.filter(({ path: [first] }) => first === undefined || !PAGING.has(first)), ...body]
  return found.map((flag) => {
    const name = taken.has(flag.name) ? `field-${flag.name}` : flag.name
    taken.add(name)
    return { ...flag, name }
  })
}

function bodyFlags(row: EndpointRow): Flag[] {
  const shape = shapeOf(row.body)
  return shape.kind === 'object' && !shape.repeats ? memberFlags(shape, 'body', [], true) : []
}

function memberFlags(shape: Shape, place: Flag['place'], above: readonly string[], needed: boolean): Flag[] {
  return [...shape.members].flatMap(([name, { schema, required }]) => {
    const inner = shapeOf(schema)
    const path = [...above, name]
    const must = needed && required
    if (inner.kind === 'object') {
      if (path.length < DEPTH) return memberFlags(inner, place, path, must && !inner.nullable)
      return [toFlag(inner, 'json', place, path, must)]
    }
    return [toFlag(inner, inner.kind, place, path, must)]
  })
}

function toFlag(shape: Shape, kind: Flag['kind'], place: Flag['place'], path: readonly string[], must: boolean): Flag {
  const { repeats, nullable, choices, isBase64, title, description } = shape
  return {
    // `settings` wraps all that matters: saying it in each flag would help nobody.
    name: (path.length > 1 && path[0] === 'settings' ? path.slice(1) : path).map(kebab).join('.'),
    place,
    path,
    kind,
    repeats,
    nullable,
    required: must,
    choices,
    isBase64: isBase64 || /(Base64|^pkcs12)$/.test(path.at(-1) ?? ''),
    collection: kind === 'text' ? collectionOfMember(path.at(-1) ?? '', shape.isId) : null,
    title,
    description,
  }
}

/** `sentryProfileId` is `sentry-profile-id`, `useOAuth` is `use-oauth`, `oauthSignInUrl` is `oauth-sign-in-url`. */
export function kebab(name: string): string {
  return name
    .replaceAll('OAuth', 'Oauth')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase()
}
