/**
 * Faults and answers on demand: what a test tells the stand-in to do instead of its duty.
 *
 * Source: protocol notes 2.3 (451), 2.7 (busy front-end), 2.8 (throttling).
 * @module
 */
import { empty } from './answer.ts'
import type { Answer } from './answer.ts'
import type { ReceivedRequest } from './received.ts'

/** Headers of an answer: names may repeat, and are written as they stand. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** What to do with a request. */
export type Action =
  /** An own answer. `chunked`: without Content-Length, in pieces. */
  | { kind: 'respond'; status: number; headers?: HeaderList; body?: Uint8Array | string; chunked?: boolean }
  /** The true answer, with more headers (an own Set-Cookie, Alt-Svc, X-MS-RP). */
  | { kind: 'decorate'; headers: HeaderList }
  /** The true answer; useful with `delayMs`. */
  | { kind: 'pass' }
  /** Destroys the connection once the whole body has come. */
  | { kind: 'reset' }
  /** Promises `length` bytes, sends `body`, destroys the connection. */
  | { kind: 'cut'; length: number; body: Uint8Array | string }
  /** Never answers. */
  | { kind: 'hang' }
  /** 451 with X-MS-Location. */
  | { kind: 'redirect'; location: string }
  /** 503 with Retry-After and X-MS-ASThrottle. */
  | { kind: 'throttled'; retryAfter?: string; reason?: string }
  /** A front-end's answer without a mailbox behind it: 200 for OPTIONS, 503 for POST, no MS-AS headers. */
  | { kind: 'busy' }
  /** Bytes as they stand; then the connection ends. */
  | { kind: 'raw'; bytes: Uint8Array | string }

/** A rule of the script. The first that fits and is not used up decides. */
export interface Rule {
  /** `OPTIONS` or a command's name, or a predicate; absent: every request. */
  match?: string | ((request: ReceivedRequest) => boolean)
  /** How often it applies; default 1, `Infinity` stands until it is removed. */
  times?: number
  /** Milliseconds to wait first; default 0. */
  delayMs?: number
  /** Act as soon as the head has come, without waiting for the body. Default false. */
  early?: boolean
  action: Action
}

/** Rules in force. */
export class Script {
  #rules: { rule: Rule; left: number }[] = []

  /** Adds a rule behind the others; the returned function takes it out again. */
  add(rule: Rule): () => void {
    const entry = { rule, left: rule.times ?? 1 }
    this.#rules.push(entry)
    return () => {
      this.#rules = this.#rules.filter((each) => each !== entry)
    }
  }

  clear(): void {
    this.#rules = []
  }

  /** The rule for a request, counted as used; null: the stand-in does its duty. */
  take(request: ReceivedRequest): Rule | null {
    const entry = this.#rules.find(({ rule }) => fits(rule, request))
    if (entry === undefined) return null
    entry.left -= 1
    if (entry.left <= 0) this.#rules = this.#rules.filter((each) => each !== entry)
    return entry.rule
  }
}

/** The answer that an action stands for; null for actions that are no answer of their own. */
export function scriptedAnswer(action: Action, method: string): Answer | null {
  switch (action.kind) {
    case 'respond':
      return {
        status: action.status,
        headers: (action.headers ?? []).map(([name, value]) => [name, value]),
        body: Buffer.from(action.body ?? ''),
      }
    case 'redirect':
      return empty(451, [['X-MS-Location', action.location]])
    case 'throttled':
      return empty(503, [
        ['Retry-After', action.retryAfter ?? '120'],
        ['X-MS-ASThrottle', action.reason ?? 'CommandFrequency'],
      ])
    case 'busy':
      return {
        status: method === 'OPTIONS' ? 200 : 503,
        headers: [
          ['Content-Type', 'text/html; charset=us-ascii'],
          ['Server', 'Microsoft-HTTPAPI/2.0'],
          ['x-proxyerrorhresult', '0x80072ee2'],
          ['x-proxyerrorlabel', 'ServerTimeout'],
        ],
        body: Buffer.from('The network is busy.'),
      }
    case 'decorate':
    case 'pass':
    case 'reset':
    case 'cut':
    case 'hang':
    case 'raw':
      return null
    default:
      return action satisfies never
  }
}

function fits({ match }: Rule, request: ReceivedRequest): boolean {
  if (match === undefined) return true
  return typeof match === 'string' ? (request.command ?? request.method) === match : match(request)
}
