/**
 * The stream from Core, kept open: dials, reads message by message, dials again.
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { FEED_PATHS, FEED_QUERY } from '@postern/contract/feed/enrolment'
import {
  type FeedMessage,
  MAX_FEED_LINE_BYTES,
  parseFeedMessage,
  PING_SECONDS,
} from '@postern/contract/feed/feed-messages'
import { FEED_SCHEMA } from '@postern/contract/feed/feed-schema'
import { backoffMs } from './backoff.ts'
import { type CoreClient, CoreError } from './core-client.ts'
import { LineReader } from './line-reader.ts'

/** What this Sentry has; null where it has nothing. */
export interface FeedPosition {
  readonly etag: string | null
  readonly epoch: string | null
  readonly seq: number | null
}

/** The owner of the feed. Messages come one after the other; the next is read when the last was dealt with. */
export interface FeedOwner {
  readonly client: () => CoreClient
  position(): FeedPosition
  /** @throws FeedBroken when the stream cannot go on from here; another begins from `position()`. */
  message(message: FeedMessage): Promise<void>
  /** The stream ended, or none could be opened. It will be tried again. */
  lost(why: string): void
  /** Core has ended our registration, as it says. True: nothing is tried any more. */
  revoked(why: string): boolean
  readonly version: string
  /** 0 to 1. */
  random(): number
}

/** The stream does not fit to what we have. */
export class FeedBroken extends Error {
  override name = 'FeedBroken'
}

/** A message that says nothing is missed three times before the stream counts as dead. */
const SILENT_PINGS = 3

interface Ended {
  readonly why: string
  readonly retryAfterSeconds: number | null
  readonly heard: boolean
}

/** Runs until disposed, or until Core revokes us. */
export class FeedClient implements AsyncDisposable {
  readonly #owner: FeedOwner
  readonly #stop = new AbortController()
  #current: AbortController | null = null
  readonly #running: Promise<void>

  constructor(owner: FeedOwner) {
    this.#owner = owner
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** Ends the stream that is open; the next is dialled at once, as who we are by then. */
  redial(): void {
    this.#current?.abort()
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stop.signal.aborted) {
      const ended = await this.#once()
      if (ended === null || this.#isStopped()) return
      this.#owner.lost(ended.why)
      failures = ended.heard ? 1 : failures + 1
      const asked = (ended.retryAfterSeconds ?? 0) * 1_000
      await delay(asked + backoffMs(failures, this.#owner.random()), undefined, { signal: this.#stop.signal }).catch(
        () => undefined,
      )
    }
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** One stream from its dial to its end. Null: Core has revoked us. */
  async #once(): Promise<Ended | null> {
    const one = new AbortController()
    this.#current = one
    const client = this.#owner.client()
    const signal = AbortSignal.any([one.signal, this.#stop.signal])
    let heard = false
    try {
      const response = await client.stream(this.#path(), signal)
      const bye = await this.#read(response, () => {
        heard = true
      })
      if (bye?.reason === 'revoked' && this.#owner.revoked(bye.message)) return null
      const why = bye === null ? 'the stream ended' : `Core says ${bye.reason}: ${bye.message}`
      return { why, retryAfterSeconds: bye?.retryAfterSeconds ?? null, heard }
    } catch (error) {
      // An identity that was renewed while we dialled with the old one is not a registration that has ended.
      const isRefused = error instanceof CoreError && error.kind === 'refused' && client === this.#owner.client()
      if (isRefused && this.#owner.revoked(error.message)) return null
      return { why: error instanceof Error ? error.message : 'unknown fault', retryAfterSeconds: null, heard }
    } finally {
      one.abort()
    }
  }

  #path(): string {
    const { etag, epoch, seq } = this.#owner.position()
    const query = new URLSearchParams({
      [FEED_QUERY.schemas]: String(FEED_SCHEMA),
      [FEED_QUERY.version]: this.#owner.version,
      [FEED_QUERY.etag]: etag ?? '',
      [FEED_QUERY.epoch]: epoch ?? '',
      [FEED_QUERY.seq]: seq === null ? '' : String(seq),
    })
    return `${FEED_PATHS.feed}?${query.toString()}`
  }

  async #read(response: IncomingMessage, heard: () => void): Promise<(FeedMessage & { type: 'bye' }) | null> {
    const lines = new LineReader(MAX_FEED_LINE_BYTES)
    const silence = new Silence(response)
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        silence.broken()
        for (const line of lines.push(chunk)) {
          const message = parseLine(line)
          heard()
          if (message.type === 'bye') return message
          if (message.type === 'hello') silence.period(message.pingSeconds)
          await this.#owner.message(message)
          silence.broken() // dealing with a large document takes time that is not Core's
        }
      }
      return null
    } finally {
      silence[Symbol.dispose]()
    }
  }
}

/** Ends a response that says nothing for too long. */
class Silence implements Disposable {
  readonly #response: IncomingMessage
  #ms = SILENT_PINGS * PING_SECONDS * 1_000
  #timer: NodeJS.Timeout

  constructor(response: IncomingMessage) {
    this.#response = response
    this.#timer = this.#wait()
  }

  period(pingSeconds: number): void {
    this.#ms = SILENT_PINGS * pingSeconds * 1_000
    this.broken()
  }

  broken(): void {
    clearTimeout(this.#timer)
    this.#timer = this.#wait()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#response.destroy(new FeedBroken(`no word from Core for ${this.#ms / 1_000} seconds`))
    }, this.#ms)
  }
}

function parseLine(line: string): FeedMessage {
  let input: unknown
  try {
    input = JSON.parse(line)
  } catch (error) {
    throw new FeedBroken('a line of the feed is no JSON', { cause: error })
  }
  return parseFeedMessage(input)
}
