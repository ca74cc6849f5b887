/**
 * Handlers of the endpoints: sentry-profiles.
 * @module
 */
import type { sentryProfilesEndpoints } from '@postern/contract/api/sentry-profiles'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function sentryProfilesRoutes(_services: Services): Handlers<typeof sentryProfilesEndpoints> {
  return {}
}
