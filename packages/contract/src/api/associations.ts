/**
 * Endpoints: associations.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const associationsEndpoints = {} as const satisfies EndpointTable
