/**
 * What the stand-in tells about itself: OpenID metadata and instance discovery.
 *
 * Documents: OpenID Connect Discovery 1.0, 3; protocol notes 3.2 and 3.3.
 * @module
 */

/** Names that mean the same cloud. */
const ALIASES = ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com', 'sts.windows.net']

/** Metadata of one tenant, with endpoints on the host that was asked. */
export function openIdMetadata(origin: string, tenant: string, tenantId: string, v2: boolean): Record<string, unknown> {
  const base = `${origin}/${tenant}`
  const oauth = v2 ? `${base}/oauth2/v2.0` : `${base}/oauth2`
  return {
    token_endpoint: `${oauth}/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: v2 ? `${base}/discovery/v2.0/keys` : `${base}/discovery/keys`,
    response_modes_supported: ['query', 'fragment'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: issuerOf(origin, tenantId, v2),
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'nonce', 'preferred_username', 'name', 'tid', 'ver'],
    authorization_endpoint: `${oauth}/authorize`,
    code_challenge_methods_supported: ['S256'],
  }
}

/** Issuer of id tokens. v1's is the same whatever host was asked. */
export function issuerOf(origin: string, tenantId: string, v2: boolean): string {
  return v2 ? `${origin}/${tenantId}/v2.0` : `https://sts.windows.net/${tenantId}/`
}

/** The answer about an authority; null for one that is not of this cloud. */
export function instanceMetadata(origin: string, authorizationEndpoint: string): Record<string, unknown> | null {
  const asked = URL.parse(authorizationEndpoint)
  if (asked === null || !ALIASES.includes(asked.hostname)) return null
  const tenant = asked.pathname.split('/')[1] ?? 'common'
  return {
    tenant_discovery_endpoint: `${origin}/${tenant}/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: ALIASES[0], preferred_cache: ALIASES[1], aliases: ALIASES }],
  }
}
