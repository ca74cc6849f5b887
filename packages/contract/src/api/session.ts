/**
 * Endpoints: session.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const sessionEndpoints = {} as const satisfies EndpointTable
