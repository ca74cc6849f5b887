/**
 * Lines of a long-lived reply, at the pace of whoever reads: nothing is made ahead of what the other end has taken.
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { FeedMessage } from '@postern/contract/feed/feed-messages'

/** Why a line did not go out. */
export type WriteEnd = 'closed' | 'stalled' | 'stopped'

/** Thrown by `write`: the stream is to end. */
export class StreamEnded extends Error {
  override name = 'StreamEnded'
  readonly how: WriteEnd
  constructor(how: WriteEnd) {
    super(`the stream is ${how}`)
    this.how = how
  }
}

/** A message with entries, without them. */
export type EntriesHead = Omit<Extract<FeedMessage, { type: 'entries' }>, 'entries'> | Omit<DeltaMessage, 'entries'>
type DeltaMessage = Extract<FeedMessage, { type: 'delta' }>

/** Writes lines. */
export interface LineWriter {
  /** Resolves when there is room for more. @throws StreamEnded */
  write(message: FeedMessage): Promise<void>
  /** The same for a message with entries, each of which is JSON already. `head`: its other members. @throws StreamEnded */
  writeEntries(head: EntriesHead, entries: readonly string[]): Promise<void>
  /** No more lines: `write` throws from now on, also one that waits. */
  stop(): void
  /** Ends the reply with a last line; cut off when the other end does not take it in time. */
  finish(last: FeedMessage | null): Promise<void>
}

/** The other end gets so long to take the last line. Milliseconds. */
const FINISH_MS = 1_000

/** `drainMs`: an end that takes nothing for so long is given up. */
export function createLineWriter(response: ServerResponse, drainMs: number): LineWriter {
  let stopped = false
  let wake: ((how: WriteEnd | 'drained') => void) | null = null
  const drained = (): Promise<WriteEnd | 'drained'> =>
    new Promise((resolve) => {
      const settle = (how: WriteEnd | 'drained'): void => {
        clearTimeout(timer)
        response.off('drain', onDrain).off('close', onClose)
        wake = null
        resolve(how)
      }
      const timer = setTimeout(settle, drainMs, 'stalled')
      const onDrain = (): void => settle('drained')
      const onClose = (): void => settle('closed')
      response.once('drain', onDrain).once('close', onClose)
      wake = settle
    })
  const writeLine = async (line: string): Promise<void> => {
    if (stopped) throw new StreamEnded('stopped')
    if (response.destroyed) throw new StreamEnded('closed')
    if (response.write(`${line}\n`)) return
    const how = await drained()
    if (how !== 'drained') throw new StreamEnded(how)
  }
  return {
    write: (message) => writeLine(JSON.stringify(message)),
    writeEntries: (head, entries) => {
      const empty = JSON.stringify({ ...head, entries: [] })
      return writeLine(`${empty.slice(0, -']}'.length)}${entries.join(',')}]}`)
    },
    stop: () => {
      stopped = true
      wake?.('stopped')
    },
    finish: async (last) => {
      if (response.destroyed) return
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const timer = setTimeout(resolve, FINISH_MS, undefined)
      response.once('close', () => resolve(undefined))
      response.end(last === null ? undefined : `${JSON.stringify(last)}\n`, () => resolve(undefined))
      await promise
      clearTimeout(timer)
      response.destroy()
    },
  }
}
