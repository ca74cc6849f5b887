/**
 * Devices as they are read: one shape for lists, members of labels and previews.
 * @module
 */
import { type SelectQueryBuilder, sql } from 'kysely'
import type { Device, DeviceQuery } from '@postern/contract/api/devices'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf, type SortColumn } from '../../database/paging.ts'
import type { Decision, StoredReason } from '../../database/tables/directory.ts'
import type { Tables } from '../../database/tables.ts'
import { notFound } from '../../failure.ts'
import { containsWords } from '../search.ts'

/** A device as it is stored, with what was decided last. */
export interface DeviceRow {
  readonly id: string
  readonly version: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly user_id: string
  readonly user_name: string
  readonly user_display_name: string
  readonly name: string
  readonly platform: Device['platform']
  readonly model: string
  readonly os_version: string
  readonly serial: string
  readonly udid: string
  readonly uuid: string
  readonly ownership: Device['ownership']
  readonly eas_device_ids: string[]
  readonly requires_identity: boolean
  readonly state: Device['state']
  readonly state_since: Date
  readonly last_check_in: Date | null
  readonly facts: Record<string, string | number | boolean>
  readonly wipe_at: Date | null
  readonly decision: Decision
  readonly reasons: readonly StoredReason[]
}

type DeviceSelection = SelectQueryBuilder<Tables, 'devices' | 'device_posture', DeviceRow>

const ID: SortColumn = { by: 'devices.id', type: 'uuid' }

const SORTS = {
  name: [{ by: 'devices.name_key', type: 'text' }, ID],
  user: [{ by: 'devices.user_key', type: 'text' }, ID],
  lastCheckIn: [{ by: sql`coalesce(devices.last_check_in, timestamptz 'epoch')`, type: 'timestamptz' }, ID],
  osVersion: [{ by: 'devices.os_version_key', type: 'text' }, ID],
} as const satisfies Record<string, readonly SortColumn[]>

/** So many devices are sorted at once without anybody noticing. */
const FEW = 10_000

/** A page of devices. Those that never checked in count as the oldest. @throws CoreError INVALID for a foreign cursor */
export async function listDevices(db: Db, asked: DeviceQuery): Promise<Page<DeviceRow>> {
  const { search, platform, state, decision, label, user } = asked
  let query = selectDevices(db)
  if (search !== undefined) query = query.where(containsWords(sql.ref('devices.search'), search))
  if (platform !== undefined) query = query.where('devices.platform', '=', platform)
  if (state !== undefined) query = query.where('devices.state', '=', state)
  if (decision !== undefined) query = query.where(await isDecided(db, decision))
  if (user !== undefined) query = query.where('devices.user_id', '=', user)
  if (label !== undefined) query = query.where(inLabel(label))
  return pageOfDevices(query, asked)
}

/** A page of a label's devices by name. The caller has looked whether the label is there. */
export async function listLabelDevices(
  db: Db,
  labelId: string,
  page: Pick<DeviceQuery, 'limit' | 'cursor'>,
): Promise<Page<DeviceRow>> {
  return pageOfDevices(selectDevices(db).where(inLabel(labelId)), page)
}

/** @throws CoreError NOT_FOUND */
export async function readDevice(db: Db, id: string): Promise<DeviceRow> {
  const row = await selectDevices(db).where('devices.id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('device', id)
  return row
}

/** Every device, to be narrowed further. */
export function selectDevices(db: Db): DeviceSelection {
  return db
    .selectFrom('devices')
    .innerJoin('device_posture', 'device_posture.device_id', 'devices.id')
    .select([
      ...(['devices.id', 'devices.version', 'devices.created_at', 'devices.updated_at', 'devices.user_id'] as const),
      ...(['devices.user_name', 'devices.user_display_name', 'devices.name', 'devices.platform'] as const),
      ...(['devices.model', 'devices.os_version', 'devices.serial', 'devices.udid', 'devices.uuid'] as const),
      ...(['devices.ownership', 'devices.eas_device_ids', 'devices.requires_identity', 'devices.state'] as const),
      ...(['devices.state_since', 'devices.last_check_in', 'devices.facts', 'devices.wipe_at'] as const),
      ...(['device_posture.decision', 'device_posture.reasons'] as const),
    ])
}

/** As the contract shows a device. */
export function toDevice(row: DeviceRow): Device {
  return {
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    userId: row.user_id,
    userName: row.user_name,
    userDisplayName: row.user_display_name,
    name: row.name,
    platform: row.platform,
    model: row.model,
    osVersion: row.os_version,
    serial: row.serial,
    udid: row.udid,
    uuid: row.uuid,
    ownership: row.ownership,
    easDeviceIds: row.eas_device_ids,
    requiresIdentity: row.requires_identity,
    state: row.state,
    stateSince: row.state_since.toISOString(),
    lastCheckIn: row.last_check_in?.toISOString() ?? null,
    facts: row.facts,
    decision: row.decision,
    reasons: row.reasons.map(({ code }) => code),
  }
}

function pageOfDevices(query: DeviceSelection, { limit, cursor, sort }: DeviceQuery): Promise<Page<DeviceRow>> {
  const order = sort ?? 'name'
  const descending = order.startsWith('-')
  const columns = SORTS[order.replace('-', '') as keyof typeof SORTS] // the contract's enum has these and their reverses
  return pageOf(query, { limit, cursor, sort: order, columns, descending })
}

// The few that are blocked are often those that have not checked in for long: a walk along the order of the list could
// pass by everything before it finds one. `offset 0` makes PostgreSQL begin with them; of many, a walk meets some soon.
async function isDecided(db: Db, decision: Decision) {
  const plain = sql<boolean>`device_posture.decision = ${decision}`
  if (decision === 'allow') return plain
  const these = sql`from device_posture told where told.decision <> 'allow' and told.decision = ${decision}`
  const { rows } = await sql<{ many: boolean }>`
    select count(*) > ${sql.lit(FEW)} as many from (select ${these} limit ${sql.lit(FEW + 1)}) counted`.execute(db)
  if (rows[0]?.many === true) return plain
  return sql<boolean>`devices.id in (select told.device_id ${these} offset 0)`
}

function inLabel(labelId: string) {
  return sql<boolean>`exists (
    select from label_members where label_members.label_id = ${labelId} and label_members.device_id = devices.id)`
}
