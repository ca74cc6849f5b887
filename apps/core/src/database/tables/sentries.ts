/**
 * Tables of registered Sentries (migration 0004).
 * @module
 */
import type { ColumnType, Generated } from 'kysely'

/** JSON that is written as text. */
type Json<T> = ColumnType<T, string | undefined, string>
type JsonOrNull<T> = ColumnType<T | null, string | null | undefined, string | null>

/** What a Sentry said of itself last; times in ms since 1970. */
export interface StoredHealth {
  readonly startedAt: number
  readonly notReady: readonly string[]
  readonly connections: number
  readonly held: number
  readonly requests: number
  readonly allowed: number
  readonly refused: number
  readonly servers: readonly { readonly server: string; readonly live: boolean; readonly reason: string | null }[]
}

/** Columns as Kysely reads and writes them. */
export interface SentriesTables {
  service_authority: {
    one: Generated<boolean>
    certificate_pem: string
    key_secret: string
    created_at: Generated<Date>
  }
  sentries: {
    id: Generated<string>
    version: Generated<number>
    created_at: Generated<Date>
    updated_at: Generated<Date>
    name: string
    profile_id: string | null
    local: Generated<boolean>
    adopts_first_profile: Generated<boolean>
    token_hash: Buffer | null
    token_expires_at: Date | null
    registered_at: Date | null
    revoked_at: Date | null
  }
  sentry_keys: {
    fingerprint: string
    sentry_id: string
    serial: string
    not_after: Date
    created_at: Date
    used_at: Date | null
    good_until: Date | null
  }
  sentry_states: {
    sentry_id: string
    software_version: string | null
    schemas: number[] | null
    feed_schema: number | null
    stream_id: string | null
    stream_since: Date | null
    stream_seen_at: Date | null
    last_seen_at: Date | null
    offered_etag: string | null
    offered_version: number | null
    not_served: Json<readonly string[]>
    applied_etag: string | null
    applied_version: number | null
    refused_etag: string | null
    refused_version: number | null
    refused_problems: JsonOrNull<readonly { readonly path: string; readonly message: string }[]>
    posture_epoch: string | null
    posture_seq: number | null
    reported_at: Date | null
    health: JsonOrNull<StoredHealth>
  }
}
