/**
 * Posture brought in line with an association as it is stored.
 * @module
 */
import type { Change } from '../../database/store.ts'
import { setAssociationPosture } from '../posture/association-posture.ts'

/** Reads the row that this change has written; one that is gone has no effect any more. */
export async function postureFollows(change: Change, id: string): Promise<void> {
  const row = await change.tx
    .selectFrom('associations')
    .select(['user_name', 'eas_device_id', 'device_id', 'override_kind', 'override_note', 'override_by'])
    .select(['override_at', 'override_expires_at'])
    .where('id', '=', id)
    .executeTakeFirst()
  const { override_kind: kind = null, override_at: at = null, override_expires_at: expiresAt = null } = row ?? {}
  const isOver = expiresAt !== null && expiresAt <= change.now
  await setAssociationPosture(change, {
    id,
    user: row?.user_name ?? '',
    easDeviceId: row?.eas_device_id ?? '',
    deviceId: row?.device_id ?? null,
    override:
      kind === null || at === null || isOver
        ? null
        : { kind, note: row?.override_note ?? '', by: row?.override_by ?? '', at, expiresAt },
  })
}
