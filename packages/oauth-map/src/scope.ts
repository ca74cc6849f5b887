/**
 * `scope` from our names to the destination's, for both endpoint families.
 *
 * Documents: RFC 6749 3.3; OpenID Connect Core 5.4 and 11; Microsoft identity platform scopes.
 * A refresh token is good for every resource its client may use, so a scope that gets through unmapped turns the
 * token endpoint into a relay for other services.
 * @module
 */
import { OAuthMapError } from './model.ts'
import type { OAuthApi, OAuthMapping } from './model.ts'
import { classifyResource } from './resource.ts'

/** Scopes that name no resource (OpenID Connect Core 5.4 and 11). */
const OPENID_SCOPES: ReadonlySet<string> = new Set([
  ...['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
])

const DEFAULT = '.default'
const NAME_CHARACTERS = new Set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._')
const MAX_SCOPES = 100

/** A mapped scope, and whether any of its values names the destination. */
interface MappedScope {
  readonly scope: string
  readonly namesDestination: boolean
}

/**
 * Maps a scope value by value, in order. A value under the Sentry or the Destination Resource comes out under the
 * Destination Resource; OpenID scopes pass. On v1 a bare name belongs to the pinned `resource` and passes; on v2 it
 * would belong to another service and is refused.
 * @throws OAuthMapError `invalid_scope`
 */
export function mapScope(mapping: OAuthMapping, api: OAuthApi, scope: string): MappedScope {
  const values = scope.split(' ').filter((value) => value !== '')
  if (values.length > MAX_SCOPES) throw refused('has too many values; ask for fewer')
  let namesDestination = false
  const mapped = values.map((value) => {
    if (OPENID_SCOPES.has(value)) return value
    if (isName(value)) {
      if (api === 'v1') return value
      throw refused('has a value without a resource; write it under the Sentry Resource')
    }
    namesDestination = true
    return underDestination(mapping, value)
  })
  return { scope: mapped.join(' '), namesDestination }
}

/** The scope that stands for everything granted at the destination. */
export function defaultScope(mapping: OAuthMapping): string {
  return `${withoutSlash(mapping.destinationResource)}/${DEFAULT}`
}

/**
 * The text before the last slash is the resource. It may itself end in a slash: a resource registered with one is
 * written `https://host//.default`, and the doubled slash is kept.
 */
function underDestination(mapping: OAuthMapping, value: string): string {
  const slash = value.lastIndexOf('/')
  const resource = value.slice(0, Math.max(slash, 0))
  if (classifyResource(mapping, resource) === 'foreign' || !isName(value.slice(slash + 1))) {
    throw refused('names another resource; ask for the Sentry Resource only')
  }
  return withoutSlash(mapping.destinationResource) + value.slice(withoutSlash(resource).length)
}

function withoutSlash(resource: string): string {
  return resource.endsWith('/') ? resource.slice(0, -1) : resource
}

function isName(value: string): boolean {
  if (value === '') return false
  for (const character of value) if (!NAME_CHARACTERS.has(character)) return false
  return true
}

function refused(rule: string): OAuthMapError {
  return new OAuthMapError('invalid_scope', 'scope', `Parameter scope ${rule}.`)
}
