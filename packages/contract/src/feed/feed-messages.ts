/**
 * What Core says on the feed: JSON objects, one a line (`application/x-ndjson`), over one long-lived response.
 *
 * Order: `hello`; then `config` whenever the document differs from the one that the Sentry has; then either `snapshot`,
 * `entries`…, `snapshot-end`, or nothing when the Sentry is up to date; from then on `delta`, `config` and `ping` as
 * they come. `bye` ends a stream on purpose. Entries replace what was known under the same key, so applying one twice
 * does no harm; `from` of a delta must be the sequence number that the Sentry has, else it asks for a snapshot.
 * @module
 */
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { Fingerprint, PolicyDevice } from '../policy-snapshot.ts'
import { parseDocument } from '../problems.ts'

const strict = { additionalProperties: false } as const
const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Names one life of Core's posture: a restored backup has another, and numbers of two lives do not compare. */
const Epoch = Type.String({ minLength: 1, maxLength: 64 })
const User = Type.String({ minLength: 1, maxLength: 320 })

/** Entries in one message at most; Core sends fewer when they are large. */
export const MAX_ENTRIES = 500
/** A line of the feed at most. Bytes. */
export const MAX_FEED_LINE_BYTES = 4_194_304
/** Core pings this often; a Sentry that hears nothing for three periods dials again. Seconds. */
export const PING_SECONDS = 5

/** One fact of posture. The key is the device's id, the certificate's fingerprint, the user; `mode` has none. */
export const PostureEntry = Type.Union([
  Type.Object({ kind: Type.Literal('device'), device: PolicyDevice }, strict),
  Type.Object({ kind: Type.Literal('device-removed'), id: Type.String({ minLength: 1, maxLength: 128 }) }, strict),
  Type.Object({ kind: Type.Literal('certificate'), fingerprint: Fingerprint, revoked: Type.Boolean() }, strict),
  Type.Object({ kind: Type.Literal('user'), user: User, blocked: Type.Boolean() }, strict),
  Type.Object({ kind: Type.Literal('mode'), mode: Type.Enum(['enforce', 'report']) }, strict),
])
export type PostureEntry = Static<typeof PostureEntry>

const Entries = Type.Array(PostureEntry, { maxItems: MAX_ENTRIES })

/** Every message of the feed, by `type`. */
export const FeedMessage = Type.Union([
  Type.Object(
    {
      type: Type.Literal('hello'),
      schema: Type.Integer({ minimum: 1, maximum: 1_000 }),
      coreVersion: Type.String({ minLength: 1, maxLength: 64 }),
      epoch: Epoch,
      pingSeconds: Type.Integer({ minimum: 1, maximum: 300 }),
    },
    strict,
  ),
  /** `etag` names the document; it is told back in the report as applied or refused. `document`: see SentryDocument. */
  Type.Object(
    {
      type: Type.Literal('config'),
      etag: Type.String({ minLength: 1, maxLength: 128 }),
      document: Type.Unknown(),
    },
    strict,
  ),
  /** Begins a snapshot that replaces everything known; `entries` is how many will come, for progress only. */
  Type.Object({ type: Type.Literal('snapshot'), epoch: Epoch, seq: Seq, entries: Seq }, strict),
  Type.Object({ type: Type.Literal('entries'), entries: Entries }, strict),
  Type.Object({ type: Type.Literal('snapshot-end'), seq: Seq }, strict),
  Type.Object({ type: Type.Literal('delta'), from: Seq, seq: Seq, entries: Entries }, strict),
  /** `seq`: the newest that Core has sent on this stream. */
  Type.Object({ type: Type.Literal('ping'), seq: Seq }, strict),
  Type.Object(
    {
      type: Type.Literal('bye'),
      reason: Type.Enum(['revoked', 'too-old', 'replaced', 'stopping']),
      message: Type.String({ maxLength: 500 }),
      retryAfterSeconds: Type.Integer({ minimum: 0, maximum: 3_600 }),
    },
    strict,
  ),
])
export type FeedMessage = Static<typeof FeedMessage>

/** One line of the feed, parsed. @throws ContractError when it is no message of this release. */
export function parseFeedMessage(input: unknown): FeedMessage {
  // 100,000 devices take 20 s by the check that explains every fault, and a tenth of a second by the compiled one.
  isFeedMessage ??= compiled()
  return isFeedMessage(input) ? input : parseDocument('feed message', FeedMessage, input, [])
}

type Check = (input: unknown) => input is FeedMessage

let isFeedMessage: Check | null = null

function compiled(): Check {
  const validator = Compile(FeedMessage)
  return (input): input is FeedMessage => validator.Check(input)
}
