/**
 * Handlers of the endpoints: configurations.
 * @module
 */
import type { configurationsEndpoints } from '@postern/contract/api/configurations'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function configurationsRoutes(_services: Services): Handlers<typeof configurationsEndpoints> {
  return {}
}
