/**
 * Handlers of the endpoints: session.
 * @module
 */
import type { sessionEndpoints } from '@postern/contract/api/session'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function sessionRoutes(_services: Services): Handlers<typeof sessionEndpoints> {
  return {}
}
