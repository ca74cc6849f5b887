/**
 * Counters of all workers as Prometheus text.
 * @module
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { COUNTER_ROWS } from '../events/counters.ts'

const HELP = {
  connections: 'TLS connections of devices',
  held: 'Ping and Sync requests that wait for mail',
  snapshot_version: 'Version of the policy snapshot in use (lowest of the workers)',
  snapshot_age_seconds: 'Seconds since the policy file was written',
  audit_lines_lost: 'Audit lines that could not be written',
  upstream_idle: 'Idle connections to mail servers',
  requests: 'Requests by endpoint and decision',
  commands: 'ActiveSync commands',
  refusals: 'Refusals by reason',
  bytes: 'Body bytes by direction',
} as const

/** Gauges that the supervisor itself knows. */
const OWN_HELP = {
  workers: 'Worker processes',
  ready: '1 when this Sentry should get traffic',
  policy_rejected: '1 while the policy file on disk is not the policy in use',
} as const

/** Gauges of a registered Sentry. */
const CORE_HELP = {
  core_connected: '1 while the feed from Core is open',
  core_contact_age_seconds: 'Seconds since the last word from Core',
  associations_dropped: 'Associations that were forgotten before Core took them',
} as const

const NOT_SUMMED: Readonly<Record<string, (a: number, b: number) => number>> = {
  snapshot_version: Math.min,
  snapshot_age_seconds: Math.max,
}

/** Adds the arrays of the workers up, row by row (versions: lowest, ages: highest). */
export function sumCounters(arrays: readonly (readonly number[])[]): number[] {
  return COUNTER_ROWS.map((row, i) => {
    const column = arrays.map((values) => values[i] ?? 0)
    return column.length === 0 ? 0 : fold(column, NOT_SUMMED[row.metric] ?? ((a, b) => a + b))
  })
}

// Not the function itself to reduce(): Math.min would also take the index.
function fold(column: readonly number[], by: (a: number, b: number) => number): number {
  return column.reduce((a, b) => by(a, b))
}

/** Renders summed counters, the supervisor's own gauges, and those of a registered Sentry. */
export async function metricsText(
  values: readonly number[],
  own: Readonly<Record<keyof typeof OWN_HELP, number>>,
  core: Readonly<Record<keyof typeof CORE_HELP, number>> | null = null,
): Promise<string> {
  const registry = new Registry()
  for (const [metric, help] of Object.entries(HELP)) {
    const rows = COUNTER_ROWS.map((row, i) => ({ ...row, value: values[i] ?? 0 })).filter(
      (row) => row.metric === metric,
    )
    const labelNames = Object.keys(rows[0]?.labels ?? {})
    const isCounter = labelNames.length > 0
    const name = `postern_sentry_${metric}${isCounter ? '_total' : ''}`
    if (isCounter) {
      const counter = new Counter({ name, help, labelNames, registers: [registry] })
      for (const row of rows) counter.inc({ ...row.labels }, row.value)
    } else {
      const gauge = new Gauge({ name, help, registers: [registry] })
      for (const row of rows) gauge.set(row.value)
    }
  }
  for (const name of ['workers', 'ready', 'policy_rejected'] as const) {
    new Gauge({ name: `postern_sentry_${name}`, help: OWN_HELP[name], registers: [registry] }).set(own[name])
  }
  for (const name of ['core_connected', 'core_contact_age_seconds', 'associations_dropped'] as const) {
    if (core === null) continue
    new Gauge({ name: `postern_sentry_${name}`, help: CORE_HELP[name], registers: [registry] }).set(core[name])
  }
  return `${await registry.metrics()}${durationHistogram(values)}`
}

// The histogram's counts come ready-made from the workers, which prom-client has no way to take over.
function durationHistogram(values: readonly number[]): string {
  const name = 'postern_sentry_request_duration_seconds'
  const lines = [`# HELP ${name} Duration of requests, held ones included`, `# TYPE ${name} histogram`]
  let total = 0
  COUNTER_ROWS.forEach((row, i) => {
    if (row.metric !== 'duration_bucket') return
    total += values[i] ?? 0
    lines.push(`${name}_bucket{le="${row.labels['le'] ?? ''}"} ${total}`)
  })
  const sum = values[COUNTER_ROWS.findIndex((row) => row.metric === 'duration_sum')] ?? 0
  return `\n${[...lines, `${name}_sum ${sum}`, `${name}_count ${total}`].join('\n')}\n`
}
