/**
 * The admin listener: the API, and nothing that phones or Sentries use.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import cookie from '@fastify/cookie'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { EndpointTable } from '@postern/contract/api/endpoint'
import { addEndpoints, guardRoutes } from '../api/router.ts'
import type { Authenticator } from '../api/principal.ts'
import { sendFailure } from '../api/reply.ts'
import { isLoopback } from '../config/core-config.ts'
import { toFailure } from '../database/to-failure.ts'
import { CoreError } from '../failure.ts'
import type { Services } from '../services/services.ts'
import type { Listener } from './listener.ts'

/** Body of a request at most, where its endpoint says nothing else. Bytes. */
const BODY_BYTES = 1_048_576
/** Head and body of a request must be there within so long. Milliseconds. */
const REQUEST_MS = 60_000

/** What the admin listener serves. */
export interface AdminApi {
  readonly table: EndpointTable
  readonly handlers: Readonly<Record<string, unknown>>
  readonly authenticator: Authenticator
}

/** Builds the application without listening; tests walk its routes. */
export async function buildAdminApp(services: Services, api: AdminApi): Promise<FastifyInstance> {
  const { tls, trustedProxies } = services.config.admin
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_MS,
    genReqId: () => randomUUID(),
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    ...(tls === null
      ? {}
      : {
          https: {
            cert: await readFile(tls.certFile),
            key: await readFile(tls.keyFile),
            minVersion: 'TLSv1.2' as const,
          },
        }),
  }) as unknown as FastifyInstance // the https variant has another server type; nothing here looks at it
  app.setErrorHandler((error, request, reply) => sendFailure(told(error, request, services), request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendFailure(new CoreError('NOT_FOUND', 'no such endpoint; see /api/v1/openapi.json'), request, reply),
  )
  app.addHook('onRequest', async (request) => {
    refuseOddPaths(request)
    refuseOtherNames(request, services)
  })
  app.addHook('onSend', async (_request, reply) => {
    void reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
  })
  await app.register(cookie)
  guardRoutes(app, api.authenticator, services)
  addEndpoints(app, api.table, api.handlers, services)
  return app
}

/** Listens. @throws Error naming the fields when the port cannot be used. */
export async function startAdminListener(services: Services, api: AdminApi): Promise<Listener> {
  const app = await buildAdminApp(services, api)
  const { host, port } = services.config.admin
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw new Error(`admin.host and admin.port (${host}:${port}) cannot be used: ${codeOf(error)}`, { cause: error })
  }
  return {
    port: (app.server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => app.close(),
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

/** A path that two readers could read in two ways is nobody's: the class of faults behind many broken consoles. */
function refuseOddPaths(request: FastifyRequest): void {
  const path = request.url.split('?', 1)[0] ?? ''
  if (/[;\\]|\/\/|%2e|%2f|%5c|%3b|%00|\/\.{1,2}(\/|$)/i.test(path)) {
    throw new CoreError('NOT_FOUND', 'no such endpoint: the path has characters that no path of ours has')
  }
}

/** A page of somebody else's can make its own name lead here (DNS rebinding), but not ask under ours. */
function refuseOtherNames(request: FastifyRequest, services: Services): void {
  const { publicUrl, host } = services.config.admin
  const asked = request.hostname.toLowerCase()
  const bare = asked.startsWith('[') ? asked.slice(1, -1) : asked
  const ours = publicUrl === null ? null : new URL(publicUrl).hostname
  if (bare === ours || bare === host || (isLoopback(bare) && isLoopback(host))) return
  throw new CoreError('MISDIRECTED', 'this name is not mine; ask for it by the name in admin.publicUrl')
}

function told(error: unknown, request: FastifyRequest, services: Services): CoreError {
  const failure = fastifyFailure(error) ?? toFailure(error)
  if (failure.code === 'INTERNAL') {
    const cause = failure.cause instanceof Error ? failure.cause : failure
    // The message may quote input; the place in the code cannot.
    const at = (cause.stack ?? '')
      .split('\n')
      .filter((line) => line.startsWith('    at '))
      .slice(0, 6)
      .join(' ')
    services.log('problem', 'fault', { requestId: request.id, name: cause.name, code: codeOf(cause), at })
  }
  return failure
}

/** Failures of the HTTP layer, before any handler. */
function fastifyFailure(error: unknown): CoreError | null {
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new CoreError('TOO_LARGE', 'the body is larger than this endpoint takes')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new CoreError('MEDIA_TYPE', 'send the body as application/json, or as the API document says')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new CoreError('INVALID', 'the body is not JSON')
    default:
      return error instanceof SyntaxError ? new CoreError('INVALID', 'the body is not JSON') : null
  }
}
