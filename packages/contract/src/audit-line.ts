/**
 * One decision as it is written down: a JSON object a line. Never a token, code, password, cookie or body.
 * @module
 */

/** `report`: posture would have refused, and report mode let it through. */
export type AuditDecision = 'allow' | 'refuse' | 'report'

/**
 * A line of the audit file. `time` is ISO 8601 in UTC, `id` goes to the device as `X-Request-Id`, `snapshot` is the
 * version that decided, `status` what the device got (0: nothing, the connection went), sizes are body bytes.
 */
export interface AuditLine {
  readonly time: string
  readonly id: string
  readonly event: AuditEvent
  readonly device: string | null
  readonly user: string | null
  readonly easDeviceId: string | null
  readonly certificate: string | null
  readonly command: string | null
  readonly version: string | null
  readonly decision: AuditDecision
  readonly reasons: readonly string[]
  readonly snapshot: number
  readonly status: number
  readonly upstreamStatus: number | null
  readonly durationMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly remote: string
}

/** `alarm`: identities disagree, or someone tried what no honest client does; else the endpoint that decided. */
export type AuditEvent = 'activesync' | 'authorize' | 'token' | 'autodiscover' | 'request' | 'alarm' | 'wipe'
