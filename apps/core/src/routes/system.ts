/**
 * Handlers of the endpoints: system.
 * @module
 */
import type { systemEndpoints } from '@postern/contract/api/system'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function systemRoutes(_services: Services): Handlers<typeof systemEndpoints> {
  return {}
}
