/**
 * The first profile goes to the Sentry that runs beside Core: whoever saves it expects it to act.
 * @module
 */
import type { Change } from '../../database/store.ts'
import { nextVersion } from '../../database/versioned.ts'

/** Assigns the profile to Sentries that wait for a first one. Others keep what they have. */
export async function adoptFirstProfile(change: Change, profileId: string): Promise<void> {
  const adopted = await change.tx
    .updateTable('sentries')
    .set({ ...nextVersion(change), profile_id: profileId, adopts_first_profile: false })
    .where('adopts_first_profile', '=', true)
    .where('profile_id', 'is', null)
    .returning(['id', 'name'])
    .execute()
  for (const { id, name } of adopted) {
    change.audit({
      action: 'sentry.adopt-profile',
      object: { kind: 'sentry', id, name },
      before: { profileId: null },
      after: { profileId },
    })
  }
  if (adopted.length > 0) change.wake('sentries')
}
