/**
 * An OpenID provider for signing administrators in: the certified library on loopback, with groups in the ID token and a
 * sign-in form of one line.
 * @module
 */
// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- an import cannot bring in words for another module
/// <reference path="../entra/oidc-provider.d.ts" />
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Provider, type ProviderContext } from 'oidc-provider'
import { MemoryStore } from '../entra/memory-adapter.ts'
import { CookieJar } from '../phones/cookie-jar.ts'

/** Somebody who can sign in. Members may be changed between two sign-ins. */
export interface ProviderUser {
  readonly sub: string
  name: string
  groups: readonly string[]
  email: string
}

/** What the provider knows. */
export interface IdentityProviderOptions {
  readonly users: readonly ProviderUser[]
  readonly clientId: string
  /** Null: a public client. */
  readonly clientSecret: string | null
  readonly redirectUris: readonly string[]
}

/** A running one. */
export interface IdentityProviderStandIn extends AsyncDisposable {
  readonly issuer: string
  /** Parameters of authorize requests, oldest first. */
  readonly asked: readonly URLSearchParams[]
  /** From now on it overlooks `prompt` and `max_age`, as a careless provider would. */
  overlookFreshness: boolean
  /** From now on its metadata name this as token endpoint. */
  tokenEndpoint: string | null
  /** From now on its metadata answer is a redirect to this. */
  redirectMetadata: string | null
  /**
   * A browser that goes to `url` and signs in as `sub` when it is asked to. Returns where it is sent at last: the
   * client's redirect URI with all parameters. `jar` keeps the provider's session.
   */
  browse(url: string, sub: string, jar?: CookieJar): Promise<URL>
}

const MOST_HOPS = 12
const LOGIN = '/login/'

/** Starts one. @throws Error when a redirect leads nowhere. */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProviderStandIn> {
  let handle: (req: IncomingMessage, res: ServerResponse) => Promise<void> = async (_req, res) => void res.end()
  const server = createServer((req, res) => {
    handle(req, res).catch((cause: unknown) => {
      process.emitWarning(cause instanceof Error ? cause : String(cause))
      res.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const issuer = `http://127.0.0.1:${port}`
  const provider = createProvider(issuer, options)
  const asked: URLSearchParams[] = []
  const standIn: IdentityProviderStandIn = {
    issuer,
    asked,
    overlookFreshness: false,
    tokenEndpoint: null,
    redirectMetadata: null,
    browse: (url, sub, jar = new CookieJar()) => browse(issuer, url, sub, jar),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  provider.use(async (ctx, next) => {
    await next()
    if (!isMetadata(ctx.req) || standIn.tokenEndpoint === null) return
    ctx.body = { ...membersOf(ctx.body), token_endpoint: standIn.tokenEndpoint }
  })
  const callback = provider.callback()
  handle = async (req, res) => {
    const url = new URL(req.url ?? '/', issuer)
    if (url.pathname === '/auth') noteAuthorize(url, req, standIn, asked)
    if (url.pathname.startsWith(LOGIN)) return login(provider, url, req, res)
    if (isMetadata(req) && standIn.redirectMetadata !== null) {
      res.writeHead(302, { location: standIn.redirectMetadata }).end()
      return
    }
    await callback(req, res)
  }
  return standIn
}

function isMetadata(req: IncomingMessage): boolean {
  return (req.url ?? '').startsWith('/.well-known/openid-configuration')
}

function membersOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function noteAuthorize(
  url: URL,
  req: IncomingMessage,
  standIn: IdentityProviderStandIn,
  asked: URLSearchParams[],
): void {
  asked.push(new URLSearchParams(url.searchParams))
  if (!standIn.overlookFreshness) return
  url.searchParams.delete('prompt')
  url.searchParams.delete('max_age')
  Object.assign(req, { url: url.pathname + url.search })
}

async function login(provider: Provider, url: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const sub = url.searchParams.get('as')
  if (sub === null) {
    res.writeHead(200, { 'content-type': 'text/plain' }).end('who are you?')
    return
  }
  const next = await provider.interactionResult(req, res, { login: { accountId: sub, amr: ['pwd'] } })
  res.writeHead(302, { location: next }).end()
}

function createProvider(
  issuer: string,
  { users, clientId, clientSecret, redirectUris }: IdentityProviderOptions,
): Provider {
  const store = new MemoryStore()
  const provider = new Provider(issuer, {
    adapter: (model: string) => store.adapter(model),
    claims: { openid: ['sub', 'preferred_username', 'name', 'email', 'groups'] },
    clients: [
      {
        client_id: clientId,
        ...(clientSecret === null
          ? { token_endpoint_auth_method: 'none' }
          : { client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' }),
        redirect_uris: [...redirectUris],
        require_auth_time: true,
      },
    ],
    conformIdTokenClaims: false,
    cookies: { keys: [randomUUID()] },
    features: { devInteractions: { enabled: false } },
    findAccount: async (_ctx: unknown, sub: string) => accountOf(users, sub),
    interactions: { url: async (_ctx: unknown, { uid }: { uid: string }) => LOGIN + uid },
    jwks: { keys: [{ ...signingKey(), kid: 'one', use: 'sig', alg: 'RS256' }] },
    loadExistingGrant: async (ctx: ProviderContext) => grantOf(ctx),
    pkce: { required: () => true },
    ttl: { AuthorizationCode: 60, Grant: 3_600, IdToken: 600, Interaction: 600, Session: 3_600, AccessToken: 600 },
  })
  provider.on('server_error', (_ctx, error) => process.emitWarning(error))
  return provider
}

function signingKey(): object {
  return generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'jwk' })
}

function accountOf(users: readonly ProviderUser[], sub: string): object | undefined {
  const user = users.find((one) => one.sub === sub)
  if (user === undefined) return undefined
  const { name, groups, email } = user
  const claims = { sub, preferred_username: name.toLowerCase(), name, email, groups: [...groups] }
  return { accountId: sub, claims: async () => claims }
}

/** Nobody is asked for consent. */
async function grantOf({ oidc }: ProviderContext): Promise<object | undefined> {
  if (oidc === undefined) return undefined
  const { provider, session, client } = oidc
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope('openid profile email')
  await grant.save()
  return grant
}

async function browse(issuer: string, start: string, sub: string, jar: CookieJar): Promise<URL> {
  let url = new URL(start)
  for (let hop = 0; hop < MOST_HOPS; hop += 1) {
    if (url.origin !== issuer) return url
    const cookie = jar.headerFor(url)
    const response = await fetch(url, { redirect: 'manual', headers: cookie === null ? {} : { cookie } })
    jar.store(url, response.headers.getSetCookie())
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (location !== null) url = new URL(location, url)
    else if (url.pathname.startsWith(LOGIN) && response.status === 200) url.searchParams.set('as', sub)
    else throw new Error(`the provider answered ${response.status} at ${url.pathname}`)
  }
  throw new Error('the provider sends the browser round in circles')
}
