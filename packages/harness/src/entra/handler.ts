/**
 * One request of the Entra stand-in: recorded, routed, translated for the library, translated back.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider, ProviderContext } from 'oidc-provider'
import { askedOf, toInnerAuthorize, toOuterLocation } from './authorize.ts'
import type { Directory } from './directory.ts'
import { EntraError } from './errors.ts'
import { Grants } from './grants.ts'
import { innerRequest } from './inner-request.ts'
import type { MemoryStore } from './memory-adapter.ts'
import { instanceMetadata, issuerOf, openIdMetadata } from './metadata.ts'
import { INNER, INNER_REDIRECT, createProvider } from './provider.ts'
import type { Lifetimes } from './provider.ts'
import { answerFault, readRequest } from './received.ts'
import type { EntraRequest, TokenFault } from './received.ts'
import { routeOf } from './routes.ts'
import type { Route } from './routes.ts'
import { errorPage } from './sign-in-page.ts'
import { SignIn, page } from './sign-in.ts'
import { toReply, toTokenRequest } from './token.ts'
import type { TokenSigner } from './token-signer.ts'

/** Cookies that Entra sets on its token answers; nobody should keep them. */
const TOKEN_COOKIES = [
  'fpc=AkzX1m0XlQpDhI; expires=Wed, 01-Jan-2098 00:00:00 GMT; path=/; secure; HttpOnly; SameSite=None',
  'x-ms-gateway-slice=estsfd; path=/; secure; samesite=none; httponly',
]

/** Everything behind the socket. */
export class EntraHandler {
  readonly received: EntraRequest[] = []
  readonly faults: (TokenFault & { times: number })[] = []
  readonly #publicHost: string
  readonly #directory: Directory
  readonly #signer: TokenSigner
  readonly #grants = new Grants()
  readonly #store: MemoryStore
  readonly #callback: ReturnType<Provider['callback']>
  readonly #signIn: SignIn
  /** What is to be done with the library's answer to a token request. */
  readonly #afterToken = new WeakMap<IncomingMessage, (ctx: ProviderContext) => void>()
  readonly #closing = new AbortController()

  constructor(publicHost: string, directory: Directory, signer: TokenSigner, lifetimes: Lifetimes) {
    this.#publicHost = publicHost
    this.#directory = directory
    this.#signer = signer
    const { provider, store } = createProvider(publicHost, directory, signer, lifetimes)
    this.#store = store
    this.#signIn = new SignIn(provider, directory)
    provider.use(async (ctx, next) => {
      await next()
      this.#translateRedirect(ctx)
      this.#afterToken.get(ctx.req)?.(ctx)
    })
    this.#callback = provider.callback()
  }

  close(): void {
    this.#closing.abort()
  }

  /** See EntraStandIn.revoke. */
  revoke(upn: string): void {
    this.#grants.revoke(upn)
    const oid = this.#directory.userByName(upn)?.oid
    this.#store.removeWhere((payload) => oid !== undefined && payload['accountId'] === oid)
  }

