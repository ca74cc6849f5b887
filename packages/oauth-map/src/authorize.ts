/**
 * An authorize request to us, turned into the redirect to the identity provider.
 *
 * Documents: RFC 6749 3.1 and 4.1.1, RFC 8707 2. Input is untrusted.
 * The target is the configured endpoint; no part of its host or path comes from the request. An error is an
 * error here: it is never sent to a redirect URI, so this package returns no such address.
 * @module
 */
import { encodeForm, parseForm, valueOf, withParameter, withoutParameters } from './form.ts'
import type { FormPair } from './form.ts'
import { OAuthMapError, endpointFor } from './model.ts'
import type { OAuthApi, OAuthMapping } from './model.ts'
import { listedClient, pinTarget, registeredRedirectUri, required } from './target.ts'

/** Longest query, characters as received. A `claims` of 8 KiB in plain escapes fits; beyond it is 414. */
const MAX_AUTHORIZE_QUERY = 16_384

/** The redirect, and what the audit line may say about it. */
export interface MappedAuthorize {
  /** Absolute URL in visible ASCII. It holds `state` and `login_hint`: not for logs. */
  readonly location: string
  readonly clientId: string
  /** The client's own spelling of its resource; null when it sent none. */
  readonly resourceForm: string | null
}

/**
 * Steers the client to a host that the identity provider chooses, past us. Dropped.
 * ADAL posts its code to the host this asks for.
 */
const DROPPED: ReadonlySet<string> = new Set(['instance_aware'])

/**
 * Maps one authorize request. `rawQuery` is the query as received, without `?`. Every other parameter keeps name,
 * value and place; values are equal after decoding. `loginHint` is added when the client sent none.
 * @throws OAuthMapError, and nothing else.
 */
export function mapAuthorize(
  mapping: OAuthMapping,
  api: OAuthApi,
  rawQuery: string,
  options: { readonly loginHint?: string } = {},
): MappedAuthorize {
  if (rawQuery.length > MAX_AUTHORIZE_QUERY) {
    throw new OAuthMapError('invalid_request', null, 'The query is longer than 16 KiB; shorten it.', 414)
  }
  const received = parseForm(rawQuery)
  const client = listedClient(mapping, received)
  registeredRedirectUri(client, required(received, 'redirect_uri'))
  requireCodeFlow(received)
  const { pairs, resourceForm } = pinTarget(mapping, api, withoutParameters(received, DROPPED), 'add')
  const hint = options.loginHint ?? ''
  const hinted = hint !== '' && valueOf(pairs, 'login_hint') === null ? withParameter(pairs, 'login_hint', hint) : pairs
  const endpoint = endpointFor(mapping, api, 'authorize')
  const location = `${endpoint}${endpoint.includes('?') ? '&' : '?'}${encodeForm(hinted)}`
  return { location, clientId: client.clientId, resourceForm }
}

function requireCodeFlow(pairs: readonly FormPair[]): void {
  if (required(pairs, 'response_type') !== 'code') {
    const message = 'Parameter response_type must be code.'
    throw new OAuthMapError('unsupported_response_type', 'response_type', message)
  }
  if ((valueOf(pairs, 'response_mode') ?? 'query') !== 'query') {
    throw new OAuthMapError('invalid_request', 'response_mode', 'Parameter response_mode must be query or absent.')
  }
  for (const name of ['request', 'request_uri']) {
    // Present is enough: a request object could carry every parameter that was checked above, unchecked.
    if (pairs.some((pair) => pair.name === name)) {
      throw new OAuthMapError('invalid_request', name, `Parameter ${name} is not supported; send plain parameters.`)
    }
  }
}
