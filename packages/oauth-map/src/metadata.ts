/**
 * What clients ask about an authority before they sign in: the OpenID metadata with our endpoints in it, and the
 * answer to instance discovery.
 *
 * Documents: OpenID Connect Discovery 1.0 3 and 4; RFC 8414 2; instance discovery as the ADAL and MSAL libraries do it.
 * @module
 */
import { cloudOfLoginHost } from './clouds.ts'
import { endpointFor } from './model.ts'
import type { OAuthApi, OAuthMapping } from './model.ts'
import { sentryOrigin } from './resource.ts'

/** What is the identity provider's own in the metadata. */
export interface IdpMetadata {
  /** May hold the placeholder `{tenantid}`, as the identity provider's own document does for `common`. */
  readonly issuer: string
  readonly jwksUri: string
}

/** The metadata document, member for member as it goes over the wire. */
export interface OpenIdConfiguration {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly token_endpoint_auth_methods_supported: readonly string[]
  readonly response_types_supported: readonly string[]
  readonly response_modes_supported: readonly string[]
  readonly grant_types_supported: readonly string[]
  readonly code_challenge_methods_supported: readonly string[]
  readonly scopes_supported: readonly string[]
  readonly subject_types_supported: readonly string[]
  readonly id_token_signing_alg_values_supported: readonly string[]
  readonly request_parameter_supported: boolean
  readonly request_uri_parameter_supported: boolean
}

/** Metadata with endpoints here, and issuer and keys there. It offers only what the mappings let through. */
export function openidConfiguration(mapping: OAuthMapping, api: OAuthApi, idp: IdpMetadata): OpenIdConfiguration {
  const base = `${sentryOrigin(mapping)}/proxyservice/oauth2${api === 'v2' ? '/v2.0' : ''}`
  return {
    issuer: idp.issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    jwks_uri: idp.jwksUri,
    token_endpoint_auth_methods_supported: ['none'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  }
}

/** Tenant segments that stand for many tenants; their issuer is a template. */
const MANY_TENANTS = new Set(['common', 'organizations', 'consumers'])

/**
 * Issuer and key address of the configured identity provider, derived from its token endpoint rather than fetched,
 * so that the answer is constant and needs no network.
 *
 * For a host of a public cloud: v1 `https://<issuer host>/<tenant>/`, v2 `https://<current login host>/<tenant>/v2.0`,
 * where a tenant segment such as `common` becomes `{tenantid}` — the identity provider's own spelling. MSAL accepts it
 * because the host is one it knows. For any other host (AD FS) the issuer is what stands before `/oauth2`.
 */
export function idpMetadata(mapping: OAuthMapping, api: OAuthApi): IdpMetadata {
  const url = new URL(endpointFor(mapping, 'v1', 'token'))
  const family = url.pathname.lastIndexOf('/oauth2/')
  const prefix = family === -1 ? '' : url.pathname.slice(0, family)
  const jwksUri = `${url.origin}${prefix}/discovery${api === 'v2' ? '/v2.0' : ''}/keys`
  const cloud = cloudOfLoginHost(url.hostname)
  if (cloud === null) return { issuer: `${url.origin}${prefix}${api === 'v2' ? '/v2.0' : ''}`, jwksUri }
  const segment = prefix.slice(1)
  const tenant = MANY_TENANTS.has(segment) ? '{tenantid}' : segment
  const loginHost = cloud.loginHosts[0] ?? url.hostname
  const issuer = api === 'v1' ? `https://${cloud.issuerHost}/${tenant}/` : `https://${loginHost}/${tenant}/v2.0`
  return { issuer, jwksUri }
}

/**
 * The answer to `GET /common/discovery/instance`. ADAL for iOS asks a custom authority for its aliases and goes on
 * only when the error is exactly `invalid_instance`. 50049 is the number Entra gives with it.
 */
export function instanceDiscoveryError(): { readonly status: 400; readonly body: string } {
  const description = 'AADSTS50049: Unknown or invalid instance; use the authority as configured.'
  const body = JSON.stringify({ error: 'invalid_instance', error_description: description, error_codes: [50049] })
  return { status: 400, body }
}
