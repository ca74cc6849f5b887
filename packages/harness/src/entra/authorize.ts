/**
 * Authorize requests of v1 and v2.0, turned into one of the library's, and its answer turned back.
 *
 * Source: protocol notes 3.1, 3.2, 4.2.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { GRAPH, answeredForm } from './directory.ts'
import type { Directory } from './directory.ts'
import { EntraError } from './errors.ts'
import type { Asked } from './grants.ts'
import { ASKED, INNER, INNER_REDIRECT, innerScope } from './provider.ts'

/** Parameters that the library is given as they are. */
const PASSED = ['state', 'nonce', 'login_hint', 'code_challenge', 'code_challenge_method'] as const
const PROMPTS = ['login', 'none']
const RESPONSE_MODES = ['query', 'fragment']

/**
 * The library's request for a client's: a path with its query; or where to send the browser with an error.
 *
 * @throws EntraError when the browser must not be sent anywhere.
 */
export function toInnerAuthorize(
  query: URLSearchParams,
  v2: boolean,
  directory: Directory,
): { inner: string } | { location: string } {
  const client = directory.client(query.get('client_id') ?? '')
  if (client === null) throw new EntraError('CLIENT_UNKNOWN', query.get('client_id') ?? '')
  const redirectUri = query.get('redirect_uri') ?? client.redirectUris[0] ?? ''
  if (!directory.registered(client, redirectUri)) throw new EntraError('REDIRECT_URI', redirectUri)
  const target = v2 ? directory.scopeTarget(query.get('scope') ?? '') : v1Target(query, directory)
  if (typeof target === 'string') {
    const { error, message } = new EntraError(target === 'mixed' ? 'SCOPE_MIXED' : 'RESOURCE_UNKNOWN')
    const answer = new URLSearchParams({ error, error_description: message, ...stateOf(query) })
    return { location: `${answeredForm(redirectUri)}?${answer.toString()}` }
  }
  const asked: Asked = {
    ...target,
    redirectUri,
    scope: v2 ? (query.get('scope') ?? '') : '',
    codeChallenge: query.get('code_challenge'),
    cae: (query.get('claims') ?? '').includes('"cp1"'),
  }
  return { inner: `${INNER.authorize}?${innerQuery(query, client.clientId, asked, directory).toString()}` }
}

/** What an inner request was made for; null for a request that is none of ours. */
export function askedOf(params: Readonly<Record<string, unknown>> | undefined): Asked | null {
  const value = params?.[ASKED]
  return typeof value === 'string' ? (JSON.parse(value) as Asked) : null
}

/** Entra's redirect for the library's: the client's own redirect URI, `session_state` instead of `iss`. */
export function toOuterLocation(location: string, asked: Asked): { location: string; code: string | null } {
  const rest = location.slice(INNER_REDIRECT.length)
  const parameters = new URLSearchParams(rest.slice(1))
  parameters.delete('iss')
  parameters.set('session_state', randomUUID())
  return {
    location: `${answeredForm(asked.redirectUri)}${rest.slice(0, 1)}${parameters.toString()}`,
    code: parameters.get('code'),
  }
}

function v1Target(query: URLSearchParams, directory: Directory): { resource: string; asAsked: string } | 'unknown' {
  // Without a resource it is Graph's: a gateway that forgets to add one gets a token that is of no use.
  const asAsked = query.get('resource') ?? GRAPH
  const resource = directory.resource(asAsked)
  return resource === null ? 'unknown' : { resource, asAsked }
}

function innerQuery(query: URLSearchParams, clientId: string, asked: Asked, directory: Directory): URLSearchParams {
  const inner = new URLSearchParams({
    client_id: clientId,
    response_type: query.get('response_type') ?? '',
    redirect_uri: INNER_REDIRECT,
    scope: innerScope(directory),
    [ASKED]: JSON.stringify(asked),
  })
  for (const resource of directory.resources) inner.append('resource', resource)
  for (const name of PASSED) copy(query, inner, name)
  if (query.has('code_challenge') && !query.has('code_challenge_method')) inner.set('code_challenge_method', 'S256')
  if (PROMPTS.includes(query.get('prompt') ?? '')) copy(query, inner, 'prompt')
  if (RESPONSE_MODES.includes(query.get('response_mode') ?? '')) copy(query, inner, 'response_mode')
  return inner
}

function copy(from: URLSearchParams, to: URLSearchParams, name: string): void {
  const value = from.get(name)
  if (value !== null) to.set(name, value)
}

function stateOf(query: URLSearchParams): Record<string, string> {
  const state = query.get('state')
  return state === null ? {} : { state }
}
