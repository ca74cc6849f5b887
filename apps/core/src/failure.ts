/**
 * How Core says no: one class, a closed set of codes, told apart at the edge only.
 * @module
 */
import { FAILURES, type FailureCode } from '@postern/contract/api/failures'
import type { Problem } from '@postern/contract/problems'

/** What may go with a failure. `problems`: each with path, rule and remedy. */
export interface FailureDetails {
  readonly problems?: readonly Problem[]
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** Thrown by services. `message` is for people: what happened, and what to do about it. */
export class CoreError extends Error {
  override name = 'CoreError'
  readonly code: FailureCode
  readonly problems: readonly Problem[]
  readonly retryAfterSeconds: number | null
  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.problems = details.problems ?? []
    this.retryAfterSeconds = details.retryAfterSeconds ?? null
  }

  get status(): number {
    return FAILURES[this.code].status
  }
}

/** One field is wrong: `INVALID` with its path. */
export function invalid(path: string, message: string): CoreError {
  return new CoreError('INVALID', `${path}: ${message}`, { problems: [{ path, message }] })
}

/** `NOT_FOUND` for a thing of a kind, such as `label`. */
export function notFound(kind: string, id: string): CoreError {
  return new CoreError('NOT_FOUND', `there is no ${kind} ${id}; it may have been removed`)
}
