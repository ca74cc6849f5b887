/**
 * Handlers of the endpoints: audit.
 * @module
 */
import type { auditEndpoints } from '@postern/contract/api/audit'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function auditRoutes(_services: Services): Handlers<typeof auditEndpoints> {
  return {}
}
