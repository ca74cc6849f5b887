/**
 * What authorize and token requests have in common: who asks, where the answer goes, and for which resource.
 *
 * Documents: RFC 6749 3.1.2 and 3.2.1, RFC 8707 2.
 * @module
 */
import { valueOf, withParameter, withoutParameters } from './form.ts'
import type { FormPair } from './form.ts'
import { OAuthMapError } from './model.ts'
import type { OAuthApi, OAuthClient, OAuthMapping } from './model.ts'
import { classifyResource, sameRedirectUri } from './resource.ts'
import { defaultScope, mapScope } from './scope.ts'

/** @throws OAuthMapError `invalid_request` without a client id, `unauthorized_client` for one that is not listed. */
export function listedClient(mapping: OAuthMapping, pairs: readonly FormPair[]): OAuthClient {
  const clientId = required(pairs, 'client_id')
  const client = mapping.clients.find((entry) => entry.clientId === clientId)
  if (client !== undefined) return client
  throw new OAuthMapError('unauthorized_client', 'client_id', 'Parameter client_id is not on the allow-list; add it.')
}

/** @throws OAuthMapError `invalid_request` when the URI is none of those registered for the client. */
export function registeredRedirectUri(client: OAuthClient, uri: string): string {
  if (client.redirectUris.some((registered) => sameRedirectUri(uri, registered))) return uri
  const message = 'Parameter redirect_uri is not registered for this client; register it.'
  throw new OAuthMapError('invalid_request', 'redirect_uri', message)
}

/** @throws OAuthMapError `invalid_request` when the parameter is absent or empty. */
export function required(pairs: readonly FormPair[], name: string): string {
  const value = valueOf(pairs, name)
  if (value !== null) return value
  throw new OAuthMapError('invalid_request', name, `Parameter ${name} is missing; send it.`)
}

/** `add`: the target is written in when the client named none. `keep`: it is bound elsewhere (to the code). */
type WhenAbsent = 'add' | 'keep'

/**
 * Pins `resource` and `scope` to the destination. v1 adds `resource`, v2 adds a scope of the destination when it
 * is asked to; v2 also adds one to a scope of OpenID values alone, which would get a token for another service.
 * @throws OAuthMapError `invalid_target` or `invalid_scope` for anything that is neither ours nor the destination's.
 */
export function pinTarget(
  mapping: OAuthMapping,
  api: OAuthApi,
  pairs: readonly FormPair[],
  whenAbsent: WhenAbsent,
): { pairs: FormPair[]; resourceForm: string | null } {
  const resourceForm = valueOf(pairs, 'resource')
  if (resourceForm !== null && classifyResource(mapping, resourceForm) === 'foreign') {
    const message = 'Parameter resource names another resource; ask for the Sentry Resource.'
    throw new OAuthMapError('invalid_target', 'resource', message)
  }
  const pinResource = resourceForm !== null || (api === 'v1' && whenAbsent === 'add')
  const withResource = pinResource
    ? withParameter(pairs, 'resource', mapping.destinationResource)
    : withoutParameters(pairs, RESOURCE)
  return { pairs: pinScope(mapping, api, withResource, whenAbsent), resourceForm }
}

const RESOURCE: ReadonlySet<string> = new Set(['resource'])

function pinScope(
  mapping: OAuthMapping,
  api: OAuthApi,
  pairs: readonly FormPair[],
  whenAbsent: WhenAbsent,
): FormPair[] {
  const scope = valueOf(pairs, 'scope')
  if (scope === null) {
    return api === 'v2' && whenAbsent === 'add' ? withParameter(pairs, 'scope', defaultScope(mapping)) : [...pairs]
  }
  const mapped = mapScope(mapping, api, scope)
  if (api === 'v1' || mapped.namesDestination) return withParameter(pairs, 'scope', mapped.scope)
  return withParameter(pairs, 'scope', `${defaultScope(mapping)} ${mapped.scope}`.trimEnd())
}
