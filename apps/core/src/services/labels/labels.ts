/**
 * Labels: named sets of devices that configurations are applied to.
 * @module
 */
import { type SelectQueryBuilder, sql } from 'kysely'
import type { LabelInput } from '@postern/contract/api/labels'
import { FilterError, type FilterNode, parseFilter } from '@postern/posture/filter'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import type { Change } from '../../database/store.ts'
import type { Tables } from '../../database/tables.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, invalid, notFound } from '../../failure.ts'
import { type DeviceRow, selectDevices } from '../devices/device-rows.ts'
import { filterCondition } from './filter-sql.ts'
import { refreshLabel } from './membership.ts'

/** A label as it is stored, with the number of its devices. */
export interface LabelRow {
  readonly id: string
  readonly version: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly name: string
  readonly description: string
  readonly kind: 'manual' | 'filter'
  readonly filter: string | null
  readonly built_in: boolean
  readonly members: number
}

/** Devices that a preview shows. */
const PREVIEW_ROWS = 50

/** A page of labels by name. @throws CoreError INVALID for a foreign cursor */
export async function listLabels(
  db: Db,
  page: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<Page<LabelRow>> {
  return pageOf(selectLabels(db), { ...page, sort: 'name', columns: [{ by: 'labels.name_key', type: 'text' }] })
}

/** @throws CoreError NOT_FOUND */
export async function readLabel(db: Db, id: string): Promise<LabelRow> {
  const row = await selectLabels(db).where('labels.id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('label', id)
  return row
}

/** @throws CoreError INVALID for a filter with a fault, CONFLICT when the name is taken */
export async function createLabel(change: Change, input: LabelInput): Promise<LabelRow> {
  if (input.filter !== null) parsed(input.filter)
  await refuseTakenName(change, input.name, null)
  const { id } = await change.tx
    .insertInto('labels')
    .values({
      name: input.name,
      description: input.description ?? '',
      kind: input.filter === null ? 'manual' : 'filter',
      filter: input.filter,
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  if (input.filter !== null) await refreshLabel(change, id, input.filter)
  const row = await readLabel(change.tx, id)
  change.audit({ action: 'label.create', object: objectOf(row), after: facts(row) })
  return row
}

/** @throws CoreError NOT_FOUND, CHANGED, INVALID, CONFLICT for a built-in label, another kind or a taken name */
export async function updateLabel(
  change: Change,
  id: string,
  version: number | null,
  input: LabelInput,
): Promise<LabelRow> {
  const before = await ownLabel(change, id, version)
  if ((input.filter === null) !== (before.filter === null)) {
    throw new CoreError('CONFLICT', `a ${before.kind} label stays one; make a new label for the other kind`)
  }
  if (input.filter !== null) parsed(input.filter)
  await refuseTakenName(change, input.name, id)
  await change.tx
    .updateTable('labels')
    .set({ name: input.name, description: input.description ?? '', filter: input.filter, ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  if (input.filter !== null && input.filter !== before.filter) await refreshLabel(change, id, input.filter)
  const after = await readLabel(change.tx, id)
  change.audit({ action: 'label.update', object: objectOf(after), before: facts(before), after: facts(after) })
  return after
}

/** @throws CoreError NOT_FOUND, CONFLICT for a built-in label, IN_USE while something is applied to it */
export async function removeLabel(change: Change, id: string): Promise<void> {
  const row = await ownLabel(change, id, null)
  await change.tx.deleteFrom('labels').where('id', '=', id).execute()
  change.audit({ action: 'label.remove', object: objectOf(row), before: facts(row) })
}

/** Puts devices into a manual label; those that are in it stay. @throws CoreError NOT_FOUND, INVALID, CONFLICT */
export async function addMembers(change: Change, id: string, deviceIds: readonly string[]): Promise<LabelRow> {
  await manualLabel(change, id)
  await refuseUnknown(change, deviceIds)
  const rows = await change.tx
    .insertInto('label_members')
    .values(deviceIds.map((device_id) => ({ label_id: id, device_id })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('device_id')
    .execute()
  return changedMembers(change, id, 'label.add-devices', rows)
}

/** Takes devices out of a manual label; those that are not in it do no harm. @throws CoreError NOT_FOUND, CONFLICT */
export async function removeMembers(change: Change, id: string, deviceIds: readonly string[]): Promise<LabelRow> {
  await manualLabel(change, id)
  const rows = await change.tx
    .deleteFrom('label_members')
    .where('label_id', '=', id)
    .where('device_id', 'in', deviceIds)
    .returning('device_id')
    .execute()
  return changedMembers(change, id, 'label.remove-devices', rows)
}

/** How many devices a filter has, and the first of them by name. @throws CoreError INVALID for a filter with a fault */
export async function previewFilter(db: Db, filter: string): Promise<{ count: number; devices: DeviceRow[] }> {
  const condition = filterCondition(parsed(filter))
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from devices join users on users.id = devices.user_id where ${condition}`.execute(db)
  const devices = await selectDevices(db)
    .innerJoin('users', 'users.id', 'devices.user_id')
    .where(condition)
    .orderBy('devices.name_key')
    .orderBy('devices.id')
    .limit(PREVIEW_ROWS)
    .execute()
  return { count: rows[0]?.count ?? 0, devices }
}

function parsed(filter: string): FilterNode {
  try {
    return parseFilter(filter)
  } catch (error) {
    if (!(error instanceof FilterError)) throw error
    throw invalid('filter', `at character ${error.position + 1}: ${error.message}`)
  }
}

function selectLabels(db: Db): SelectQueryBuilder<Tables, 'labels', LabelRow> {
  return db
    .selectFrom('labels')
    .select([
      ...(['labels.id', 'version', 'created_at', 'updated_at', 'name', 'description', 'kind', 'filter'] as const),
      'built_in',
      sql<number>`(select count(*) from label_members where label_members.label_id = labels.id)`.as('members'),
    ])
}

async function ownLabel(change: Change, id: string, version: number | null): Promise<LabelRow> {
  await lockVersion(change, 'labels', 'label', id, version)
  const row = await readLabel(change.tx, id)
  if (row.built_in) throw new CoreError('CONFLICT', `${row.name} is built in; make a label of your own`)
  return row
}

async function manualLabel(change: Change, id: string): Promise<void> {
  await lockVersion(change, 'labels', 'label', id, null)
  const { kind, name } = await readLabel(change.tx, id)
  if (kind !== 'manual') throw new CoreError('CONFLICT', `${name} gets its devices from its filter; change that`)
}

async function refuseUnknown(change: Change, deviceIds: readonly string[]): Promise<void> {
  const rows = await change.tx.selectFrom('devices').select('id').where('id', 'in', deviceIds).execute()
  const known = new Set(rows.map(({ id }) => id))
  const at = deviceIds.findIndex((id) => !known.has(id))
  if (at >= 0) throw invalid(`deviceIds[${at}]`, `there is no device ${deviceIds[at] ?? ''}; it may have been removed`)
}

async function changedMembers(
  change: Change,
  id: string,
  action: string,
  rows: readonly { readonly device_id: string }[],
): Promise<LabelRow> {
  if (rows.length > 0) {
    await change.tx.updateTable('labels').set(nextVersion(change)).where('id', '=', id).execute()
    const after = { deviceIds: rows.map(({ device_id }) => device_id) }
    change.audit({ action, object: objectOf(await readLabel(change.tx, id)), after })
  }
  return readLabel(change.tx, id)
}

async function refuseTakenName(change: Change, name: string, exceptId: string | null): Promise<void> {
  const taken = await change.tx
    .selectFrom('labels')
    .select('id')
    .where('name_key', '=', sql<string>`lower(${name})`)
    .executeTakeFirst()
  if (taken !== undefined && taken.id !== exceptId) {
    throw new CoreError('CONFLICT', `there is a label ${name} already; names differ by more than case`)
  }
}

function facts({ name, description, kind, filter }: LabelRow) {
  return { name, description, kind, filter }
}

function objectOf({ id, name }: Pick<LabelRow, 'id' | 'name'>) {
  return { kind: 'label', id, name }
}
