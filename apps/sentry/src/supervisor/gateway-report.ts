/**
 * One report to Core, put together from what everybody knows.
 * @module
 */
import { FEED_SCHEMA } from '@postern/contract/feed/feed-schema'
import type { AssociationReport, GatewayReport } from '@postern/contract/feed/gateway-report'
import type { ServerState } from '../coordination/messages.ts'
import { COUNTER_ROWS } from '../events/counters.ts'
import { SENTRY_VERSION } from '../version.ts'

/** Servers in one report. */
const MAX_SERVERS = 64
const MAX_REASONS = 32

/** What goes into a report. `values`: counters in the order of their rows. */
export interface ReportParts {
  readonly startedAt: number
  readonly config: GatewayReport['config']
  readonly posture: GatewayReport['posture']
  readonly notReady: readonly string[]
  readonly values: readonly number[]
  readonly servers: readonly ServerState[]
  readonly associations: readonly AssociationReport[]
}

/** Puts it together. Pure. */
export function gatewayReport(parts: ReportParts): GatewayReport {
  const { startedAt, config, posture, notReady, values, servers, associations } = parts
  return {
    schema: FEED_SCHEMA,
    version: SENTRY_VERSION,
    startedAt: Math.floor(startedAt),
    config,
    posture,
    notReady: notReady.slice(0, MAX_REASONS).map((reason) => reason.slice(0, 500)),
    counts: countsOf(values),
    servers: joined(servers).slice(0, MAX_SERVERS),
    associations: [...associations],
  }
}

function countsOf(values: readonly number[]): GatewayReport['counts'] {
  const sum = (metric: string, decision?: string): number =>
    COUNTER_ROWS.reduce((total, row, i) => {
      const counts = row.metric === metric && (decision === undefined || row.labels['decision'] === decision)
      return counts ? total + Math.max(0, values[i] ?? 0) : total
    }, 0)
  return {
    connections: sum('connections'),
    held: sum('held'),
    requests: sum('requests'),
    allowed: sum('requests', 'allow') + sum('requests', 'report'),
    refused: sum('requests', 'refuse'),
  }
}

/** A server that one worker can use is usable. */
function joined(servers: readonly ServerState[]): GatewayReport['servers'] {
  const byName = new Map<string, GatewayReport['servers'][number]>()
  for (const { server, live, reason } of servers) {
    const known = byName.get(server)
    if (known === undefined || (live && !known.live)) byName.set(server, { server, live, reason })
  }
  return [...byName.values()]
}
