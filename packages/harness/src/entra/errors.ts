/**
 * Entra's errors: a number, an OAuth word, a status, and the body around them.
 *
 * Source: protocol notes 3.1 (numbers, members of the body).
 * @module
 */
import { randomUUID } from 'node:crypto'

/** Closed set of refusals. */
const ERRORS = {
  TENANT_NOT_FOUND: { number: 90002, error: 'invalid_request', status: 400, text: 'Tenant not found.' },
  POST_ONLY: {
    number: 900561,
    error: 'invalid_request',
    status: 400,
    text: 'The endpoint only accepts POST requests.',
  },
  PARAMETER_MISSING: {
    number: 900144,
    error: 'invalid_request',
    status: 400,
    text: 'A required parameter is missing.',
  },
  CROSS_ORIGIN: {
    number: 9002326,
    error: 'invalid_request',
    status: 400,
    text: 'Cross-origin token redemption is permitted only for single-page applications.',
  },
  CLIENT_UNKNOWN: {
    number: 700016,
    error: 'unauthorized_client',
    status: 400,
    text: 'The application was not found in the directory.',
  },
  CLIENT_IS_PUBLIC: {
    number: 700025,
    error: 'invalid_client',
    status: 401,
    text: 'Client is public so neither client_assertion nor client_secret should be presented.',
  },
  GRANT_UNSUPPORTED: {
    number: 70003,
    error: 'unsupported_grant_type',
    status: 400,
    text: 'The app requested an unsupported grant type.',
  },
  REDIRECT_URI: {
    number: 50011,
    error: 'invalid_request',
    status: 400,
    text: 'The redirect URI specified in the request does not match the redirect URIs configured for the application.',
  },
  RESOURCE_UNKNOWN: {
    number: 500011,
    error: 'invalid_resource',
    status: 400,
    text: 'The resource principal was not found in the tenant.',
  },
  SCOPE_MIXED: {
    number: 28000,
    error: 'invalid_scope',
    status: 400,
    text: 'The scope asks for more than one resource.',
  },
  PKCE: {
    number: 501481,
    error: 'invalid_grant',
    status: 400,
    text: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  GRANT_EXPIRED: {
    number: 70008,
    error: 'invalid_grant',
    status: 400,
    text: 'The provided authorization code or refresh token has expired or was used before.',
  },
  GRANT_REVOKED: {
    number: 50173,
    error: 'invalid_grant',
    status: 400,
    text: 'The provided grant has been revoked; the user must sign in again.',
  },
  SESSION: { number: 50058, error: 'invalid_request', status: 400, text: 'No sign-in is under way here.' },
  OTHER: { number: 50000, error: 'invalid_request', status: 400, text: 'There was an error issuing a token.' },
} as const satisfies Record<string, { number: number; error: string; status: number; text: string }>

/** Which refusal. */
export type EntraErrorCode = keyof typeof ERRORS

/** A refusal of the stand-in; `detail` goes into the description. */
export class EntraError extends Error {
  override name = 'EntraError'
  readonly code: EntraErrorCode
  constructor(code: EntraErrorCode, detail = '') {
    super(`AADSTS${String(ERRORS[code].number)}: ${ERRORS[code].text}${detail === '' ? '' : ` ${detail}`}`)
    this.code = code
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  /** RFC 6749's word. */
  get error(): string {
    return ERRORS[this.code].error
  }

  /** The JSON that a token endpoint answers with. */
  body(publicHost: string, correlationId: string = randomUUID()): Record<string, unknown> {
    const { number, error } = ERRORS[this.code]
    const [traceId, timestamp] = [randomUUID(), `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`]
    return {
      error,
      error_description: `${this.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [number],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://${publicHost}/error?code=${String(number)}`,
    }
  }
}
