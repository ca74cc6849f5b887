/**
 * What each path of the feed does, for whoever the listener has recognised.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { parseEnrolRequest, parseRenewRequest } from '@postern/contract/feed/enrolment'
import { commonSchema, FEED_SCHEMA, OLDEST_FEED_SCHEMA } from '@postern/contract/feed/feed-schema'
import { MAX_REPORT_BYTES, parseGatewayReport } from '@postern/contract/feed/gateway-report'
import type { Authority } from '@postern/pki/authority'
import { CoreError } from '../failure.ts'
import type { Documents } from '../services/sentries/documents.ts'
import { enrolSentry, renewIdentity, sentryOfToken } from '../services/sentries/enrol.ts'
import { recordReport } from '../services/sentries/report.ts'
import { schemaProblem } from '../services/sentries/schemas.ts'
import type { Gateway } from '../services/sentries/standing.ts'
import { openStreamState } from '../services/sentries/stream-state.ts'
import type { Services } from '../services/services.ts'
import { readJson, sendJson } from '../listeners/plain-exchange.ts'
import { parseFeedQuery } from './feed-query.ts'
import { type Bye, type FeedStream, REPLACED, startFeedStream } from './feed-stream.ts'
import { actorOf } from './gateway-peer.ts'

/** A token, a request and two lists. Bytes. */
const MAX_ENROL_BYTES = 65_536
/** A Sentry that cannot be served asks again after so long: somebody may have updated Core. Seconds. */
const TOO_OLD_RETRY_SECONDS = 300
const NDJSON = { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' } as const

const STOPPING: Bye = { type: 'bye', reason: 'stopping', message: 'this Core stops', retryAfterSeconds: 1 }

/** A request of a Sentry that was recognised. */
export interface GatewayCall {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly gateway: Gateway
  readonly remote: string
}

/** The four paths. */
export interface FeedPaths {
  enrol(request: IncomingMessage, response: ServerResponse, remote: string): Promise<void>
  renew(call: GatewayCall): Promise<void>
  report(call: GatewayCall): Promise<void>
  feed(call: GatewayCall, query: string | null): Promise<void>
  /** Ends every stream: Sentries dial again in a second. Resolves when they have ended. */
  stop(): Promise<void>
}

/** What they use. `drainMs`: see `StreamDeps`. */
export interface FeedPathsDeps {
  readonly services: Services
  readonly authority: Authority
  readonly documents: Documents
  readonly drainMs: number
}

/** The paths of one listener, with the streams that run on it. */
export function createFeedPaths(deps: FeedPathsDeps): FeedPaths {
  const { services, authority } = deps
  const streams = new Map<string, FeedStream>()
  return {
    enrol: async (request, response, remote) => {
      const body = parseEnrolRequest(await readJson(request, MAX_ENROL_BYTES))
      const { id, name } = await sentryOfToken(services.store.db, body.token, services.now())
      const actor = actorOf({ sentryId: id, name }, remote)
      sendJson(response, await services.store.change(actor, (change) => enrolSentry(change, authority, body)))
    },
    renew: async ({ request, response, gateway, remote }) => {
      const { csr } = parseRenewRequest(await readJson(request, MAX_ENROL_BYTES))
      const actor = actorOf(gateway, remote)
      sendJson(response, await services.store.change(actor, (change) => renewIdentity(change, authority, gateway, csr)))
    },
    report: async ({ request, response, gateway, remote }) => {
      const report = parseGatewayReport(await readJson(request, MAX_REPORT_BYTES))
      if (report.schema < OLDEST_FEED_SCHEMA || report.schema > FEED_SCHEMA) {
        throw new CoreError('CONFLICT', `reports of schema ${report.schema} are not understood here`)
      }
      await services.store.change(actorOf(gateway, remote), (change) => recordReport(change, gateway, report))
      response.writeHead(204).end()
    },
    feed: (call, query) => openFeed(deps, streams, call, query),
    stop: async () => {
      await Promise.all([...streams.values()].map((stream) => stream.end(STOPPING)))
    },
  }
}

async function openFeed(
  deps: FeedPathsDeps,
  streams: Map<string, FeedStream>,
  { request, response, gateway }: GatewayCall,
  text: string | null,
): Promise<void> {
  const { services } = deps
  const query = parseFeedQuery(text)
  const { sentryId } = gateway
  const schema = commonSchema(query.schemas)
  const problem = schemaProblem(query.schemas)
  if (schema === null || problem !== null) {
    const told = { streamId: sentryId, softwareVersion: query.version, schemas: query.schemas, feedSchema: null }
    await openStreamState(services.store.db, { sentryId, ...told, now: new Date(services.now()) })
    const bye: Bye = {
      type: 'bye',
      reason: 'too-old',
      message: problem ?? '',
      retryAfterSeconds: TOO_OLD_RETRY_SECONDS,
    }
    response.writeHead(200, NDJSON).end(`${JSON.stringify(bye)}\n`)
    return
  }
  void streams.get(sentryId)?.end(REPLACED)
  response.writeHead(200, NDJSON)
  response.flushHeaders()
  request.socket.setNoDelay(true)
  const certificate = (request.socket as TLSSocket).getPeerX509Certificate()
  const validUntil = certificate?.validToDate.getTime() ?? 0
  const stream = startFeedStream({ ...deps, validUntil }, gateway, query, schema, response)
  streams.set(sentryId, stream)
  await stream.done
  if (streams.get(sentryId) === stream) streams.delete(sentryId)
}
