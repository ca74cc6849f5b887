/**
 * Handlers of the endpoints: devices.
 * @module
 */
import type { devicesEndpoints } from '@postern/contract/api/devices'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function devicesRoutes(_services: Services): Handlers<typeof devicesEndpoints> {
  return {}
}
