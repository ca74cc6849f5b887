/**
 * Whatever was thrown, as one of our failures: what a listener does last before it answers.
 * @module
 */
import { ContractError } from '@postern/contract/problems'
import { CoreError } from '../failure.ts'
import { isDatabaseAway } from './sql-error.ts'

/** What is not ours becomes `INTERNAL` and keeps its cause. */
export function toFailure(error: unknown): CoreError {
  if (error instanceof CoreError) return error
  if (error instanceof ContractError) return new CoreError('INVALID', error.message, { problems: error.problems })
  if (isDatabaseAway(error)) {
    return new CoreError('UNAVAILABLE', 'the database is away; try again', { cause: error, retryAfterSeconds: 2 })
  }
  return new CoreError('INTERNAL', 'Core failed; the request id is in its log', { cause: error })
}
