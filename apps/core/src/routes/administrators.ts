/**
 * Handlers of the endpoints: administrators.
 * @module
 */
import type { administratorsEndpoints } from '@postern/contract/api/administrators'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function administratorsRoutes(_services: Services): Handlers<typeof administratorsEndpoints> {
  return {}
}
