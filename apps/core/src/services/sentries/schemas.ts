/**
 * Which release of the feed a Sentry and this Core speak with each other.
 * @module
 */
import { commonSchema, FEED_SCHEMA, OLDEST_FEED_SCHEMA } from '@postern/contract/feed/feed-schema'

/** Why the two cannot speak, and what to do; null: they can. `spoken`: schemas that the Sentry named, at least one. */
export function schemaProblem(spoken: readonly number[]): string | null {
  if (commonSchema(spoken) !== null) return null
  const served = `this Core serves ${OLDEST_FEED_SCHEMA} to ${FEED_SCHEMA}`
  const newest = Math.max(...spoken)
  return newest < OLDEST_FEED_SCHEMA
    ? `the Sentry speaks feed schema ${newest}; ${served}: update it to a release that speaks ${OLDEST_FEED_SCHEMA} or newer`
    : `the Sentry speaks feed schema ${Math.min(...spoken)} and newer; ${served}: update Core`
}

/**
 * The name of a document as a Sentry of `schema` gets it. An older rendering has another name, so that a Sentry that was
 * updated gets the whole one.
 */
export function servedEtag(etag: string, schema: number): string {
  return schema === FEED_SCHEMA ? etag : `${etag}.schema${schema}`
}
