/**
 * The audit log as it stands in the database.
 * @module
 */
import type { TestCore } from './test-core.ts'

/** Columns that tests look at. */
export interface AuditRow {
  readonly action: string
  readonly actor_name: string
  readonly object_name: string | null
  readonly remote: string | null
  readonly before: unknown
  readonly after: unknown
  readonly note: string | null
}

/** Rows in order; of one action when it is named. */
export async function auditOf({ core }: TestCore, action?: string): Promise<AuditRow[]> {
  const rows = await core.services.store.db.selectFrom('audit').selectAll().orderBy('seq').execute()
  return action === undefined ? rows : rows.filter((row) => row.action === action)
}
