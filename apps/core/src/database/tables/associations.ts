/**
 * Tables of migration 0007: ActiveSync associations.
 * @module
 */
import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** How the device of an association was found. */
export type LinkedBy = 'certificate' | 'easDeviceId' | 'hand'

/** Columns as Kysely reads and writes them. */
export interface AssociationsTables {
  associations: {
    id: Generated<string>
    user_name: string
    user_key: string
    eas_device_id: string
    eas_key: string
    device_type: string | null
    user_agent: string | null
    protocol_version: string | null
    certificate: string | null
    device_id: string | null
    linked_by: LinkedBy | null
    decision: 'allow' | 'refuse' | 'report'
    reasons: string[]
    wipe_phase: 'directive-sent' | 'acknowledged' | null
    wipe_at: Date | null
    first_seen: Date
    last_seen: Date
    sentry_id: string | null
    requests: number
    request_counts: ColumnType<Readonly<Record<string, number>>, string, string>
    override_kind: 'allow' | 'block' | null
    override_note: string | null
    override_by: string | null
    override_at: Date | null
    override_expires_at: Date | null
    search: GeneratedAlways<string>
  }
}
