/**
 * Endpoints: sentry-profiles.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const sentryProfilesEndpoints = {} as const satisfies EndpointTable
