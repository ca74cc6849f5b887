/**
 * The decision about a device, explained.
 * @module
 */
import type { DeviceWhy } from '@postern/contract/api/devices'
import { reasonRow } from '@postern/posture/reasons'
import type { Db } from '../../database/connect.ts'
import type { StoredReason } from '../../database/tables/directory.ts'
import { notFound } from '../../failure.ts'

/** Every reason with what would change it. @throws CoreError NOT_FOUND */
export async function explainPosture(db: Db, deviceId: string): Promise<DeviceWhy> {
  const row = await db.selectFrom('device_posture').selectAll().where('device_id', '=', deviceId).executeTakeFirst()
  if (row === undefined) throw notFound('device', deviceId)
  return {
    decision: row.decision,
    decidedAt: row.at.toISOString(),
    nextChange: row.next_change?.toISOString() ?? null,
    reasons: row.reasons.map(explain),
  }
}

// A code that only a newer release knows, after a restore for instance, is still shown.
function explain(reason: StoredReason): DeviceWhy['reasons'][number] {
  const { title, effect, remedy } = reasonRow(reason.code) ?? { title: reason.code, effect: 'note', remedy: '' }
  return { ...reason, title, effect, remedy }
}
