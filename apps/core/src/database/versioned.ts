/**
 * Edits of rows that carry a version: whoever changes one says which version was read.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import { CoreError, notFound } from '../failure.ts'
import type { Change } from './store.ts'
import type { Tables } from './tables.ts'

/** Tables with an id and a version. */
export type VersionedTable = {
  [Name in keyof Tables]: Tables[Name] extends { id: unknown; version: unknown } ? Name : never
}[keyof Tables]

/**
 * Locks a row for the rest of the change and compares its version with the one of If-Match. `version` null: an action
 * that does not depend on what was read. `kind` is for the message, such as `label`.
 * @throws CoreError NOT_FOUND, CHANGED
 */
export async function lockVersion(
  change: Change,
  table: VersionedTable,
  kind: string,
  id: string,
  version: number | null,
): Promise<void> {
  const { rows } = await sql<{ version: number }>`
    select version from ${sql.table(table)} where id = ${id} for update`.execute(change.tx)
  const [row] = rows
  if (row === undefined) throw notFound(kind, id)
  if (version !== null && row.version !== version) {
    throw new CoreError('CHANGED', `the ${kind} is at version ${row.version} now; read it again and repeat the change`)
  }
}

/** Columns that every edit sets beside its own. */
export function nextVersion(change: Change): { version: RawBuilder<number>; updated_at: Date } {
  return { version: sql<number>`version + 1`, updated_at: change.now }
}
