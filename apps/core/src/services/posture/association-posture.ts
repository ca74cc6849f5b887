/**
 * What a decision by hand about an ActiveSync association does: to the device that it is linked to, or, while it is
 * linked to none, to that user with that ActiveSync id alone.
 * @module
 */
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import type { Change } from '../../database/store.ts'
import { lockPosture, writeEntries } from './entries.ts'
import { refreshPosture } from './posture.ts'

/** An association as far as posture must know it. */
export interface DecidedAssociation {
  readonly id: string
  readonly user: string
  readonly easDeviceId: string
  /** Null: linked to no device. */
  readonly deviceId: string | null
  /** Null: nobody decided, or it was taken back. `by` and `at` stay those of the decision when its device is another. */
  readonly override: {
    readonly kind: 'allow' | 'block'
    readonly note: string
    readonly by: string
    readonly at: Date
    readonly expiresAt: Date | null
  } | null
}

/** Whether a Sentry can be told of it without a device: it needs a user, and an id of letters and digits. */
export function canStandAlone({ user, easDeviceId }: Pick<DecidedAssociation, 'user' | 'easDeviceId'>): boolean {
  return user !== '' && /^[A-Za-z0-9]{1,64}$/.test(easDeviceId)
}

/**
 * Brings posture in line with an association, wherever its decision acted before. The same again does nothing. An
 * association that is gone is given with neither device nor override.
 */
export async function setAssociationPosture(change: Change, association: DecidedAssociation): Promise<void> {
  const { id, deviceId, override } = association
  const source = `association:${id}`
  await lockPosture(change)
  const gone = await change.tx
    .deleteFrom('posture_overrides')
    .where('source', '=', source)
    .returning('device_id')
    .execute()
  const touched = gone.map((row) => row.device_id)
  if (deviceId !== null && override !== null) {
    const { kind, note, by: actor, at, expiresAt } = override
    await change.tx
      .insertInto('posture_overrides')
      .values({ device_id: deviceId, source, kind, note, actor, at, expires_at: expiresAt })
      .execute()
    touched.push(deviceId)
  }
  const alone = deviceId === null && override !== null && canStandAlone(association)
  await writeEntries(change, 'device', [{ key: source, value: alone ? toEntry(association, override.kind) : null }])
  await refreshPosture(change, touched)
}

function toEntry({ id, user, easDeviceId }: DecidedAssociation, posture: 'allow' | 'block'): PolicyDevice {
  const reasons = [posture === 'allow' ? 'ASSOCIATION_ALLOWED' : 'ASSOCIATION_BLOCKED']
  return { id: `association:${id}`, user, easDeviceIds: [easDeviceId], certificates: [], posture, reasons }
}
