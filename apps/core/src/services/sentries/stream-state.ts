/**
 * Which stream is a Sentry's, across all Cores. Written at most every few seconds; no edit, so no audit and no version.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../../database/connect.ts'

/** A stream that begins. `feedSchema` null: the Sentry is too old or too new, and gets none. */
export interface StreamStart {
  readonly sentryId: string
  readonly streamId: string
  readonly softwareVersion: string
  readonly schemas: readonly number[]
  readonly feedSchema: number | null
  readonly now: Date
}

/** From now on this is the Sentry's stream; the one before ends when its Core looks next. */
export async function openStreamState(db: Db, start: StreamStart): Promise<void> {
  const stream = start.feedSchema === null ? null : start.streamId
  const values = {
    software_version: start.softwareVersion,
    schemas: [...start.schemas],
    feed_schema: start.feedSchema,
    stream_id: stream,
    stream_since: stream === null ? null : start.now,
    stream_seen_at: stream === null ? null : start.now,
    last_seen_at: start.now,
  }
  await db
    .insertInto('sentry_states')
    .values({ sentry_id: start.sentryId, ...values })
    .onConflict((conflict) => conflict.column('sentry_id').doUpdateSet(values))
    .execute()
}

/** Tells that the stream lives. False: another one took its place, or the Sentry is gone. */
export async function touchStreamState(db: Db, sentryId: string, streamId: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sentry_states')
    .set({ stream_seen_at: now, last_seen_at: now })
    .where('sentry_id', '=', sentryId)
    .where('stream_id', '=', streamId)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The stream has ended. */
export async function closeStreamState(db: Db, sentryId: string, streamId: string): Promise<void> {
  await db
    .updateTable('sentry_states')
    .set({ stream_id: null, stream_since: null, stream_seen_at: null })
    .where('sentry_id', '=', sentryId)
    .where('stream_id', '=', streamId)
    .execute()
}

/** What the stream carries: the document by its name, and what the Sentry's release cannot follow. */
export interface Offer {
  readonly etag: string
  readonly version: number
  readonly notServed: readonly string[]
}

/** Remembers which document was sent, so that its name in a report tells a version. */
export async function recordOffer(db: Db, sentryId: string, offer: Offer): Promise<void> {
  await db
    .updateTable('sentry_states')
    .set({
      offered_etag: offer.etag,
      offered_version: offer.version,
      not_served: JSON.stringify(offer.notServed),
      // The Sentry may have it already, from another life of this row.
      applied_version: sql<number>`case when applied_etag = ${offer.etag} then ${offer.version} else applied_version end`,
    })
    .where('sentry_id', '=', sentryId)
    .execute()
}