  /** Answers a request. Rejects only for a mistake of the stand-in itself. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const request = await readRequest(req)
    this.received.push(request)
    const url = new URL(request.url, `https://${request.headers['host'] ?? this.#publicHost}`)
    const route = routeOf(url.pathname)
    try {
      await this.#answer(route, url, request, req, res)
    } catch (cause) {
      if (!(cause instanceof EntraError)) throw cause
      const html = route.kind === 'authorize' || route.kind === 'sign-in'
      if (html) page(res, errorPage(cause.message), cause.status)
      else json(res, cause.status, cause.body(this.#publicHost, correlationOf(request)), echoOf(request))
    }
  }

  async #answer(
    route: Route,
    url: URL,
    request: EntraRequest,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    if ('tenant' in route && !this.#directory.knowsTenant(route.tenant))
      throw new EntraError('TENANT_NOT_FOUND', route.tenant)
    switch (route.kind) {
      case 'authorize':
        return this.#authorize(url.searchParams, route.v2, req, res)
      case 'token':
        return this.#token(request, route.v2, url.origin, req, res)
      case 'metadata':
        json(res, 200, openIdMetadata(url.origin, route.tenant, this.#directory.tenantId, route.v2))
        return
      case 'keys':
        json(res, 200, this.#signer.jwks())
        return
      case 'instance': {
        const metadata = instanceMetadata(url.origin, url.searchParams.get('authorization_endpoint') ?? '')
        const unknown = {
          error: 'invalid_instance',
          error_description: 'AADSTS50049: Unknown or invalid instance.',
          error_codes: [50049],
        }
        json(res, metadata === null ? 400 : 200, metadata ?? unknown)
        return
      }
      case 'sign-in':
        return this.#signIn.handle(req, res, request.method === 'POST' ? new URLSearchParams(request.body) : null)
      case 'resume':
        return this.#callback(innerRequest(req, request.url, null), res)
      case 'none':
        res.writeHead(404).end()
        return
      default:
        route satisfies never
    }
  }

  async #authorize(query: URLSearchParams, v2: boolean, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const next = toInnerAuthorize(query, v2, this.#directory)
    if ('location' in next) {
      res.writeHead(302, { Location: next.location }).end()
      return
    }
    await this.#callback(innerRequest(req, next.inner, null), res)
  }

  /** The library redirects to its one redirect URI; the browser is sent to the client's. */
  #translateRedirect(ctx: ProviderContext): void {
    const inner = ctx.response.get('Location') ?? ''
    const asked = inner.startsWith(INNER_REDIRECT) ? askedOf(ctx.oidc?.params) : null
    if (asked === null || ctx.oidc === undefined) return
    const { location, code } = toOuterLocation(inner, asked)
    const { client, session } = ctx.oidc
    const user = this.#directory.userByOid(session.accountId)
    if (code !== null && user !== null) {
      this.#grants.addCode({ asked, clientId: client.clientId, upn: user.upn, inner: code, revoked: false })
    }
    ctx.body = ''
    ctx.status = 302
    ctx.response.set('Location', location)
  }

  async #token(
    request: EntraRequest,
    v2: boolean,
    origin: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const fault = this.#nextFault()
    if (fault !== null) return answerFault(res, fault, this.#closing.signal)
    if (request.method !== 'POST') throw new EntraError('POST_ONLY')
    if (request.headers['origin'] !== undefined) throw new EntraError('CROSS_ORIGIN')
    const asked = toTokenRequest(new URLSearchParams(request.body), v2, this.#directory, this.#grants)
    const issuer = issuerOf(origin, this.#directory.tenantId, v2)
    const tools = { directory: this.#directory, signer: this.#signer, grants: this.#grants, issuer }
    const inner = innerRequest(req, INNER.token, asked.inner)
    this.#afterToken.set(inner, (ctx) => {
      const body = membersOf(ctx.body)
      if (ctx.status === 200) ctx.body = toReply(body, asked, tools)
      else ctx.body = fromInner(body).body(this.#publicHost, correlationOf(request))
    })
    res.setHeader('Set-Cookie', TOKEN_COOKIES)
    for (const [name, value] of Object.entries(echoOf(request))) res.setHeader(name, value)
    await this.#callback(inner, res)
  }

  #nextFault(): TokenFault | null {
    const fault = this.faults[0]
    if (fault === undefined) return null
    fault.times -= 1
    if (fault.times <= 0) this.faults.shift()
    return fault
  }
}

/** The library's refusal in Entra's numbers. */
function fromInner(body: Record<string, unknown>): EntraError {
  return body['error'] === 'invalid_grant'
    ? new EntraError('GRANT_EXPIRED')
    : new EntraError('OTHER', String(body['error']))
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

function correlationOf(request: EntraRequest): string {
  return request.headers['client-request-id'] ?? randomUUID()
}

/** The client's request id comes back when it asks for it. */
function echoOf(request: EntraRequest): Record<string, string> {
  const wanted = request.headers['return-client-request-id']?.toLowerCase() === 'true'
  return { 'x-ms-request-id': randomUUID(), ...(wanted ? { 'client-request-id': correlationOf(request) } : {}) }
}

function json(res: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers })
  res.end(JSON.stringify(body))
}
