/**
 * What administrators do with Sentries.
 * @module
 */
import type { EnrolmentInvitation } from '@postern/contract/api/sentries'
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { notFound } from '../../failure.ts'
import { type CoreIdentity, issueToken } from './invitation.ts'

/** A new Sentry. `local`: the one beside Core. */
export interface NewSentry {
  readonly name: string
  readonly profileId: string | null
  readonly local?: true
}

/** @throws CoreError CONFLICT when the name is taken, IN_USE when the profile is gone */
export async function createSentry(
  change: Change,
  { name, profileId, local }: NewSentry,
  where: CoreIdentity,
): Promise<{ id: string; invitation: EnrolmentInvitation }> {
  const { id } = await change.tx
    .insertInto('sentries')
    .values({
      name,
      profile_id: profileId,
      local: local === true,
      adopts_first_profile: local === true && profileId === null,
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const invitation = await issueToken(change, id, where)
  change.audit({
    action: 'sentry.create',
    object: { kind: 'sentry', id, name },
    after: { name, profileId, token: '(secret)', tokenExpiresAt: invitation.expiresAt },
  })
  return { id, invitation }
}

/** A new token. The present key works until it is used. @throws CoreError NOT_FOUND */
export async function newSentryToken(change: Change, id: string, where: CoreIdentity): Promise<EnrolmentInvitation> {
  const { name } = await lockSentry(change, id, null)
  const invitation = await issueToken(change, id, where)
  change.audit({
    action: 'sentry.issue-token',
    object: { kind: 'sentry', id, name },
    after: { token: '(secret)', tokenExpiresAt: invitation.expiresAt },
  })
  return invitation
}

/** What may be changed; absent members stay. */
export interface SentryEdit {
  readonly name?: string | undefined
  readonly profileId?: string | null | undefined
}

/** @throws CoreError NOT_FOUND, CHANGED, CONFLICT when the name is taken, IN_USE when the profile is gone */
export async function updateSentry(
  change: Change,
  id: string,
  version: number | null,
  edit: SentryEdit,
): Promise<void> {
  const before = await lockSentry(change, id, version)
  const after = {
    name: edit.name ?? before.name,
    profileId: edit.profileId === undefined ? before.profileId : edit.profileId,
  }
  await change.tx
    .updateTable('sentries')
    .set({
      ...nextVersion(change),
      name: after.name,
      profile_id: after.profileId,
      // Somebody decided; an automatic choice would overrule it.
      ...(edit.profileId === undefined ? {} : { adopts_first_profile: false }),
    })
    .where('id', '=', id)
    .execute()
  change.audit({ action: 'sentry.update', object: { kind: 'sentry', id, name: after.name }, before, after })
  change.wake('sentries')
}

/** From the commit on its key and its token are refused, and its streams end. @throws CoreError NOT_FOUND */
export async function revokeSentry(change: Change, id: string, note: string | null): Promise<void> {
  const { name } = await lockSentry(change, id, null)
  const { revoked_at } = await change.tx
    .selectFrom('sentries')
    .select('revoked_at')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  await change.tx
    .updateTable('sentries')
    .set({
      ...nextVersion(change),
      revoked_at: revoked_at ?? change.now,
      token_hash: null,
      token_expires_at: null,
    })
    .where('id', '=', id)
    .execute()
  const fingerprints = await fingerprintsOf(change, id)
  change.audit({ action: 'sentry.revoke', object: { kind: 'sentry', id, name }, before: { fingerprints }, note })
  change.wake('sentries')
}

/** Removes it with everything that it reported. @throws CoreError NOT_FOUND */
export async function removeSentry(change: Change, id: string): Promise<void> {
  const { name, profileId } = await lockSentry(change, id, null)
  const fingerprints = await fingerprintsOf(change, id)
  await change.tx.deleteFrom('sentries').where('id', '=', id).execute()
  change.audit({
    action: 'sentry.remove',
    object: { kind: 'sentry', id, name },
    before: { name, profileId, fingerprints },
  })
  change.wake('sentries')
}

async function lockSentry(
  change: Change,
  id: string,
  version: number | null,
): Promise<{ name: string; profileId: string | null }> {
  await lockVersion(change, 'sentries', 'Sentry', id, version)
  const row = await change.tx
    .selectFrom('sentries')
    .select(['name', 'profile_id'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw notFound('Sentry', id)
  return { name: row.name, profileId: row.profile_id }
}

async function fingerprintsOf(change: Change, id: string): Promise<string[]> {
  const rows = await change.tx.selectFrom('sentry_keys').select('fingerprint').where('sentry_id', '=', id).execute()
  return rows.map(({ fingerprint }) => fingerprint)
}
