/**
 * Token requests of v1 and v2.0, turned into one of the library's, and its answer turned back.
 *
 * Source: protocol notes 3.1, 3.2, 3.4; RFC 7636, 4.6.
 * @module
 */
import { createHash } from 'node:crypto'
import { answeredForm } from './directory.ts'
import type { Directory } from './directory.ts'
import { EntraError } from './errors.ts'
import type { Grants, OutstandingGrant } from './grants.ts'
import { INNER_REDIRECT } from './provider.ts'
import { claimsOf } from './token-signer.ts'
import type { TokenSigner } from './token-signer.ts'

/** A token request that may go on to the library. */
export interface TokenRequest {
  /** Form for the library. */
  inner: URLSearchParams
  grant: OutstandingGrant
  /** Registered form of the resource that the token is for. */
  resource: string
  /** The resource as the client wrote it last. */
  asAsked: string
  v2: boolean
  /** The client wants `client_info`. */
  clientInfo: boolean
}

/** What replies are made with. */
export interface ReplyTools {
  directory: Directory
  signer: TokenSigner
  grants: Grants
  /** Of id tokens. */
  issuer: string
}

/** Checks a request. @throws EntraError */
export function toTokenRequest(form: URLSearchParams, v2: boolean, directory: Directory, grants: Grants): TokenRequest {
  const grantType = form.get('grant_type') ?? ''
  if (grantType === '') throw new EntraError('PARAMETER_MISSING', 'grant_type')
  if (grantType !== 'authorization_code' && grantType !== 'refresh_token') throw new EntraError('GRANT_UNSUPPORTED')
  const clientId = form.get('client_id') ?? ''
  if (directory.client(clientId) === null) throw new EntraError('CLIENT_UNKNOWN', clientId)
  if ((form.get('client_secret') ?? '') !== '') throw new EntraError('CLIENT_IS_PUBLIC')
  const member = grantType === 'refresh_token' ? 'refresh_token' : 'code'
  const grant = grants.find(grantType, form.get(member) ?? '')
  if (grant === null || grant.clientId !== clientId) throw new EntraError('GRANT_EXPIRED')
  if (grant.revoked) throw new EntraError('GRANT_REVOKED')
  if (grantType === 'authorization_code') checkRedemption(form, grant)
  const target = targetOf(form, v2, grant, directory)
  const inner = new URLSearchParams({
    grant_type: grantType,
    client_id: clientId,
    [member]: grant.inner,
    resource: target.resource,
  })
  if (grantType === 'authorization_code') inner.set('redirect_uri', INNER_REDIRECT)
  const verifier = form.get('code_verifier')
  if (verifier !== null) inner.set('code_verifier', verifier)
  return { inner, grant, ...target, v2, clientInfo: form.get('client_info') === '1' }
}

/** Entra's answer for the library's. */
export function toReply(
  body: Record<string, unknown>,
  request: TokenRequest,
  tools: ReplyTools,
): Record<string, unknown> {
  const { grant, resource, asAsked, v2 } = request
  const life = Number(body['expires_in'])
  const now = Math.floor(Date.now() / 1000)
  const { directory, signer, grants } = tools
  const { refresh_token: refreshToken, id_token: innerId } = body
  const inner = typeof refreshToken === 'string' ? refreshToken : grant.inner
  const extra = grant.asked.cae ? { xms_cc: ['cp1'] } : {}
  const scope = directory.scopeOf(resource)
  const accessToken = signer.mint({ upn: grant.upn, aud: resource, appid: grant.clientId, exp: now + life, extra })
  const tokens = {
    access_token: accessToken,
    refresh_token: grants.addRefreshToken({ ...grant, inner, asked: { ...grant.asked, resource, asAsked } }),
    id_token: idToken(typeof innerId === 'string' ? innerId : null, request, tools),
    ...(request.clientInfo ? { client_info: clientInfo(grant.upn, directory) } : {}),
  }
  if (v2) {
    const names = scope.split(' ').map((each) => `${resource}/${each}`)
    return {
      token_type: 'Bearer',
      scope: [...names, 'openid', 'profile', 'email'].join(' '),
      expires_in: life,
      ext_expires_in: life,
      ...tokens,
    }
  }
  return {
    token_type: 'Bearer',
    scope,
    expires_in: String(life),
    ext_expires_in: String(life),
    expires_on: String(now + life),
    not_before: String(now - 300),
    resource: asAsked,
    ...tokens,
  }
}

function checkRedemption(form: URLSearchParams, { asked }: OutstandingGrant): void {
  const redirectUri = form.get('redirect_uri')
  if (redirectUri === null) throw new EntraError('PARAMETER_MISSING', 'redirect_uri')
  if (answeredForm(redirectUri) !== answeredForm(asked.redirectUri)) throw new EntraError('REDIRECT_URI', redirectUri)
  const verifier = form.get('code_verifier')
  const shown = verifier === null ? null : createHash('sha256').update(verifier).digest('base64url')
  if (shown !== asked.codeChallenge) throw new EntraError('PKCE')
}

/** What the token will be for: what this request says, else what the grant was made for. */
function targetOf(
  form: URLSearchParams,
  v2: boolean,
  { asked }: OutstandingGrant,
  directory: Directory,
): { resource: string; asAsked: string } {
  const named = v2 ? form.get('scope') : form.get('resource')
  if (named === null || (v2 && !named.includes('/'))) return { resource: asked.resource, asAsked: asked.asAsked }
  const target = v2 ? directory.scopeTarget(named) : { resource: directory.resource(named), asAsked: named }
  if (target === 'mixed') throw new EntraError('SCOPE_MIXED')
  if (target === 'unknown' || target.resource === null) throw new EntraError('RESOURCE_UNKNOWN', named)
  return { resource: target.resource, asAsked: target.asAsked }
}

/** The library's id token in Entra's words; subject, audience, nonce and times stay the library's. */
function idToken(token: string | null, { grant, v2 }: TokenRequest, { directory, signer, issuer }: ReplyTools): string {
  const { sub, aud, exp, iat, nonce } = token === null ? {} : claimsOf(token)
  const claims = { aud: aud ?? grant.clientId, iss: issuer, iat, exp, name: grant.upn.split('@')[0], sub, nonce }
  const { oid } = directory.userByName(grant.upn) ?? { oid: sub }
  const who = v2
    ? { preferred_username: grant.upn, ver: '2.0' }
    : { upn: grant.upn, unique_name: grant.upn, ver: '1.0' }
  return signer.signed({ ...claims, ...who, oid, tid: directory.tenantId })
}

function clientInfo(upn: string, directory: Directory): string {
  const uid = directory.userByName(upn)?.oid
  return Buffer.from(JSON.stringify({ uid, utid: directory.tenantId })).toString('base64url')
}
