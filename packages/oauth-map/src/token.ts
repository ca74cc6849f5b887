/**
 * Token requests on their way to the identity provider, and its answers on their way back.
 *
 * Documents: RFC 6749 4.1.3, 5 and 6; RFC 8707 2.2. Both directions are untrusted.
 * Grants are an allow-list: a password or an assertion that we relayed would come from our address.
 * @module
 */
import { encodeForm, parseForm, valueOf, withoutParameters } from './form.ts'
import type { FormPair } from './form.ts'
import { jsonMembers } from './json-members.ts'
import { OAuthMapError } from './model.ts'
import type { OAuthApi, OAuthErrorCode, OAuthMapping } from './model.ts'
import { sameResource } from './resource.ts'
import { listedClient, pinTarget, registeredRedirectUri, required } from './target.ts'

/** Longest token request body, bytes; longer is 413. */
export const MAX_TOKEN_BODY = 65_536
/** Longest query on the token URL, characters; longer is 414. */
const MAX_TOKEN_QUERY = 16_384
/** Longest answer of the identity provider, characters. */
export const MAX_TOKEN_RESPONSE = 1_048_576

/** Each grant with the parameter that carries it (RFC 6749 4.1.3, 6). */
const GRANTS = {
  authorization_code: { carrier: 'code', target: 'keep' },
  refresh_token: { carrier: 'refresh_token', target: 'add' },
} as const

/** A grant that is relayed. */
export type GrantType = keyof typeof GRANTS

/** The request as it goes on, and what may be said about it. */
export interface MappedTokenRequest {
  /** Form body in ASCII. It holds a code or refresh token: not for logs. */
  readonly body: string
  readonly grantType: GrantType
  readonly clientId: string
  /** The client's own spelling of its resource; null when it sent none. Needed for the answer. */
  readonly resourceForm: string | null
  readonly redirectUri: string | null
}

/** Secrets of a confidential client. All clients here are public; one library sends an empty one nevertheless. */
const CLIENT_SECRETS = ['client_secret', 'client_assertion', 'client_assertion_type'] as const
/** Credentials of grants that are not relayed. */
const FOREIGN_CREDENTIALS = ['password', 'assertion', 'subject_token', 'actor_token', 'device_code'] as const

/**
 * Maps one token request. `rawQuery` is the query of the URL without `?`; it may hold client information only and
 * is dropped. `resource` and `scope` come out pinned: added to a refresh, never added to a code redemption.
 * @throws OAuthMapError, and nothing else.
 */
export function mapTokenRequest(
  mapping: OAuthMapping,
  api: OAuthApi,
  body: Uint8Array,
  rawQuery: string,
): MappedTokenRequest {
  if (body.length > MAX_TOKEN_BODY) {
    throw new OAuthMapError('invalid_request', null, 'The body is longer than 64 KiB; shorten it.', 413)
  }
  requireClientInformationOnly(rawQuery)
  const received = parseForm(latin1(body))
  const grantType = grantOf(received)
  const client = listedClient(mapping, received)
  refuseCredentials(received)
  required(received, GRANTS[grantType].carrier)
  const redirectUri = valueOf(received, 'redirect_uri')
  if (redirectUri !== null) registeredRedirectUri(client, redirectUri)
  const sent = withoutParameters(received, new Set(CLIENT_SECRETS))
  const { pairs, resourceForm } = pinTarget(mapping, api, sent, GRANTS[grantType].target)
  return { body: encodeForm(pairs), grantType, clientId: client.clientId, resourceForm, redirectUri }
}

/**
 * The answer with our resource in the place of the destination's: in the form the client wrote, else the configured
 * one. Every other character stays as it came, numbers and unknown members included.
 * @throws OAuthMapError `temporarily_unavailable` when the answer is too long or no JSON object.
 */
export function mapTokenResponse(mapping: OAuthMapping, text: string, resourceForm: string | null): string {
  const members = text.length > MAX_TOKEN_RESPONSE ? null : jsonMembers(text)
  if (members === null) {
    const message = 'The identity provider gave no usable answer; try again later.'
    throw new OAuthMapError('temporarily_unavailable', null, message)
  }
  const ours = JSON.stringify(resourceForm ?? mapping.sentryResource)
  let mapped = ''
  let copied = 0
  for (const { name, value, start, end } of members) {
    if (name !== 'resource' || typeof value !== 'string') continue
    if (!sameResource(value, mapping.destinationResource)) continue
    mapped += text.slice(copied, start) + ours
    copied = end
  }
  return mapped + text.slice(copied)
}

/** An error answer of the token endpoint: JSON with `error` and `error_description` (RFC 6749 5.2). */
export function tokenErrorBody(
  error: OAuthMapError | { readonly code: OAuthErrorCode; readonly description: string },
): string {
  const description = error instanceof OAuthMapError ? error.message : error.description
  return JSON.stringify({ error: error.code, error_description: description })
}

/**
 * Whether a Content-Type header is that of a form. The only parameter allowed is one `charset`, and it must be
 * UTF-8.
 */
export function isFormContentType(value: string | null): boolean {
  if (value === null || value.length > 256) return false
  const [type, ...parameters] = value.split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'application/x-www-form-urlencoded') return false
  const given = parameters.filter((parameter) => parameter !== '')
  return given.length === 0 || (given.length === 1 && FORM_CHARSETS.has(given[0] ?? ''))
}

const FORM_CHARSETS = new Set(['charset=utf-8', 'charset="utf-8"'])
const GRANT_NAMES = new Map<string, GrantType>([
  ['authorization_code', 'authorization_code'],
  ['refresh_token', 'refresh_token'],
])
const CLIENT_INFORMATION = new Set(['api-version', 'client-request-id', 'mkt'])

/** The grant is judged before anything else, so that every other grant has the one answer. */
function grantOf(pairs: readonly FormPair[]): GrantType {
  const grantType = GRANT_NAMES.get(required(pairs, 'grant_type'))
  if (grantType !== undefined) return grantType
  const message = 'Parameter grant_type must be authorization_code or refresh_token.'
  throw new OAuthMapError('unsupported_grant_type', 'grant_type', message)
}

function refuseCredentials(pairs: readonly FormPair[]): void {
  for (const name of CLIENT_SECRETS) {
    if (valueOf(pairs, name) === null) continue
    throw new OAuthMapError('invalid_client', name, `Parameter ${name} is refused; only public clients are served.`)
  }
  for (const name of FOREIGN_CREDENTIALS) {
    if (valueOf(pairs, name) === null) continue
    throw new OAuthMapError('invalid_request', name, `Parameter ${name} belongs to a grant that is refused; drop it.`)
  }
}

function requireClientInformationOnly(rawQuery: string): void {
  if (rawQuery.length > MAX_TOKEN_QUERY) {
    throw new OAuthMapError('invalid_request', null, 'The query is longer than 16 KiB; shorten it.', 414)
  }
  for (const { name } of parseForm(rawQuery)) {
    const folded = name.toLowerCase()
    if (CLIENT_INFORMATION.has(folded) || folded.startsWith('x-client-')) continue
    throw new OAuthMapError('invalid_request', null, 'The token URL may carry client information only; use the body.')
  }
}

/** One character a byte. Bytes above 0x7E are then refused where they stand, as unescaped characters. */
function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  return text
}
