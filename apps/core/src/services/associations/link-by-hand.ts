/**
 * Links made and undone by hand, and the end of an association.
 * @module
 */
import { sql } from 'kysely'
import { DEVICE_LIMITS } from '@postern/contract/api/devices'
import type { Change } from '../../database/store.ts'
import { nextVersion } from '../../database/versioned.ts'
import { CoreError, notFound } from '../../failure.ts'
import { refreshLabels } from '../labels/membership.ts'
import { refreshPosture } from '../posture/posture.ts'
import { type AssociationRow, lockAssociation, writeDown } from './lock.ts'
import { postureFollows } from './posture-effect.ts'

/**
 * Ties an association to a device: the ActiveSync id becomes one of the device's, and a decision by hand moves to it.
 * @throws CoreError NOT_FOUND; CONFLICT when another device has the id, the device is retired or wiped, or has no room
 */
export async function linkAssociation(
  change: Change,
  id: string,
  { deviceId, note }: { readonly deviceId: string; readonly note: string },
): Promise<void> {
  const row = await lockAssociation(change, id)
  const device = await change.tx
    .selectFrom('devices')
    .select(['id', 'name', 'state', 'eas_device_ids', 'eas_keys'])
    .where('id', '=', deviceId)
    .forUpdate()
    .executeTakeFirst()
  if (device === undefined) throw notFound('device', deviceId)
  if (device.state === 'retired' || device.state === 'wiped') {
    throw new CoreError('CONFLICT', `the device ${device.name} is ${device.state} and never comes back; choose another`)
  }
  if (!device.eas_keys.includes(row.eas_key)) await addEasId(change, row, device)
  await change.tx
    .updateTable('associations')
    .set({ device_id: deviceId, linked_by: 'hand' })
    .where('id', '=', id)
    .execute()
  await follow(change, row, [deviceId])
  const before = row.device_id === null ? null : { deviceId: row.device_id, by: row.linked_by }
  writeDown(change, 'association.link', row, { before, after: { deviceId, by: 'hand' }, note })
}

async function addEasId(
  change: Change,
  { eas_device_id: easDeviceId, eas_key: easKey }: AssociationRow,
  device: { readonly id: string; readonly name: string; readonly eas_device_ids: readonly string[] },
): Promise<void> {
  if (!/^[A-Za-z0-9]{1,64}$/.test(easDeviceId)) {
    throw new CoreError('CONFLICT', 'its ActiveSync id has other characters than A-Z, a-z, 0-9; no device can have it')
  }
  if (device.eas_device_ids.length >= DEVICE_LIMITS.easDeviceIds) {
    const most = DEVICE_LIMITS.easDeviceIds
    throw new CoreError('CONFLICT', `the device ${device.name} has ${most} ActiveSync ids already; take one away first`)
  }
  const other = await change.tx
    .selectFrom('devices')
    .select('name')
    .where(sql<boolean>`eas_keys && array[${easKey}]`)
    .where('id', '!=', device.id)
    .where('state', 'not in', ['retired', 'wiped'])
    .executeTakeFirst()
  if (other !== undefined) {
    const message = `the device ${JSON.stringify(other.name)} has the ActiveSync id ${easDeviceId}; take it away there first`
    throw new CoreError('CONFLICT', message)
  }
  await change.tx
    .updateTable('devices')
    .set({ eas_device_ids: [...device.eas_device_ids, easDeviceId], ...nextVersion(change) })
    .where('id', '=', device.id)
    .execute()
}

/**
 * The ActiveSync id is taken from the device, else the next report would link it again.
 * @throws CoreError NOT_FOUND; CONFLICT when it is linked to nothing, or by its certificate
 */
export async function unlinkAssociation(change: Change, id: string, note: string): Promise<void> {
  const row = await lockAssociation(change, id)
  if (row.device_id === null) throw new CoreError('CONFLICT', 'the association is linked to no device')
  if (row.linked_by === 'certificate') {
    const message = 'its certificate is one of the device; revoke that one, or block the association instead'
    throw new CoreError('CONFLICT', `the association cannot be unlinked: ${message}`)
  }
  const device = await change.tx
    .selectFrom('devices')
    .select('eas_device_ids')
    .where('id', '=', row.device_id)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const left = device.eas_device_ids.filter((each) => each.toLowerCase() !== row.eas_key)
  if (left.length < device.eas_device_ids.length) {
    await change.tx
      .updateTable('devices')
      .set({ eas_device_ids: left, ...nextVersion(change) })
      .where('id', '=', row.device_id)
      .execute()
  }
  await change.tx.updateTable('associations').set({ device_id: null, linked_by: null }).where('id', '=', id).execute()
  await follow(change, row, [row.device_id])
  const before = { deviceId: row.device_id, by: row.linked_by }
  writeDown(change, 'association.unlink', row, { before, after: null, note })
}

/** The record and its decision by hand go; the next request brings the record back. @throws CoreError NOT_FOUND */
export async function removeAssociation(change: Change, id: string, note: string): Promise<void> {
  const row = await lockAssociation(change, id)
  await change.tx.deleteFrom('associations').where('id', '=', id).execute()
  await postureFollows(change, id)
  const before = { deviceId: row.device_id, override: row.override_kind }
  writeDown(change, 'association.remove', row, { before, after: null, note })
}

async function follow(change: Change, row: AssociationRow, deviceIds: readonly string[]): Promise<void> {
  await refreshLabels(change, deviceIds)
  await refreshPosture(change, deviceIds)
  if (row.override_kind !== null) await postureFollows(change, row.id)
}
