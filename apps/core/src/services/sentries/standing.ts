/**
 * Whether a key may speak for a Sentry now.
 * @module
 */
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'

/** What a verified certificate says: which Sentry, and the SHA-256 of the key that the peer holds. */
export interface KeyClaim {
  readonly sentryId: string
  readonly fingerprint: string
}

/** A Sentry that was recognised. */
export interface Gateway extends KeyClaim {
  readonly name: string
  readonly profileId: string | null
  /** This key has not been used before. */
  readonly firstUse: boolean
}

/** `revoked`: the Sentry is, or it is gone. `replaced`: another key took this one's place. */
export type Standing =
  { readonly kind: 'good'; readonly gateway: Gateway } | { readonly kind: 'revoked' } | { readonly kind: 'replaced' }

/** The one question, asked of the database each time: what an administrator did counts at once. `now`: ms since 1970. */
export async function standingOf(db: Db, claim: KeyClaim, now: number): Promise<Standing> {
  const row = await db
    .selectFrom('sentries')
    .leftJoin('sentry_keys', (join) =>
      join.onRef('sentry_keys.sentry_id', '=', 'sentries.id').on('sentry_keys.fingerprint', '=', claim.fingerprint),
    )
    .select(['name', 'profile_id', 'revoked_at', 'fingerprint', 'used_at', 'good_until', 'not_after'])
    .where('sentries.id', '=', claim.sentryId)
    .executeTakeFirst()
  if (row === undefined || row.revoked_at !== null) return { kind: 'revoked' }
  const ended = row.good_until !== null && row.good_until.getTime() <= now
  if (row.fingerprint === null || ended) return { kind: 'replaced' }
  const gateway = { ...claim, name: row.name, profileId: row.profile_id, firstUse: row.used_at === null }
  return { kind: 'good', gateway }
}

/** First use of a key: from now on it is the only one. */
export async function confirmKey(change: Change, { sentryId, fingerprint, name }: Gateway): Promise<void> {
  // Registration and renewal hold this lock too: none of them may see half of another.
  await change.tx.selectFrom('sentries').select('id').where('id', '=', sentryId).forUpdate().execute()
  const { numUpdatedRows } = await change.tx
    .updateTable('sentry_keys')
    .set({ used_at: change.now })
    .where('fingerprint', '=', fingerprint)
    .where('sentry_id', '=', sentryId)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return // another request of the same Sentry was first, or the key is gone
  const others = await change.tx
    .deleteFrom('sentry_keys')
    .where('sentry_id', '=', sentryId)
    .where('fingerprint', '!=', fingerprint)
    .returning('fingerprint')
    .execute()
  if (others.length === 0) return
  change.audit({
    action: 'sentry.change-key',
    object: { kind: 'sentry', id: sentryId, name },
    before: { fingerprints: others.map((key) => key.fingerprint) },
    after: { fingerprint },
  })
  change.wake('sentries')
}
