/**
 * Endpoints: certificates.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const certificatesEndpoints = {} as const satisfies EndpointTable
