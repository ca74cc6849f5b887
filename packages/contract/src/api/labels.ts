/**
 * Endpoints: labels.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const labelsEndpoints = {} as const satisfies EndpointTable
