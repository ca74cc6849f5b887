/**
 * Wake-ups of one stream: remembered until its loop comes round, and a poll beside them, so that a lost one costs no more
 * than a few seconds.
 * @module
 */
import type { ServerResponse } from 'node:http'
import { PING_SECONDS } from '@postern/contract/feed/feed-messages'
import type { Wakeups } from '../database/wakeups.ts'
import { StreamEnded } from './line-writer.ts'

/** What there is to look at. */
export interface Due {
  readonly posture: boolean
  readonly sentries: boolean
  readonly poll: boolean
}

/** For one loop. Dispose to end the subscriptions. */
export interface Wakes extends Disposable {
  /** Resolves as soon as there is something; the first time with posture. @throws StreamEnded */
  next(): Promise<Due>
  /** Whether there is something by now; it stays. */
  pending(name: keyof Due): boolean
  /** It was looked at. */
  clear(name: keyof Due): void
  /** `next` throws from now on. */
  stop(): void
}

/** Ends by itself when the reply is closed. */
export function createWakes(wakeups: Pick<Wakeups, 'on'>, response: ServerResponse): Wakes {
  const flags = { posture: true, sentries: false, poll: false }
  let ended: StreamEnded | null = null
  let release: (() => void) | null = null
  const note = (name: keyof Due): void => {
    flags[name] = true
    release?.()
  }
  const end = (how: 'closed' | 'stopped') => (): void => {
    ended ??= new StreamEnded(how)
    release?.()
  }
  const subscriptions = [wakeups.on('posture', () => note('posture')), wakeups.on('sentries', () => note('sentries'))]
  const poll = setInterval(note, PING_SECONDS * 1_000, 'poll')
  const onClose = end('closed')
  response.once('close', onClose)
  const quiet = (): boolean => ended === null && !flags.posture && !flags.sentries && !flags.poll
  return {
    next: async () => {
      if (quiet()) {
        await new Promise<void>((resolve) => {
          release = resolve
        })
        release = null
      }
      if (ended !== null) throw ended
      const due = { ...flags }
      Object.assign(flags, { posture: false, sentries: false, poll: false })
      return due
    },
    pending: (name) => flags[name],
    clear: (name) => {
      flags[name] = false
    },
    stop: end('stopped'),
    [Symbol.dispose]: () => {
      clearInterval(poll)
      response.off('close', onClose)
      for (const subscription of subscriptions) subscription[Symbol.dispose]()
    },
  }
}
