/**
 * Handlers of the endpoints: certificates.
 * @module
 */
import type { certificatesEndpoints } from '@postern/contract/api/certificates'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function certificatesRoutes(_services: Services): Handlers<typeof certificatesEndpoints> {
  return {}
}
