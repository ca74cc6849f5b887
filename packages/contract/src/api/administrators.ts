/**
 * Endpoints: administrators.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const administratorsEndpoints = {} as const satisfies EndpointTable
