/**
 * What every mapping of this package shares: the configured pair of resources, the two endpoint families of the
 * identity provider, and the one error that a refused request becomes.
 *
 * Documents: RFC 6749 4.1, 5.2 and 6; RFC 8707 2; Microsoft identity platform v1.0 and v2.0 endpoints.
 * Pure: no I/O, no clock, no globals but URL and TextDecoder.
 * @module
 */

/** Which endpoint family the client called: v1 names its target in `resource`, v2 in `scope`. */
export type OAuthApi = 'v1' | 'v2'

/** A public client that may sign in through us, with the redirect URIs registered for it. */
export interface OAuthClient {
  /** Compared character for character. */
  readonly clientId: string
  /** Absolute URIs; the scheme compares without regard to case, a private-use URI with or without a last slash. */
  readonly redirectUris: readonly string[]
}

/** The configuration of one Sentry: what clients ask for here, and what is asked for at the identity provider. */
export interface OAuthMapping {
  /** The identity provider's v1 authorize URL, https, no fragment. */
  readonly authorizationEndpoint: string
  /** The identity provider's v1 token URL, https, no fragment. */
  readonly tokenEndpoint: string
  /** What clients name as their target, e.g. `https://sentry.example.com`. */
  readonly sentryResource: string
  /** What the identity provider issues tokens for, e.g. `https://outlook.office365.com/`; sent as written here. */
  readonly destinationResource: string
  /** Allow-list; a client that is not on it is refused. */
  readonly clients: readonly OAuthClient[]
}

/** Each error value with the HTTP status it has unless a limit names its own (RFC 6749 4.1.2.1 and 5.2, RFC 8707 2). */
const OAUTH_ERROR_STATUS = {
  invalid_request: 400,
  invalid_target: 400,
  invalid_scope: 400,
  invalid_client: 400,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_response_type: 400,
  unsupported_grant_type: 400,
  /** Our own configuration cannot serve this request. */
  server_error: 503,
  /** The identity provider's answer is not one that may be passed on. */
  temporarily_unavailable: 502,
} as const satisfies Record<string, number>

/** A value of the `error` member or page. */
export type OAuthErrorCode = keyof typeof OAUTH_ERROR_STATUS

/**
 * A request or answer that is not mapped. `parameter` is a parameter name known to this package, or null.
 * The message names parameter, rule and remedy in the characters RFC 6749 allows for `error_description`;
 * it never contains a value from the request.
 */
export class OAuthMapError extends Error {
  override name = 'OAuthMapError'
  readonly code: OAuthErrorCode
  readonly parameter: string | null
  /** HTTP status of the local answer: 400, 413, 414, 502 or 503. */
  readonly status: number

  constructor(code: OAuthErrorCode, parameter: string | null, message: string, status?: 413 | 414) {
    super(message)
    this.code = code
    this.parameter = parameter
    this.status = status ?? OAUTH_ERROR_STATUS[code]
  }
}

const FAMILY = '/oauth2'

/**
 * The identity provider's URL for one endpoint. v1 is the configured one; v2 has `/v2.0` after the last `/oauth2`
 * segment, unless it is already there.
 * @throws OAuthMapError `server_error` when v2 is asked for and the configured path has no `/oauth2` segment.
 */
export function endpointFor(mapping: OAuthMapping, api: OAuthApi, endpoint: 'authorize' | 'token'): string {
  const configured = endpoint === 'authorize' ? mapping.authorizationEndpoint : mapping.tokenEndpoint
  if (api === 'v1') return configured
  const at = configured.lastIndexOf(`${FAMILY}/`)
  if (at === -1) throw new OAuthMapError('server_error', null, 'The configured endpoint has no v2.0 form; use v1.')
  const rest = configured.slice(at + FAMILY.length)
  return rest.startsWith('/v2.0/') ? configured : `${configured.slice(0, at)}${FAMILY}/v2.0${rest}`
}
