/**
 * Tables of migration 0001.
 * @module
 */
import type { ColumnType, Generated, JSONColumnType } from 'kysely'

type Json = JSONColumnType<object, unknown, unknown>

/** Columns as Kysely reads and writes them. */
export interface BaseTables {
  core_state: { name: string; value: ColumnType<unknown, string, string> }
  secrets: { id: Generated<string>; purpose: string; key_id: string; box: Buffer; created_at: Generated<Date> }
  audit: {
    seq: number
    at: Date
    actor_kind: string
    actor_id: string | null
    actor_name: string
    session_id: string | null
    remote: string | null
    request_id: string | null
    action: string
    object_kind: string
    object_id: string | null
    object_name: string | null
    before: Json | null
    after: Json | null
    note: string | null
    mac: Buffer
  }
  audit_head: { one: Generated<boolean>; seq: number; mac: Buffer }
  idempotency: { actor: string; key: string; request_hash: string; reply: Json; at: Generated<Date> }
  posture_entries: {
    kind: 'device' | 'certificate' | 'user' | 'mode'
    key: string
    value: Json | null
    seq: number
    at: Generated<Date>
  }
}
