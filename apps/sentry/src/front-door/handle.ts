/**
 * One request from its head to its audit line: form, name, path, method, then whoever serves the path.
 * @module
 */
import { instanceDiscovery, openIdMetadata } from '../oauth/metadata.ts'
import { authorize } from '../oauth/authorize.ts'
import { token } from '../oauth/token.ts'
import { autodiscoverJson, autodiscoverXml } from '../autodiscover/autodiscover.ts'
import type { Exchange } from '../listener/exchange.ts'
import { headReason, hostReason } from '../listener/head-reason.ts'
import type { Runtime } from '../config/runtime.ts'
import { activeSync } from '../pipeline/active-sync.ts'
import type { PipelineDeps } from '../pipeline/deps.ts'
import type { Job } from '../pipeline/job.ts'
import type { Reason } from '../decision/reasons.ts'
import { RequestRecord } from '../pipeline/record.ts'
import { refuseByHttp } from '../pipeline/refuse.ts'
import { type Route, readTarget } from './route.ts'

const METHODS: Readonly<Record<Route['kind'], readonly string[]>> = {
  activesync: ['OPTIONS', 'POST'],
  authorize: ['GET'],
  token: ['POST'],
  metadata: ['GET'],
  'instance-discovery': ['GET'],
  'autodiscover-xml': ['POST'],
  'autodiscover-json': ['GET'],
}
/** Methods that exist but are not for here; all others are unknown. */
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

/** Serves one request. Never rejects; every request ends with a reply or a reset, and with one audit line. */
export async function handle(exchange: Exchange, deps: PipelineDeps): Promise<void> {
  const record = new RequestRecord()
  const runtime = deps.runtime()
  record.action = exchange.method
  try {
    await serve(exchange, record, runtime, deps)
  } catch (error) {
    deps.fault(exchange.id, error)
    record.refused('INTERNAL')
    if (exchange.status === 0) refuseByHttp(exchange, 'INTERNAL', runtime.authorizationUri)
    else exchange.reset()
  } finally {
    record.write(exchange, deps.now(), deps.audit, deps.counters)
  }
}

async function serve(exchange: Exchange, record: RequestRecord, runtime: Runtime, deps: PipelineDeps): Promise<void> {
  const refuse = (reason: Reason, extra: readonly (readonly [string, string])[] = []): void => {
    record.refused(reason)
    refuseByHttp(exchange, reason, runtime.authorizationUri, extra)
  }
  const reason =
    headReason(exchange) ??
    hostReason(exchange.fields.value('host'), exchange.connection.serverName, runtime.hostNames) ??
    (exchange.expects === 'something-else' ? 'EXPECTATION' : null)
  if (reason !== null) {
    refuse(reason)
    return
  }
  const snapshot = deps.snapshot()
  record.snapshot = snapshot?.version ?? 0
  const { route, query } = readTarget(exchange.target, runtime.config.autodiscover)
  const allowed = route === null ? [] : METHODS[route.kind]
  if (!allowed.includes(exchange.method)) {
    const allow: (readonly [string, string])[] = route === null ? [] : [['Allow', allowed.join(', ')]]
    if (!KNOWN_METHODS.has(exchange.method)) refuse('METHOD_UNKNOWN', allow)
    else refuse(route === null ? 'PATH_UNKNOWN' : 'METHOD_NOT_ALLOWED', allow)
    return
  }
  if (exchange.fields.has('access-control-request-method')) {
    refuse('CROSS_ORIGIN') // a web page asks; ActiveSync's own OPTIONS never carries it (A24)
    return
  }
  if (route !== null) await dispatch(route, { exchange, record, runtime, snapshot, query, deps })
  else refuse('PATH_UNKNOWN')
}

async function dispatch(route: Route, job: Job): Promise<void> {
  switch (route.kind) {
    case 'activesync':
      return activeSync(job)
    case 'authorize':
      return authorize(job, route.api)
    case 'token':
      return token(job, route.api)
    case 'metadata':
      return openIdMetadata(job, route.api)
    case 'instance-discovery':
      return instanceDiscovery(job)
    case 'autodiscover-xml':
      return autodiscoverXml(job)
    case 'autodiscover-json':
      autodiscoverJson(job)
      return
    default:
      return route satisfies never
  }
}
