/**
 * Which devices a label has. Members of filter labels are stored like those of manual ones, and worked out anew for the
 * devices that a change touches: lists, counts and configurations read one table.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import { parseFilter } from '@postern/posture/filter'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import type { Change } from '../../database/store.ts'
import { lockPosture } from '../posture/entries.ts'
import { filterCondition } from './filter-sql.ts'

/** Filter labels worked out with one statement. */
const LABELS_AT_ONCE = 50

/** A label's name beside its id. */
export interface LabelName {
  readonly id: string
  readonly name: string
}

/** Works out the filter labels of some devices; called after every change to a device or its user. */
export async function refreshLabels(change: Change, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length === 0) return
  await lockPosture(change) // else a change of the filter, or of the user, at the same time would be missed
  const labels = await change.tx
    .selectFrom('labels')
    .select(['id', 'filter'])
    .where('filter', 'is not', null)
    .orderBy('id')
    .execute()
  for (let from = 0; from < labels.length; from += LABELS_AT_ONCE) {
    const some = labels.slice(from, from + LABELS_AT_ONCE)
    const wanted = some.map(({ id, filter }) =>
      membersOf(id, filter ?? '', sql`devices.id = any(${deviceIds}::uuid[])`),
    )
    const labelIds = some.map(({ id }) => id)
    const known = sql<boolean>`label_id = any(${labelIds}::uuid[]) and device_id = any(${deviceIds}::uuid[])`
    await replaceMembers(change, sql.join(wanted, sql` union all `), known)
  }
}

/** Works out a filter label for all devices; called when its filter changed. */
export async function refreshLabel(change: Change, labelId: string, filter: string): Promise<void> {
  await lockPosture(change)
  await replaceMembers(change, membersOf(labelId, filter, sql`true`), sql`label_id = ${labelId}`)
}

/** Labels of a device by name. */
export async function labelsOfDevice(db: Db, deviceId: string): Promise<LabelName[]> {
  return db
    .selectFrom('label_members')
    .innerJoin('labels', 'labels.id', 'label_members.label_id')
    .select(['labels.id', 'labels.name'])
    .where('label_members.device_id', '=', deviceId)
    .orderBy('labels.name_key')
    .execute()
}

/** A page of the ids of a label's devices, in the order of the ids. */
export async function deviceIdsOfLabel(
  db: Db,
  labelId: string,
  page: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<Page<string>> {
  const query = db.selectFrom('label_members').select('device_id').where('label_id', '=', labelId)
  const columns = [{ by: 'label_members.device_id', type: 'uuid' }] as const
  const { items, next } = await pageOf(query, { ...page, sort: 'deviceId', columns })
  return { items: items.map(({ device_id }) => device_id), next }
}

function membersOf(labelId: string, filter: string, which: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`select ${labelId}::uuid as label_id, devices.id as device_id
    from devices join users on users.id = devices.user_id
    where ${which} and ${filterCondition(parseFilter(filter))}`
}

async function replaceMembers(change: Change, wanted: RawBuilder<unknown>, known: RawBuilder<boolean>): Promise<void> {
  await sql`
    with wanted as materialized (${wanted}), gone as (
      delete from label_members
      where ${known} and (label_id, device_id) not in (select label_id, device_id from wanted)
    )
    insert into label_members (label_id, device_id) select label_id, device_id from wanted
    on conflict do nothing`.execute(change.tx)
}
