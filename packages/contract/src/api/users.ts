/**
 * Endpoints: users.
 * @module
 */
import type { EndpointTable } from './endpoint.ts'

/** See the module's comment. */
export const usersEndpoints = {} as const satisfies EndpointTable
