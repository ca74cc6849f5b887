/**
 * One stream: hello, then whatever the Sentry lacks, in order, for as long as both ends live.
 *
 * One loop writes; wake-ups only say that there may be something. So nothing is sent twice at once, many changes become
 * one message, and a slow reader slows nobody but itself.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { documentForSchema } from '@postern/contract/feed/feed-schema'
import { type FeedMessage, PING_SECONDS } from '@postern/contract/feed/feed-messages'
import type { Services } from '../services/services.ts'
import type { Documents } from '../services/sentries/documents.ts'
import { servedEtag } from '../services/sentries/schemas.ts'
import { type Gateway, type KeyClaim, standingOf } from '../services/sentries/standing.ts'
import { closeStreamState, openStreamState, recordOffer, touchStreamState } from '../services/sentries/stream-state.ts'
import { CORE_VERSION } from '../version.ts'
import type { FeedQuery } from './feed-query.ts'
import { createLineWriter, type LineWriter, StreamEnded } from './line-writer.ts'
import {
  countPosture,
  linesOf,
  type NumberedEntry,
  postureAfter,
  posturePages,
  readPostureHead,
} from './posture-source.ts'
import { createWakes, type Wakes } from './wakes.ts'

/** The last line of a stream that Core ends. */
export type Bye = Extract<FeedMessage, { type: 'bye' }>

/** What all streams of a process share. `drainMs`: a reader that takes nothing for so long is given up. */
export interface StreamDeps {
  readonly services: Pick<Services, 'store' | 'wakeups' | 'log' | 'now'>
  readonly documents: Documents
  readonly drainMs: number
  /** Until when the certificate of this connection is good; ms since 1970. */
  readonly validUntil: number
}

/** A stream that runs. */
export interface FeedStream {
  readonly sentryId: string
  /** Ends it with this last line. Resolves when it has ended. */
  end(bye: Bye): Promise<void>
  /** Settles when it has ended, for whatever reason. */
  readonly done: Promise<void>
}

/** For a stream that another one of the same Sentry replaces. */
export const REPLACED: Bye = {
  type: 'bye',
  reason: 'replaced',
  message: 'another stream of this Sentry took its place',
  retryAfterSeconds: 60,
}
/** After a renewal the Sentry itself holds the newer key, and is to come back with it at once. */
const REPLACED_KEY: Bye = {
  type: 'bye',
  reason: 'replaced',
  message: 'another key of this Sentry took its place',
  retryAfterSeconds: 1,
}
const REVOKED: Bye = {
  type: 'bye',
  reason: 'revoked',
  message: 'this Sentry was revoked or removed in Core',
  retryAfterSeconds: 3_600,
}

/** Starts a stream on a reply whose head is out. `schema`: the one that both speak. */
export function startFeedStream(
  deps: StreamDeps,
  gateway: Gateway,
  query: FeedQuery,
  schema: number,
  response: ServerResponse,
): FeedStream {
  const writer = createLineWriter(response, deps.drainMs)
  let bye: Bye | null = null
  const wakes = createWakes(deps.services.wakeups, response)
  const run = async (): Promise<void> => {
    try {
      await serve({ ...deps, writer, wakes, gateway, schema, streamId: randomUUID() }, query)
    } catch (error) {
      if (error instanceof ByeError) bye ??= error.bye
      else if (!(error instanceof StreamEnded && error.how !== 'stalled')) tellFault(deps, gateway, error)
    }
    wakes[Symbol.dispose]()
    if (bye === null) response.destroy()
    else await writer.finish(bye)
  }
  const done = run()
  return {
    sentryId: gateway.sentryId,
    end: (last) => {
      bye ??= last
      writer.stop()
      wakes.stop()
      return done
    },
    done,
  }
}

/** Thrown inside of the loop: Core ends the stream. */
class ByeError extends Error {
  readonly bye: Bye
  constructor(bye: Bye) {
    super(bye.reason)
    this.bye = bye
  }
}

interface Running extends StreamDeps {
  readonly writer: LineWriter
  readonly wakes: Wakes
  readonly gateway: Gateway
  readonly schema: number
  readonly streamId: string
}

