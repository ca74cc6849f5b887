/**
 * A user who leaves with all devices.
 * @module
 */
import type { Change } from '../../database/store.ts'
import { retireDevice } from './actions.ts'
import { isGone, removeDevice } from './devices.ts'
import { removeUser } from '../users/users.ts'

/** Retires and removes every device of the user, then the user. @throws CoreError NOT_FOUND */
export async function removeUserWithDevices(change: Change, id: string): Promise<void> {
  const rows = await change.tx
    .selectFrom('devices')
    .select(['id', 'state'])
    .where('user_id', '=', id)
    .orderBy('id')
    .execute()
  for (const device of rows) {
    if (!isGone(device)) await retireDevice(change, device.id, 'the user was removed')
    await removeDevice(change, device.id)
  }
  await removeUser(change, id)
}
