/**
 * Handlers of the endpoints: associations.
 * @module
 */
import type { associationsEndpoints } from '@postern/contract/api/associations'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function associationsRoutes(_services: Services): Handlers<typeof associationsEndpoints> {
  return {}
}
