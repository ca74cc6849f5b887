/**
 * Endpoints: configurations.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const configurationsEndpoints = {} as const satisfies EndpointTable
