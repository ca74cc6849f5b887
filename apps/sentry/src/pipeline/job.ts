/**
 * One request and what its handler needs; settings and snapshot are read once, where the job is made.
 * @module
 */
import type { Exchange } from '../listener/exchange.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { Runtime } from '../config/runtime.ts'
import type { PipelineDeps } from './deps.ts'
import type { RequestRecord } from './record.ts'

/** `query`: what follows the question mark, undecoded; null when there was none. */
export interface Job {
  readonly exchange: Exchange
  readonly record: RequestRecord
  readonly runtime: Runtime
  readonly snapshot: Snapshot | null
  readonly query: string | null
  readonly deps: PipelineDeps
}
