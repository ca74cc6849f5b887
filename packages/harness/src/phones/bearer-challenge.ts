/**
 * The parts of a Bearer challenge that a mail app uses; written apart from Sentry's own reader on purpose. Pure.
 *
 * Document: RFC 9110, 11.6.1; RFC 6750, 3.
 * @module
 */

/** A challenge's parameters as written. */
export interface BearerChallenge {
  authorizationUri: string | null
  error: string | null
  /** Base64 of JSON, as written. */
  claims: string | null
}

/** Reads the first Bearer challenge of a `WWW-Authenticate` header; null when there is none. */
export function bearerChallengeOf(header: string | undefined): BearerChallenge | null {
  if (header === undefined || !/^\s*bearer\b/i.test(header)) return null
  const parameters = new Map(
    [...header.slice(0, 16_384).matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, name, value]) => [name, value]),
  )
  return {
    authorizationUri: parameters.get('authorization_uri') ?? null,
    error: parameters.get('error') ?? null,
    claims: parameters.get('claims') ?? null,
  }
}

/** The `claims` parameter for the next sign-in: the challenge's, joined to what the phone always asks for. */
export function mergedClaims(challengeClaims: string | null): string {
  const own = { access_token: { xms_cc: { values: ['cp1'] } } }
  if (challengeClaims === null) return JSON.stringify(own)
  const asked: unknown = JSON.parse(Buffer.from(challengeClaims, 'base64').toString('utf8'))
  const members = typeof asked === 'object' && asked !== null ? Object.fromEntries(Object.entries(asked)) : {}
  const token: unknown = members['access_token']
  return JSON.stringify({
    ...members,
    access_token: { ...(typeof token === 'object' ? token : {}), ...own.access_token },
  })
}
