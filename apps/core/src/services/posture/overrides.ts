/**
 * Decisions by hand about devices, made on the device itself; those about its associations are next door.
 * @module
 */
import type { Change } from '../../database/store.ts'
import { invalid } from '../../failure.ts'
import { refreshPosture } from './posture.ts'

/** `expiresAt` null: until it is taken back. */
export interface Override {
  readonly kind: 'allow' | 'block'
  readonly note: string
  readonly expiresAt: Date | null
}

/**
 * Puts a decision in the place of the one before, and decides anew about the device. The caller
 * writes the audit row of the action itself.
 * @throws CoreError INVALID when it would have expired already
 */
export async function setOverride(
  change: Change,
  deviceId: string,
  { kind, note, expiresAt }: Override,
): Promise<void> {
  if (expiresAt !== null && expiresAt <= change.now) {
    throw invalid('expiresAt', 'lies in the past; give a later time, or null for no end')
  }
  const values = { kind, note, actor: change.actor.name, at: change.now, expires_at: expiresAt }
  await change.tx
    .insertInto('posture_overrides')
    .values({ device_id: deviceId, source: 'device', ...values })
    .onConflict((conflict) => conflict.columns(['device_id', 'source']).doUpdateSet(values))
    .execute()
  await refreshPosture(change, [deviceId])
}

/** Takes the decision back. Null when there was none. */
export async function clearOverride(
  change: Change,
  deviceId: string,
): Promise<{ readonly kind: 'allow' | 'block' } | null> {
  const row = await change.tx
    .deleteFrom('posture_overrides')
    .where('device_id', '=', deviceId)
    .where('source', '=', 'device')
    .returning('kind')
    .executeTakeFirst()
  if (row === undefined) return null
  await refreshPosture(change, [deviceId])
  return row
}