async function serve(stream: Running, query: FeedQuery): Promise<void> {
  const { services, writer, wakes, gateway, streamId, schema } = stream
  const { db } = services.store
  const { sentryId } = gateway
  await openStreamState(db, {
    sentryId,
    streamId,
    softwareVersion: query.version,
    schemas: query.schemas,
    feedSchema: schema,
    now: new Date(services.now()),
  })
  try {
    const head = await readPostureHead(db)
    await writer.write({
      type: 'hello',
      schema,
      coreVersion: CORE_VERSION,
      epoch: head.epoch,
      pingSeconds: PING_SECONDS,
    })
    const config: ConfigSent = { etag: query.etag, told: null }
    await sendConfig(stream, gateway.profileId, config)
    const known = query.epoch === head.epoch && query.seq <= head.newest && query.seq >= head.horizon
    let seq = known ? query.seq : await sendSnapshot(stream)
    for (;;) {
      const due = await wakes.next()
      if (due.sentries || due.poll) await sendConfig(stream, await standing(stream), config)
      if (due.posture || due.poll) seq = await sendDeltas(stream, seq)
      if (due.poll) await writer.write({ type: 'ping', seq })
    }
  } finally {
    await closeStreamState(db, sentryId, streamId).catch((error: unknown) => tellFault(stream, gateway, error))
  }
}

/** The profile now. Whether this stream still counts is asked anew: what an administrator did ends it. */
async function standing({ services, gateway, streamId, validUntil }: Running): Promise<string | null> {
  if (services.now() >= validUntil) throw new StreamEnded('stopped')
  const { db } = services.store
  const claim: KeyClaim = gateway
  const now = await standingOf(db, claim, services.now())
  if (now.kind !== 'good') throw new ByeError(now.kind === 'revoked' ? REVOKED : REPLACED_KEY)
  const ours = await touchStreamState(db, gateway.sentryId, streamId, new Date(services.now()))
  if (!ours) throw new ByeError(REPLACED)
  return now.gateway.profileId
}

/** In a long row of lines: a slow reader must not go on reading after it was revoked. */
async function betweenLines(stream: Running): Promise<void> {
  if (stream.wakes.pending('sentries') || stream.wakes.pending('poll')) {
    stream.wakes.clear('poll')
    await standing(stream)
  }
}

/** `etag`: the document that the Sentry has. `told`: the one that the database knows of. */
interface ConfigSent {
  etag: string | null
  told: string | null
}

/** Sends the document when it is another one than the Sentry has. */
async function sendConfig(stream: Running, profileId: string | null, sent: ConfigSent): Promise<void> {
  if (profileId === null) return
  const rendered = await stream.documents.of(profileId)
  if ('problem' in rendered) return // administrators see it; the Sentry keeps what it has
  const etag = servedEtag(rendered.etag, stream.schema)
  if (etag === sent.told && etag === sent.etag) return
  const { document, notServed } = documentForSchema(rendered.document, stream.schema)
  const offer = { etag, version: rendered.document.profile.version, notServed }
  await recordOffer(stream.services.store.db, stream.gateway.sentryId, offer)
  sent.told = etag
  if (etag === sent.etag) return
  sent.etag = etag
  await stream.writer.write({ type: 'config', etag, document })
}

/** Everything. Rows that change meanwhile have later numbers and follow as a delta. Gives back the number reached. */
async function sendSnapshot(stream: Running): Promise<number> {
  const { services, writer } = stream
  const { db } = services.store
  const { epoch, newest: seq } = await readPostureHead(db)
  await writer.write({ type: 'snapshot', epoch, seq, entries: await countPosture(db) })
  for await (const page of posturePages(db)) {
    for (const line of linesOf(page)) {
      await betweenLines(stream)
      await writer.writeEntries({ type: 'entries' }, textsOf(line))
    }
  }
  await writer.write({ type: 'snapshot-end', seq })
  return seq
}

/** What came after `seq`. Gives back the number reached. */
async function sendDeltas(stream: Running, seq: number): Promise<number> {
  const { services, writer } = stream
  let from = seq
  for (;;) {
    const page = await postureAfter(services.store.db, from)
    if (page.length === 0) return from
    for (const line of linesOf(page)) {
      await betweenLines(stream)
      const reached = line.at(-1)?.seq ?? from
      await writer.writeEntries({ type: 'delta', from, seq: reached }, textsOf(line))
      from = reached
    }
  }
}

function textsOf(line: readonly NumberedEntry[]): string[] {
  return line.map(({ json }) => json)
}

function tellFault({ services }: Pick<StreamDeps, 'services'>, { sentryId }: Gateway, error: unknown): void {
  const stalled = error instanceof StreamEnded
  const name = stalled ? error.how : error instanceof Error ? error.name : 'unknown'
  services.log('problem', 'feed-stream-failed', { sentry: sentryId, name })
}
