/**
 * Counters of the hot path: plain numbers in one array, handed over at scrape. Rows are fixed, so arrays of several
 * workers add up.
 * @module
 */
import { EAS_COMMANDS, type EasCommand } from '@postern/eas-query/commands'
import { type Reason, REASONS } from '../decision/reasons.ts'

const COMMANDS = Object.keys(EAS_COMMANDS) as EasCommand[]
const REASON_NAMES = Object.keys(REASONS) as Reason[]
const ENDPOINTS = ['activesync', 'authorize', 'token', 'metadata', 'autodiscover', 'none'] as const
/** Upper bounds of the duration histogram, seconds. */
export const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

/** Where a request went. */
export type Endpoint = (typeof ENDPOINTS)[number]

/** One number of the array: its metric, its labels. */
export interface CounterRow {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
}

/** Gauges come first: their indices are used by name. */
const GAUGES = [
  'connections',
  'held',
  'snapshot_version',
  'snapshot_age_seconds',
  'audit_lines_lost',
  'upstream_idle',
] as const
/** A value that goes up and down. */
export type Gauge = (typeof GAUGES)[number]

/** Every row, in the order of the array. */
export const COUNTER_ROWS: readonly CounterRow[] = [
  ...GAUGES.map((name) => ({ metric: name, labels: {} })),
  ...ENDPOINTS.flatMap((endpoint) =>
    ['allow', 'refuse', 'report'].map((decision) => ({ metric: 'requests', labels: { endpoint, decision } })),
  ),
  ...COMMANDS.map((command) => ({ metric: 'commands', labels: { command } })),
  ...REASON_NAMES.map((reason) => ({ metric: 'refusals', labels: { reason } })),
  ...[...DURATION_BUCKETS.map(String), '+Inf'].map((le) => ({ metric: 'duration_bucket', labels: { le } })),
  { metric: 'duration_sum', labels: {} },
  { metric: 'bytes', labels: { direction: 'in' } },
  { metric: 'bytes', labels: { direction: 'out' } },
]

const indexOf = new Map(
  COUNTER_ROWS.map((row, index) => [`${row.metric} ${Object.values(row.labels).join(' ')}`.trim(), index]),
)

function rowIndex(key: string): number {
  const index = indexOf.get(key)
  if (index === undefined) throw new TypeError(`no counter row ${key}`)
  return index
}

/** One finished request. Milliseconds, bytes. */
export interface Finished {
  readonly endpoint: Endpoint
  readonly decision: 'allow' | 'refuse' | 'report'
  readonly command: EasCommand | null
  readonly reason: Reason | null
  readonly durationMs: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** One worker's numbers; {@link COUNTER_ROWS} names each. */
export class Counters {
  readonly values = new Float64Array(COUNTER_ROWS.length)

  add(gauge: Gauge, by: number): void {
    this.#bump(rowIndex(gauge), by)
  }

  set(gauge: Gauge, value: number): void {
    this.values[rowIndex(gauge)] = value
  }

  finished(request: Finished): void {
    this.#bump(rowIndex(`requests ${request.endpoint} ${request.decision}`), 1)
    if (request.command !== null) this.#bump(rowIndex(`commands ${request.command}`), 1)
    if (request.reason !== null) this.#bump(rowIndex(`refusals ${request.reason}`), 1)
    const seconds = request.durationMs / 1_000
    const bucket = DURATION_BUCKETS.find((bound) => seconds <= bound)
    this.#bump(rowIndex(`duration_bucket ${bucket === undefined ? '+Inf' : String(bucket)}`), 1)
    this.#bump(rowIndex('duration_sum'), seconds)
    this.#bump(rowIndex('bytes in'), request.bytesIn)
    this.#bump(rowIndex('bytes out'), request.bytesOut)
  }

  #bump(index: number, by: number): void {
    this.values[index] = (this.values[index] ?? 0) + by
  }
}
