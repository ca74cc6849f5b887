/**
 * Who a request's token speaks for, and the challenge when it speaks for nobody.
 *
 * Source: protocol notes 2.1 (recorded challenge), 2.2 (no Authorization), 2.5 (token claims), 2.6 (claims challenge).
 * @module
 */
import { empty } from './answer.ts'
import type { Answer } from './answer.ts'

/** What the check stands on. */
export interface BearerRules {
  /** Resource that tokens must be for; both slash forms are taken. */
  audience: string
  authorizationUri: string
  /** Checks more than the claims, e.g. the signature; default: everything passes. */
  verifyToken: (token: string) => boolean
}

/** Claims of a token that was taken. */
export interface TokenUser {
  /** Lower case. */
  upn: string
  token: string
}

const CBA_LOCATION = 'https://outlook-cba.office365.com/Microsoft-Server-ActiveSync'

/** Users whose next token must be a new one, and tokens that are refused for good. */
export class ClaimsDemands {
  readonly #pending = new Map<string, string>()
  readonly #refused = new Map<string, string>()
  readonly #lastToken = new Map<string, string>()

  /** Refuses the user's last token and the next one that is shown, with `claims` (base64 of JSON). */
  demand(user: string, claims: string): void {
    this.#pending.set(user, claims)
    const last = this.#lastToken.get(user)
    if (last !== undefined) this.#refused.set(last, claims)
  }

  /** The claims that this token is refused with, or null. */
  refusalOf({ upn, token }: TokenUser): string | null {
    const pending = this.#pending.get(upn)
    if (pending !== undefined && (this.#lastToken.get(upn) ?? token) === token) this.#refused.set(token, pending)
    this.#pending.delete(upn)
    this.#lastToken.set(upn, token)
    return this.#refused.get(token) ?? null
  }
}

/** The user of a request, or the answer that refuses it. */
export function checkBearer(
  authorization: string | undefined,
  rules: BearerRules,
  demands: ClaimsDemands,
): TokenUser | Answer {
  // No Authorization at all is taken for an attempt with a client certificate and sent elsewhere.
  if (authorization === undefined) return empty(451, [['X-MS-Location', CBA_LOCATION]])
  const token = /^Bearer +([^ ]+)$/i.exec(authorization)?.[1]
  const user = token === undefined ? null : userOf(token, rules)
  if (user === null) return refusal(rules, 'error="invalid_token"')
  const claims = demands.refusalOf(user)
  return claims === null ? user : refusal(rules, `error="insufficient_claims", claims="${claims}"`)
}

/** Base64 of the claims that Entra wants in a sign-in from now on. */
export function claimsForNow(): string {
  const nbf = { essential: true, value: String(Math.floor(Date.now() / 1000)) }
  return Buffer.from(JSON.stringify({ access_token: { nbf } })).toString('base64')
}

function userOf(token: string, { audience, verifyToken }: BearerRules): TokenUser | null {
  const claims = claimsOf(token)
  const { aud, upn, exp } = claims
  if (typeof aud !== 'string' || typeof upn !== 'string' || typeof exp !== 'number') return null
  if (withoutSlash(aud) !== withoutSlash(audience) || exp * 1000 <= Date.now() || !verifyToken(token)) return null
  return { upn: upn.toLowerCase(), token }
}

function claimsOf(token: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
  } catch (cause) {
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}

function refusal({ authorizationUri }: BearerRules, error: string): Answer {
  const challenge = [
    'client_id="00000002-0000-0ff1-ce00-000000000000"',
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*"',
    'token_types="app_asserted_user_v1 service_asserted_app_v1"',
    `authorization_uri="${authorizationUri}"`,
    error,
  ].join(', ')
  const diagnostics = '2000001;reason="The token is invalid.";error_category="invalid_token"'
  return empty(401, [
    ['WWW-Authenticate', `Bearer ${challenge}`],
    ['x-ms-diagnostics', diagnostics],
  ])
}

function withoutSlash(value: string): string {
  return value.endsWith('/') ? value.slice(0, -1) : value
}
