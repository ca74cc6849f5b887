/**
 * Releases of the feed: which Sentries Core still serves, and what an older one is told.
 *
 * Schema 1 knew no server health, no reserve certificate, no group certificate and no rule for new devices while Core is
 * away. Core serves the
 * current schema and the one before; a Sentry that speaks only older ones is shown as too old and keeps what it has.
 * @module
 */
import { SERVER_HEALTH_DEFAULTS, type SentryDocument } from './sentry-document.ts'

/** What this release speaks first. */
export const FEED_SCHEMA = 2
/** The oldest that Core still serves. */
export const OLDEST_FEED_SCHEMA = 1

/** A document as an older Sentry understands it, and the settings that this Sentry cannot follow. */
export interface ServedDocument {
  readonly document: object
  /** Dotted paths whose value differs from what the older release does anyway. */
  readonly notServed: readonly string[]
}

/**
 * The highest schema that both sides speak; null: this Sentry is too old for Core, or Core too old for it.
 * `spoken` is what the Sentry says it can, in any order.
 */
export function commonSchema(spoken: readonly number[]): number | null {
  const fitting = spoken.filter((n) => n >= OLDEST_FEED_SCHEMA && n <= FEED_SCHEMA)
  return fitting.length === 0 ? null : Math.max(...fitting)
}

/** Renders the document for a schema from {@link OLDEST_FEED_SCHEMA} to {@link FEED_SCHEMA}. */
export function documentForSchema(document: SentryDocument, schema: number): ServedDocument {
  if (schema >= 2) return { document, notServed: [] }
  const { reserve, ...tls } = document.tls
  const { health, ...activeSync } = document.activeSync
  const { unknownWhenCoreIsAway, ...policy } = document.policy
  const { kind = 'identity', ...deviceCertificate } = document.deviceCertificate
  const notServed: string[] = []
  if (reserve !== null) notServed.push('tls.reserve')
  if (JSON.stringify(health) !== JSON.stringify(SERVER_HEALTH_DEFAULTS)) notServed.push('activeSync.health')
  if (unknownWhenCoreIsAway !== policy.unknownDevices) notServed.push('policy.unknownWhenCoreIsAway')
  // It takes the shared certificate for a device's own and refuses every phone, which is the safe way to be wrong.
  if (kind !== 'identity') notServed.push('deviceCertificate.kind')
  return { document: { ...document, deviceCertificate, tls, activeSync, policy }, notServed }
}
