/**
 * What the pipeline needs of the process around it.
 * @module
 */
import type { AuditWriter } from '../events/audit-writer.ts'
import type { Counters } from '../events/counters.ts'
import type { DeviceIdentity } from '../identity/device-identity.ts'
import type { DeviceConnection } from '../listener/exchange.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { Coordinator } from '../coordination/coordinator.ts'
import type { Runtime } from '../config/runtime.ts'
import type { HeldRequests } from './held-requests.ts'
import type { SeenDevices } from './seen-devices.ts'

/** Ports to snapshot, settings, supervisor, audit file and clock. */
export interface PipelineDeps {
  runtime(): Runtime
  /** Null until a valid policy was read. */
  snapshot(): Snapshot | null
  /** The certificate of a connection as read once. */
  identityOf(connection: DeviceConnection): DeviceIdentity | null
  readonly coordinator: Coordinator
  readonly held: HeldRequests
  readonly seen: SeenDevices
  readonly audit: AuditWriter
  readonly counters: Counters
  now(): number
  /** Faults of ours: the id of the request and what went wrong, no request data. */
  fault(id: string, error: unknown): void
}
