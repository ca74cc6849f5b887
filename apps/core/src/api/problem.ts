/**
 * A refusal as a problem document (RFC 9457), the same on every listener.
 * @module
 */
import type { ProblemDocument } from '@postern/contract/api/common'
import { FAILURES, problemUri } from '@postern/contract/api/failures'
import type { CoreError } from '../failure.ts'

/** `requestId` stands in the log as well. */
export function toProblem(failure: CoreError, requestId: string): ProblemDocument {
  const { code, status, message, problems, retryAfterSeconds } = failure
  return {
    type: problemUri(code),
    title: FAILURES[code].title,
    status,
    code,
    detail: message,
    requestId,
    ...(problems.length === 0 ? {} : { problems: [...problems] }),
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  }
}
