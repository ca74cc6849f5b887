/**
 * Handlers of the endpoints: users.
 * @module
 */
import type { usersEndpoints } from '@postern/contract/api/users'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function usersRoutes(_services: Services): Handlers<typeof usersEndpoints> {
  return {}
}
