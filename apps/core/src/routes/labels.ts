/**
 * Handlers of the endpoints: labels.
 * @module
 */
import type { labelsEndpoints } from '@postern/contract/api/labels'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function labelsRoutes(_services: Services): Handlers<typeof labelsEndpoints> {
  return {}
}
