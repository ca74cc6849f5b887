/**
 * Devices as records: what is known of them, entered by people or told by whoever manages them.
 * @module
 */
import type { DeviceEdit, NewDevice } from '@postern/contract/api/devices'
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, invalid } from '../../failure.ts'
import { toDate } from '../instant.ts'
import { refreshLabels } from '../labels/membership.ts'
import { refreshPosture, revokeCertificates } from '../posture/posture.ts'
import { userByName } from '../users/users.ts'
import { type DeviceRow, readDevice, toDevice } from './device-rows.ts'

/** @throws CoreError INVALID for an unknown user, repeated ids or an impossible time */
export async function createDevice(change: Change, input: NewDevice): Promise<DeviceRow> {
  const { id } = await change.tx
    .insertInto('devices')
    .values({
      ...(await toColumns(change, input)),
      state: input.state ?? 'active',
      state_since: change.now,
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await refreshLabels(change, [id])
  await refreshPosture(change, [id])
  const row = await readDevice(change.tx, id)
  change.audit({ action: 'device.create', object: deviceObject(row), after: deviceFacts(row) })
  return row
}

/**
 * Puts `input` in the place of what was; absent members become empty, an absent state stays.
 * @throws CoreError NOT_FOUND, CHANGED, INVALID, CONFLICT for another state of a retired or wiped device
 */
export async function updateDevice(
  change: Change,
  id: string,
  version: number | null,
  input: DeviceEdit,
): Promise<DeviceRow> {
  await lockVersion(change, 'devices', 'device', id, version)
  const before = await readDevice(change.tx, id)
  const state = input.state ?? before.state
  if (state !== before.state && isGone(before)) {
    throw new CoreError('CONFLICT', `the device is ${before.state} and stays so; remove it and add it again`)
  }
  await change.tx
    .updateTable('devices')
    .set({
      ...(await toColumns(change, input)),
      ...(state === before.state ? {} : { state, state_since: change.now }),
      ...nextVersion(change),
    })
    .where('id', '=', id)
    .execute()
  await refreshLabels(change, [id])
  await refreshPosture(change, [id])
  const after = await readDevice(change.tx, id)
  const facts = { before: deviceFacts(before), after: deviceFacts(after) }
  change.audit({ action: 'device.update', object: deviceObject(after), ...facts })
  return after
}

/** Its certificates stay revoked for ever. @throws CoreError NOT_FOUND, CONFLICT unless it is retired or wiped */
export async function removeDevice(change: Change, id: string): Promise<void> {
  await lockVersion(change, 'devices', 'device', id, null)
  const row = await readDevice(change.tx, id)
  if (!isGone(row)) throw new CoreError('CONFLICT', `the device is ${row.state}; retire it first, then remove it`)
  const identities = await change.tx
    .selectFrom('identities')
    .select('fingerprint')
    .where('device_id', '=', id)
    .where('revoked_at', 'is', null)
    .execute()
  await revokeCertificates(
    change,
    identities.map(({ fingerprint }) => fingerprint),
    'the device was removed',
  )
  await change.tx.deleteFrom('devices').where('id', '=', id).execute()
  await refreshPosture(change, [id])
  change.audit({ action: 'device.remove', object: deviceObject(row), before: deviceFacts(row) })
}

/** Whether it never comes back. */
export function isGone({ state }: Pick<DeviceRow, 'state'>): boolean {
  return state === 'retired' || state === 'wiped'
}

/** How a device stands in the audit log. */
export function deviceObject({ id, name }: Pick<DeviceRow, 'id' | 'name'>) {
  return { kind: 'device', id, name }
}

function deviceFacts(row: DeviceRow) {
  const { id: _id, version: _version, createdAt: _created, updatedAt: _updated, ...shown } = toDevice(row)
  const { decision: _decision, reasons: _reasons, ...facts } = shown // these have rows of their own
  return facts
}

async function toColumns(change: Change, input: NewDevice | DeviceEdit) {
  const user = await userByName(change, input.userName)
  const ids = input.easDeviceIds ?? []
  refuseRepeated(ids)
  return {
    user_id: user.id,
    user_name: user.user_name,
    user_display_name: user.display_name,
    name: input.name,
    platform: input.platform,
    model: input.model ?? '',
    os_version: input.osVersion ?? '',
    serial: input.serial ?? '',
    udid: input.udid ?? '',
    uuid: input.uuid ?? '',
    ownership: input.ownership,
    eas_device_ids: ids,
    requires_identity: input.requiresIdentity ?? true,
    last_check_in: toDate('lastCheckIn', input.lastCheckIn ?? null),
    facts: JSON.stringify(input.facts ?? {}),
  }
}

function refuseRepeated(ids: readonly string[]): void {
  const seen = new Set<string>()
  for (const [i, id] of ids.entries()) {
    const key = id.toLowerCase()
    if (seen.has(key))
      throw invalid(`easDeviceIds[${i}]`, `repeats ${id}; ids compare without regard to case, give each once`)
    seen.add(key)
  }
}
