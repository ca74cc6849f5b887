/**
 * Endpoints: sentries.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const sentriesEndpoints = {} as const satisfies EndpointTable
