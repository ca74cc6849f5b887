/**
 * Handlers of the endpoints: sentries.
 * @module
 */
import type { sentriesEndpoints } from '@postern/contract/api/sentries'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function sentriesRoutes(_services: Services): Handlers<typeof sentriesEndpoints> {
  return {}
}
