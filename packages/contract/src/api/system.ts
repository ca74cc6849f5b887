/**
 * Endpoints: system.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const systemEndpoints = {} as const satisfies EndpointTable
