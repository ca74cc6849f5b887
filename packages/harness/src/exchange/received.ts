/**
 * What the stand-in received, as its tests ask for it.
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { readQuery } from './query.ts'
import type { ExchangeQuery } from './query.ts'

/** A request as it came; entered when its head is complete, filled while its body comes. */
export interface ReceivedRequest {
  method: string
  /** Path and query as sent. */
  target: string
  rawHeaders: string[]
  /** Names in lower case, repeated values joined by `, `. */
  headers: Record<string, string>
  /** Null for OPTIONS and for a query that is neither form. */
  command: string | null
  query: ExchangeQuery | null
  /** What has come so far. */
  body: Buffer
  /** Milliseconds since the epoch. */
  at: number
  /** Which connection carried it; they count from 1. */
  connection: number
  /** The client went away before it had its answer. */
  aborted: boolean
  /** The whole answer was handed to the system. */
  finished: boolean
  /** Status of the answer, null until there is one. */
  status: number | null
}

/** All requests of a stand-in. */
export class ReceivedRequests {
  readonly list: ReceivedRequest[] = []
  readonly #watchers = new Set<() => void>()

  add(request: ReceivedRequest): void {
    this.list.push(request)
    this.changed()
  }

  /** To be called after an entry was filled in. */
  changed(): void {
    for (const watch of [...this.#watchers]) watch()
  }

  clear(): void {
    this.list.length = 0
  }

  /** The first request that fits, waiting for it. Rejects after `timeoutMs`. */
  async waitFor(fits: (request: ReceivedRequest) => boolean, timeoutMs: number): Promise<ReceivedRequest> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.list.find(fits)
        if (found !== undefined) settle(() => resolve(found))
      }
      const settle = (done: () => void): void => {
        clearTimeout(timeout)
        this.#watchers.delete(look)
        done()
      }
      const timeout = setTimeout(() => {
        const seen = this.list.map((each) => each.command ?? each.method).join(', ')
        settle(() => reject(new Error(`no such request in ${String(timeoutMs)} ms; received: ${seen || 'nothing'}`)))
      }, timeoutMs)
      this.#watchers.add(look)
      look()
    })
  }
}

/** Reads a request's head. */
export function toReceived(req: IncomingMessage, connection: number): ReceivedRequest {
  const target = req.url ?? ''
  const mark = target.indexOf('?')
  const query = mark < 0 ? null : readQuery(target.slice(mark + 1))
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(req.headersDistinct)) headers[name] = (values ?? []).join(', ')
  const method = req.method ?? ''
  return {
    method,
    target,
    rawHeaders: req.rawHeaders,
    headers,
    command: method === 'OPTIONS' ? null : (query?.command ?? null),
    query,
    body: Buffer.alloc(0),
    at: Date.now(),
    connection,
    aborted: false,
    finished: false,
    status: null,
  }
}
