/**
 * The certified OpenID library, set up so that everything Entra does differently can be done around it.
 *
 * Every application has one redirect URI inside of the library: Entra's own rules for comparing and answering them are
 * kept in directory.ts. What was asked for travels along in one private parameter.
 * @module
 */
// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- an import cannot bring in words for another module
/// <reference path="./oidc-provider.d.ts" />
import { randomUUID } from 'node:crypto'
import { Provider } from 'oidc-provider'
import type { ProviderContext } from 'oidc-provider'
import type { Directory } from './directory.ts'
import { MemoryStore } from './memory-adapter.ts'
import type { TokenSigner } from './token-signer.ts'

/** Paths of the library; only `resume` (below `authorize`) is ever seen by a browser. */
export const INNER = { authorize: '/common/reprocess', token: '/common/inner/token' } as const
/** The only redirect URI inside. */
export const INNER_REDIRECT = 'https://redirect.invalid/app'
/** Path of the sign-in page, followed by the sign-in's id. */
export const SIGN_IN = '/common/login/'
/** Name of the private parameter. */
export const ASKED = 'postern_asked'

/** How long things last, in seconds. */
export interface Lifetimes {
  accessToken: number
  code: number
}

const OPENID_SCOPE = 'openid profile email offline_access'

/** Scopes and resources for an inner authorize request: everything, so that refresh tokens are good for all of it. */
export function innerScope(directory: Directory): string {
  return [OPENID_SCOPE, ...directory.resources.map((resource) => directory.scopeOf(resource))].join(' ')
}

/** Makes the library's provider, and the store it writes to. */
export function createProvider(
  publicHost: string,
  directory: Directory,
  signer: TokenSigner,
  lifetimes: Lifetimes,
): { provider: Provider; store: MemoryStore } {
  const store = new MemoryStore()
  const provider = new Provider(`https://${publicHost}`, {
    adapter: (model: string) => store.adapter(model),
    clients: directory.clientIds.map((clientId) => ({
      client_id: clientId,
      redirect_uris: [INNER_REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    })),
    clientBasedCORS: () => false,
    cookies: { keys: [randomUUID()] },
    expiresWithSession: async () => false,
    extraParams: [ASKED],
    features: features(directory, lifetimes),
    findAccount: async (_ctx: unknown, oid: string) => accountOf(directory, oid),
    interactions: { url: async (_ctx: unknown, { uid }: { uid: string }) => `${SIGN_IN}${uid}` },
    issueRefreshToken: async () => true,
    jwks: { keys: [signer.privateJwk()] },
    loadExistingGrant: async (ctx: ProviderContext) => grantOf(ctx, directory),
    pkce: { required: () => false },
    renderError: async (ctx: ProviderContext, out: { error: string; error_description?: string }) => {
      ctx.body = `${out.error}: ${out.error_description ?? ''}`
    },
    rotateRefreshToken: false,
    routes: { authorization: INNER.authorize, token: INNER.token, jwks: '/common/inner/keys' },
    scopes: OPENID_SCOPE.split(' '),
    ttl: {
      AccessToken: lifetimes.accessToken,
      AuthorizationCode: lifetimes.code,
      Grant: 1_209_600,
      IdToken: 3_600,
      Interaction: 3_600,
      RefreshToken: 1_209_600,
      Session: 1_209_600,
    },
  })
  provider.on('server_error', (_ctx, error) => process.emitWarning(error))
  return { provider, store }
}

function features(directory: Directory, lifetimes: Lifetimes): object {
  return {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => undefined,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_ctx: unknown, resource: string) => ({
        scope: directory.scopeOf(resource),
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: lifetimes.accessToken,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  }
}

function accountOf(directory: Directory, oid: string): object | undefined {
  const user = directory.userByOid(oid)
  if (user === null) return undefined
  return { accountId: oid, claims: async () => ({ sub: oid, upn: user.upn }) }
}

/** Nobody is asked for consent: an administrator has given it for everything. */
async function grantOf({ oidc }: ProviderContext, directory: Directory): Promise<object | undefined> {
  if (oidc === undefined) return undefined
  const { provider, session, client } = oidc
  const known = session.grantIdFor(client.clientId)
  if (known !== undefined) return provider.Grant.find(known)
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(OPENID_SCOPE)
  for (const resource of directory.resources) grant.addResourceScope(resource, directory.scopeOf(resource))
  await grant.save()
  return grant
}
