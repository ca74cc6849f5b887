/**
 * What every action on one association begins and ends with.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Change } from '../../database/store.ts'
import type { AssociationsTables } from '../../database/tables/associations.ts'
import { notFound } from '../../failure.ts'

/** A row of the table. */
export type AssociationRow = Selectable<AssociationsTables['associations']>

/** Locked until the change ends, so that no report comes between. @throws CoreError NOT_FOUND */
export async function lockAssociation(change: Change, id: string): Promise<AssociationRow> {
  const row = await change.tx.selectFrom('associations').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (row === undefined) throw notFound('association', id)
  return row
}

/** Name of an association in the audit log. */
function associationName({
  user_name: user,
  eas_device_id: id,
}: Pick<AssociationRow, 'user_name' | 'eas_device_id'>): string {
  return `${user === '' ? 'nobody' : user} ${id}`
}

/** Audit row of an action. */
export function writeDown(
  change: Change,
  action: string,
  row: AssociationRow,
  what: { readonly before: unknown; readonly after: unknown; readonly note: string | null },
): void {
  change.audit({ action, object: { kind: 'association', id: row.id, name: associationName(row) }, ...what })
}
