/**
 * What is done with devices, each with a note.
 * @module
 */
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError } from '../../failure.ts'
import { refreshLabels } from '../labels/membership.ts'
import { clearOverride, setOverride } from '../posture/overrides.ts'
import { refreshPosture, revokeCertificates } from '../posture/posture.ts'
import { type DeviceRow, readDevice } from './device-rows.ts'
import { deviceObject, isGone } from './devices.ts'

/** A decision by hand. `expiresAt` null: until it is taken back. */
export interface DecisionInput {
  readonly note: string
  readonly expiresAt: Date | null
}

/** Blocks a device; it takes the place of an allowance by hand. @throws CoreError NOT_FOUND, INVALID */
export async function blockDevice(change: Change, id: string, input: DecisionInput): Promise<DeviceRow> {
  const row = await locked(change, id)
  await setOverride(change, id, { kind: 'block', ...input })
  return decided(change, row, 'device.block', input.note, { expiresAt: input.expiresAt?.toISOString() ?? null })
}

/** Allows a device by hand; it takes the place of a block. @throws CoreError NOT_FOUND, INVALID, CONFLICT when it is gone */
export async function allowDevice(change: Change, id: string, input: DecisionInput): Promise<DeviceRow> {
  const row = await locked(change, id)
  if (isGone(row)) throw new CoreError('CONFLICT', `the device is ${row.state} and never comes back; add it again`)
  await setOverride(change, id, { kind: 'allow', ...input })
  return decided(change, row, 'device.allow', input.note, { expiresAt: input.expiresAt?.toISOString() ?? null })
}

/** Takes the block or the allowance by hand back. @throws CoreError NOT_FOUND, CONFLICT when there is none */
export async function unblockDevice(change: Change, id: string, note: string): Promise<DeviceRow> {
  const row = await locked(change, id)
  const cleared = await clearOverride(change, id)
  if (cleared === null) {
    throw new CoreError('CONFLICT', 'nobody decided about this device by hand; GET /api/v1/devices/:id/why says why')
  }
  return decided(change, row, 'device.unblock', note, { tookBack: cleared.kind })
}

/** For ever: all its certificates are revoked. @throws CoreError NOT_FOUND, CONFLICT when it is retired already */
export async function retireDevice(change: Change, id: string, note: string): Promise<DeviceRow> {
  const row = await locked(change, id)
  if (row.state === 'retired') throw new CoreError('CONFLICT', 'the device is retired already')
  await change.tx
    .updateTable('devices')
    .set({ state: 'retired', state_since: change.now, retired_by: change.actor.name, retired_note: note })
    .set(nextVersion(change))
    .where('id', '=', id)
    .execute()
  const identities = await change.tx
    .selectFrom('identities')
    .select('fingerprint')
    .where('device_id', '=', id)
    .where('revoked_at', 'is', null)
    .execute()
  const fingerprints = identities.map(({ fingerprint }) => fingerprint)
  await revokeCertificates(change, fingerprints, note)
  await refreshLabels(change, [id])
  await refreshPosture(change, [id])
  return decided(change, row, 'device.retire', note, { state: 'retired', revoked: fingerprints })
}

/**
 * Has the mail account removed when the device connects next. Its certificates stay, so that it can be told.
 * @throws CoreError NOT_FOUND, CONFLICT when that was requested or done already
 */
export async function wipeDevice(change: Change, id: string, note: string): Promise<DeviceRow> {
  const row = await locked(change, id)
  if (row.state === 'wiped' || row.wipe_at !== null) {
    throw new CoreError('CONFLICT', row.state === 'wiped' ? 'it is done already' : 'it was requested already')
  }
  await change.tx
    .updateTable('devices')
    .set({ wipe_at: change.now, wipe_by: change.actor.name, wipe_note: note, ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  await refreshPosture(change, [id])
  return decided(change, row, 'device.wipe', note, { wipe: 'requested' })
}

/** A Sentry saw that the account is gone. Does nothing unless that was requested. @throws CoreError NOT_FOUND */
export async function recordWiped(change: Change, id: string): Promise<DeviceRow> {
  const row = await locked(change, id)
  if (row.state === 'wiped' || row.wipe_at === null) return row
  await change.tx
    .updateTable('devices')
    .set({ state: 'wiped', state_since: change.now, ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  await refreshLabels(change, [id])
  await refreshPosture(change, [id])
  return decided(change, row, 'device.wiped', null, { state: 'wiped' })
}

async function locked(change: Change, id: string): Promise<DeviceRow> {
  await lockVersion(change, 'devices', 'device', id, null)
  return readDevice(change.tx, id)
}

async function decided(
  change: Change,
  before: DeviceRow,
  action: string,
  note: string | null,
  after: object,
): Promise<DeviceRow> {
  change.audit({ action, object: deviceObject(before), before: { state: before.state }, after, note })
  return readDevice(change.tx, before.id)
}
