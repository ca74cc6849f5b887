/**
 * Request bodies: bounded in size, and not slower than a mobile link on a bad day (A16).
 * @module
 */
import { Transform, type TransformCallback } from 'node:stream'
import type { Reason } from '../decision/reasons.ts'
import type { Exchange } from './exchange.ts'
import { MIN_BODY_RATE } from './timeouts.ts'

/** Why a body could not be had; `reason` is BODY_TOO_LARGE, BODY_TOO_SLOW, BODY_BROKEN or CLIENT_GONE. */
export class BodyError extends Error {
  override name = 'BodyError'
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}

const CHECK_MS = 1_000

/**
 * The body as it comes, with the limits in force: `maxBytes`, and after `graceMs` of waiting for the device at
 * least 1 KiB for every second waited. Ends in a BodyError. Time that the reader takes does not count.
 */
export function guardedBody(exchange: Exchange, maxBytes: number, graceMs: number): Transform {
  let waitedMs = 0
  let waitingSince = performance.now()
  const guard = new Transform({
    transform(chunk: Uint8Array, _encoding, done: TransformCallback) {
      waitedMs += performance.now() - waitingSince
      exchange.bytesIn += chunk.length
      if (exchange.bytesIn > maxBytes) {
        done(new BodyError('BODY_TOO_LARGE'))
        return
      }
      done(null, chunk)
      waitingSince = performance.now()
    },
  })
  const check = setInterval(
    () => {
      const late = waitedMs + (guard.writableNeedDrain ? 0 : performance.now() - waitingSince) - graceMs
      if (isTooSlow(late, exchange.bytesIn)) guard.destroy(new BodyError('BODY_TOO_SLOW'))
    },
    Math.min(CHECK_MS, graceMs),
  )
  // The body may fail before, or after, anybody listens; whoever sends it on looks at `errored`.
  guard.on('error', () => undefined)
  guard.once('close', () => {
    clearInterval(check)
    exchange.body.unpipe(guard)
  })
  exchange.body.once('error', () => guard.destroy(new BodyError('BODY_BROKEN')))
  exchange.onGone(() => guard.destroy(new BodyError('CLIENT_GONE')))
  exchange.body.pipe(guard)
  return guard
}

/** The whole body, for those that must be read before anything is sent; the limits are the same. @throws BodyError */
export async function readBody(exchange: Exchange, maxBytes: number, graceMs: number): Promise<Buffer> {
  if (exchange.bodyLength === 0) return Buffer.alloc(0)
  if (exchange.bodyLength !== null && exchange.bodyLength > maxBytes) throw new BodyError('BODY_TOO_LARGE')
  exchange.acceptBody()
  return new Promise((resolve, reject) => {
    const { body } = exchange
    const chunks: Buffer[] = []
    const startedAt = performance.now()
    const finish = (reason: Reason | null): void => {
      clearInterval(check)
      body.removeListener('data', onData)
      if (reason === null) resolve(Buffer.concat(chunks))
      else reject(new BodyError(reason))
    }
    const onData = (chunk: Buffer): void => {
      exchange.bytesIn += chunk.length
      chunks.push(chunk)
      if (exchange.bytesIn > maxBytes) finish('BODY_TOO_LARGE')
    }
    const check = setInterval(
      () => {
        if (isTooSlow(performance.now() - startedAt - graceMs, exchange.bytesIn)) finish('BODY_TOO_SLOW')
      },
      Math.min(CHECK_MS, graceMs),
    )
    body.on('data', onData)
    body.once('end', () => {
      finish(null)
    })
    body.once('error', () => {
      finish('BODY_BROKEN')
    })
    exchange.onGone(() => {
      finish('CLIENT_GONE')
    })
  })
}

/** `lateMs`: how long the device was waited for beyond the grace time. */
function isTooSlow(lateMs: number, bytes: number): boolean {
  return lateMs > 0 && bytes < (lateMs / 1_000) * MIN_BODY_RATE
}
