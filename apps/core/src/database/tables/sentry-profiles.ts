/**
 * Tables of Standalone Sentries, certificates and trusted roots.
 * @module
 */
import type { ColumnType, Generated } from 'kysely'
import type { StandaloneSentry } from '@postern/contract/standalone-sentry'
import type { Finding } from '@postern/pki/chain'

/** JSON that is written as text, and read as what a service wrote there. */
type Json<T> = ColumnType<T, string, string>

/** Columns as Kysely reads and writes them. */
export interface SentryProfilesTables {
  sentry_profiles: {
    id: Generated<string>
    name: string
    version: Generated<number>
    settings: Json<StandaloneSentry>
    created_at: Generated<Date>
    updated_at: Generated<Date>
  }
  sentry_profile_versions: {
    profile_id: string
    version: number
    settings: Json<StandaloneSentry>
    at: Date
    author_kind: string
    author_id: string | null
    author_name: string
    note: string | null
    restored_from: number | null
  }
  certificates: {
    id: Generated<string>
    name: string
    version: Generated<number>
    source: 'uploaded' | 'requested' | 'issued'
    issued_for: string | null
    key_id: string
    request_pem: string | null
    chain_pem: string | null
    not_after: Date | null
    findings: Json<readonly Finding[]>
    created_at: Generated<Date>
    updated_at: Generated<Date>
  }
  trusted_roots: {
    id: Generated<string>
    name: string
    version: Generated<number>
    purpose: 'device' | 'upstream'
    pem: string
    not_after: Date
    crl_pem: string | null
    crl_this_update: Date | null
    crl_next_update: Date | null
    crl_revoked: number | null
    created_at: Generated<Date>
    updated_at: Generated<Date>
  }
  sentry_profile_certificates: { profile_id: string; certificate_id: string }
  sentry_profile_roots: { profile_id: string; root_id: string }
  device_authority: { one: Generated<boolean>; certificate_pem: string; key_id: string }
}
