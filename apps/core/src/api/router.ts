/**
 * From the table of endpoints to routes. The order for each request is fixed: who is it, may they, then what do they say,
 * then do it. A route without declared access does not start.
 * @module
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Value } from 'typebox/value'
import type { TSchema } from 'typebox'
import type { Access, EndpointRow, EndpointTable } from '@postern/contract/api/endpoint'
import { PERMISSIONS } from '@postern/contract/api/permissions'
import { parseDocument } from '@postern/contract/problems'
import type { Repeatable } from '../database/store.ts'
import { CoreError, invalid } from '../failure.ts'
import type { Services } from '../services/services.ts'
import type { Handler, RequestContext } from './handlers.ts'
import { requirePlain } from './plain-input.ts'
import { actorOf, type Authenticator, type Principal, requireStepUp } from './principal.ts'
import { sendAnswer } from './reply.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call; every route says so. */
    access?: Access
    /** Fresh proof of identity beside that. */
    stepUp?: boolean
  }
  interface FastifyRequest {
    principal: Principal | null
  }
}

/** Name of the session's cookie: the prefix binds it to this host, to https (loopback counts) and to the path `/`. */
export const SESSION_COOKIE = '__Host-postern'
/** Name of the cookie that ties a browser to the sign-in it began at the identity provider. */
export const OIDC_COOKIE = '__Host-postern-oidc'

/** Body of whoever is not signed in at most: names, passwords, codes. A stranger must not make Core parse a megabyte. Bytes. */
const ANONYMOUS_BODY_BYTES = 16_384

type AnyHandler = Handler<EndpointRow>

/** Adds every row. @throws Error when a row has no handler, or a route no access: a fault of the release. */
export function addEndpoints(
  app: FastifyInstance,
  table: EndpointTable,
  handlers: Readonly<Record<string, unknown>>,
  services: Services,
): void {
  const medias = new Set(Object.values(table).flatMap(({ bodyMedia }) => bodyMedia ?? []))
  for (const media of medias) {
    app.addContentTypeParser(media, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  }
  for (const [name, row] of Object.entries(table)) {
    const handler = handlers[name]
    if (typeof handler !== 'function') throw new Error(`endpoint ${name} has no handler`)
    app.route({
      method: row.method,
      url: row.path,
      config: { access: row.access, stepUp: row.stepUp === true },
      ...bodyLimitOf(row),
      handler: (request, reply) => serve(row, handler as AnyHandler, services, request, reply), // the table's own type
    })
  }
}

function bodyLimitOf({ access, bodyBytes }: EndpointRow): { bodyLimit?: number } {
  if (access === 'anonymous') return { bodyLimit: ANONYMOUS_BODY_BYTES }
  return bodyBytes === undefined ? {} : { bodyLimit: bodyBytes }
}

/** Refuses routes without access, and recognises whoever calls before the body is read. */
export function guardRoutes(app: FastifyInstance, authenticator: Authenticator, services: Services): void {
  app.decorateRequest('principal', null)
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${String(route.method)} ${route.url} declares no access`)
  })
  app.addHook('onRequest', async (request) => {
    const { access, stepUp } = request.routeOptions.config
    if (access === undefined || access === 'anonymous') return // undefined: no route; the answer is 404
    request.principal = await authenticator.authenticate({
      sessionCookie: request.cookies[SESSION_COOKIE] ?? null,
      authorization: request.headers.authorization ?? null,
      csrfToken: headerOf(request, 'x-csrf-token'),
      method: request.method,
      remote: request.ip,
    })
    authorise(access, request.principal, services.now())
    if (stepUp === true && request.principal !== null) requireStepUp(request.principal, services.now())
  })
}

function authorise(access: Access, principal: Principal | null, now: number): void {
  if (access === 'anonymous') return
  if (principal === null) throw new CoreError('NOT_SIGNED_IN', 'send a session or an API token')
  if (access === 'signed-in') return
  if (!principal.permissions.has(access)) {
    throw new CoreError(
      'FORBIDDEN',
      `this needs the permission ${access}; an administrator can give you a role with it`,
    )
  }
  if (PERMISSIONS[access].stepUp) requireStepUp(principal, now)
}

async function serve(
  row: EndpointRow,
  handler: AnyHandler,
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (Buffer.isBuffer(request.body) && row.bodyMedia === undefined) {
    throw new CoreError('MEDIA_TYPE', 'send the body as application/json')
  }
  const input = {
    params: parsed('path', row.params, request.params),
    query: parsed('query', row.query, request.query),
    body: row.body === undefined ? undefined : parsedBody(row.body, request.body),
  }
  if (row.body === undefined && row.bodyMedia !== undefined) Object.assign(input, { body: request.body })
  const answer = await handler(input as Parameters<AnyHandler>[0], contextOf(row, services, request))
  return sendAnswer(row, answer, request, reply)
}

/** Paths and queries are text: numbers and booleans in it are read as such before the schema judges. */
function parsed(document: string, schema: TSchema | undefined, input: unknown): unknown {
  if (schema === undefined) return undefined
  requirePlain(input)
  return parseDocument(document, schema, Value.Convert(schema, structuredClone(input)), [])
}

function parsedBody(schema: TSchema, input: unknown): unknown {
  requirePlain(input)
  return parseDocument('request', schema, input, [])
}

function contextOf(row: EndpointRow, services: Services, request: FastifyRequest): RequestContext {
  const repeatable = row.idempotent === true ? repeatableOf(row, request) : undefined
  const actor = actorOf(request.principal, request.ip, request.id)
  return {
    requestId: request.id,
    remote: request.ip,
    principal: request.principal,
    ifMatch: row.ifMatch === 'required' ? ifMatchOf(request) : null,
    sessionCookie: request.cookies[SESSION_COOKIE] ?? null,
    oidcCookie: request.cookies[OIDC_COOKIE] ?? null,
    origin: services.config.admin.publicUrl ?? `${request.protocol}://${request.host}`,
    direct: request.headers['x-forwarded-for'] === undefined && request.headers.forwarded === undefined,
    secure: request.protocol === 'https',
    change: (work) => services.store.change(actor, work, repeatable),
  }
}

function ifMatchOf(request: FastifyRequest): number {
  const value = headerOf(request, 'if-match')
  if (value === null) {
    throw new CoreError(
      'PRECONDITION_REQUIRED',
      'send If-Match with the ETag that you read, so that nobody is overwritten',
    )
  }
  const version = /^"(\d{1,15})"$/.exec(value)?.[1]
  if (version === undefined) throw invalid('If-Match', 'is no ETag of this API, such as "7"')
  return Number(version)
}

function repeatableOf(row: EndpointRow, request: FastifyRequest): Repeatable | undefined {
  const key = headerOf(request, 'idempotency-key')
  if (key === null) return undefined
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw invalid('Idempotency-Key', 'must be 1 to 200 printable ASCII characters')
  const text = JSON.stringify([row.method, request.url, request.body ?? null])
  return { key, requestHash: createHash('sha256').update(text).digest('hex') }
}

function headerOf(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' ? value : null
}
