/**
 * The listener that Sentries dial: mutual TLS, four paths, nothing else. Who it is comes first; only the path that a token
 * opens is served without a certificate.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { FEED_PATHS } from '@postern/contract/feed/enrolment'
import { toFailure } from '../database/to-failure.ts'
import { CoreError } from '../failure.ts'
import type { Listener } from '../listeners/listener.ts'
import { openServiceAuthority } from '../services/sentries/authority.ts'
import { createDocuments, type RenderDocument, withinLine } from '../services/sentries/documents.ts'
import { renderDocument } from '../services/sentry-profiles/document.ts'
import type { Services } from '../services/services.ts'
import { feedHosts } from '../config/feed-address.ts'
import { requireMethod, sendProblem, targetOf } from '../listeners/plain-exchange.ts'
import { createFeedPaths, type FeedPaths } from './feed-paths.ts'
import { FEED_TLS } from './feed-tls.ts'
import { claimOf, recogniseGateway } from './gateway-peer.ts'
import { issueServerIdentity, keepIdentityFresh } from '../listeners/server-certificate.ts'

/** Connections at most; more are closed at once. Fifty Sentries need two each. */
const MAX_CONNECTIONS = 2_000
/** A request must be there within so long, with its body. Milliseconds. */
const REQUEST_MS = 30_000
/** A reader of the feed that takes nothing for so long is given up. Milliseconds. */
const DRAIN_MS = 30_000
/** A document is made anew after so long even when no wake-up came. Milliseconds. */
const DOCUMENT_MS = 5_000

/** What a test sets otherwise. */
export interface FeedOptions {
  readonly render?: RenderDocument
  readonly drainMs?: number
}

/** Listens. @throws Error naming the fields when the port cannot be used. */
export async function startFeedListener(services: Services, options: FeedOptions = {}): Promise<Listener> {
  const { store, vault, now } = services
  const authority = await openServiceAuthority(services)
  const hosts = feedHosts(services.config)
  const issue = () => issueServerIdentity(authority, hosts, now())
  const render = options.render ?? ((profileId) => renderDocument(store.db, vault, profileId))
  const documents = createDocuments(withinLine(render), DOCUMENT_MS, now)
  using owned = new DisposableStack()
  owned.use(services.wakeups.on('sentries', () => documents.forget()))
  const paths = createFeedPaths({ services, authority, documents, drainMs: options.drainMs ?? DRAIN_MS })
  const server = createServer({ ...FEED_TLS, ...(await issue()), ...LIMITS }, (request, response) => {
    void answer(services, paths, request, response)
  })
  server.maxConnections = MAX_CONNECTIONS
  const use = (identity: object): void => server.setSecureContext({ ...FEED_TLS, ...identity })
  owned.use(keepIdentityFresh({ issue, use, now, fault: (error) => tellFault(services, error, 'certificate') }))
  const { host, port } = services.config.feed
  await listen(server, host, port)
  const rest = owned.move()
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      rest.dispose()
      const closed = new Promise((resolve) => server.close(resolve))
      await paths.stop()
      server.closeAllConnections()
      await closed
    },
  }
}

const LIMITS = {
  maxHeaderSize: 16_384,
  requestTimeout: REQUEST_MS,
  headersTimeout: 10_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
} as const

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(`feed.host and feed.port (${host}:${port}) cannot be used: ${error.code ?? ''}`, { cause: error }),
      ),
    )
    server.listen(port, host, resolve)
  })
}

async function answer(
  services: Services,
  paths: FeedPaths,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = randomUUID()
  try {
    await route(services, paths, request, response)
  } catch (error) {
    if (request.destroyed && !request.complete) return // the other end left while it was still sending
    const failure = toFailure(error)
    if (failure.code === 'INTERNAL') tellFault(services, error, requestId)
    sendProblem(request, response, failure, requestId)
  }
}

async function route(
  services: Services,
  paths: FeedPaths,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { path, query } = targetOf(request)
  const socket = request.socket as TLSSocket
  const remote = socket.remoteAddress ?? ''
  if (path === FEED_PATHS.enrol && query === null) {
    requireMethod(request, 'POST')
    return paths.enrol(request, response, remote)
  }
  const claim = claimOf(socket, services.now())
  const gateway = await recogniseGateway(services, claim, remote)
  const call = { request, response, gateway, remote }
  if (path === FEED_PATHS.feed) {
    requireMethod(request, 'GET')
    return paths.feed(call, query)
  }
  if (query === null && (path === FEED_PATHS.renew || path === FEED_PATHS.report)) {
    requireMethod(request, 'POST')
    return path === FEED_PATHS.renew ? paths.renew(call) : paths.report(call)
  }
  throw new CoreError('NOT_FOUND', 'the feed has no such path')
}

function tellFault(services: Services, error: unknown, requestId: string): void {
  const cause = error instanceof Error ? error : new Error('unknown')
  // The message may quote input; the place in the code cannot.
  const lines = (cause.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  services.log('problem', 'feed-fault', { requestId, name: cause.name, at: lines.slice(0, 6).join(' ') })
}
