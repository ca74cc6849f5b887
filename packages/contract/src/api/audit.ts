/**
 * Endpoints: audit.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const auditEndpoints = {} as const satisfies EndpointTable
