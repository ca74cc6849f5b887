/**
 * Tables of migration 0005: users, devices, identities, labels, posture.
 * @module
 */
import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** JSON is written as text: `pg` would turn an array into one of PostgreSQL's own. */
type Json<T> = ColumnType<T, string, string>

interface Versioned {
  id: Generated<string>
  version: Generated<number>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

/** What a device may do about mail. */
export type Decision = 'allow' | 'block' | 'wipe'

/** A reason as it is stored with the decision; times as ISO 8601. */
export interface StoredReason {
  readonly code: string
  readonly source: string
  readonly since: string
  readonly expires: string | null
  readonly detail: string
  readonly overridden: boolean
}

/** Columns as Kysely reads and writes them. */
export interface DirectoryTables {
  users: Versioned & {
    user_name: string
    user_key: GeneratedAlways<string>
    user_id: Generated<string>
    email: Generated<string>
    first_name: Generated<string>
    last_name: Generated<string>
    display_name: Generated<string>
    custom1: Generated<string>
    custom2: Generated<string>
    custom3: Generated<string>
    custom4: Generated<string>
    disabled: Generated<boolean>
    disabled_at: Date | null
    blocked_at: Date | null
    blocked_by: string | null
    blocked_note: string | null
    search: GeneratedAlways<string>
  }
  devices: Versioned & {
    user_id: string
    user_name: string
    user_display_name: string
    name: string
    platform: 'iOS' | 'Android' | 'other'
    model: Generated<string>
    os_version: Generated<string>
    os_version_key: GeneratedAlways<string>
    serial: Generated<string>
    udid: Generated<string>
    uuid: Generated<string>
    ownership: 'company' | 'employee'
    eas_device_ids: Generated<string[]>
    eas_keys: GeneratedAlways<string[]>
    requires_identity: Generated<boolean>
    state: 'enrolling' | 'active' | 'checkedOut' | 'retired' | 'wiped'
    state_since: Generated<Date>
    last_check_in: Date | null
    facts: ColumnType<Record<string, string | number | boolean>, string | undefined, string>
    retired_by: string | null
    retired_note: string | null
    wipe_at: Date | null
    wipe_by: string | null
    wipe_note: string | null
    name_key: GeneratedAlways<string>
    user_key: GeneratedAlways<string>
    search: GeneratedAlways<string>
  }
  identities: {
    id: Generated<string>
    device_id: string
    fingerprint: string
    subject: Generated<string>
    issuer: Generated<string>
    serial: Generated<string>
    not_before: Date
    not_after: Date
    created_at: Generated<Date>
    revoked_at: Date | null
    revoked_by: string | null
    revoked_note: string | null
  }
  posture_overrides: {
    device_id: string
    source: string
    kind: 'allow' | 'block'
    note: string
    actor: string
    at: Date
    expires_at: Date | null
  }
  device_posture: {
    device_id: string
    decision: Decision
    reasons: Json<readonly StoredReason[]>
    next_change: Date | null
    at: Date
  }
  labels: Versioned & {
    name: string
    name_key: GeneratedAlways<string>
    description: Generated<string>
    kind: 'manual' | 'filter'
    filter: string | null
    built_in: Generated<boolean>
  }
  label_members: { label_id: string; device_id: string }
}
