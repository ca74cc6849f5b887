/**
 * Endpoints: devices.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const devicesEndpoints = {} as const satisfies EndpointTable
