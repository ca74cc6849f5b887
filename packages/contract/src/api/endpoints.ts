/**
 * The whole API.
 * @module
 */
import { administratorsEndpoints } from './administrators.ts'
import { associationsEndpoints } from './associations.ts'
import { auditEndpoints } from './audit.ts'
import { certificatesEndpoints } from './certificates.ts'
import { configurationsEndpoints } from './configurations.ts'
import { devicesEndpoints } from './devices.ts'
import type { EndpointTable } from './endpoint.ts'
import { labelsEndpoints } from './labels.ts'
import { sentriesEndpoints } from './sentries.ts'
import { sentryProfilesEndpoints } from './sentry-profiles.ts'
import { sessionEndpoints } from './session.ts'
import { systemEndpoints } from './system.ts'
import { usersEndpoints } from './users.ts'

/** Every endpoint by name. Names are unique across resources: a later one would silently replace an earlier. */
export const ENDPOINTS = {
  ...sessionEndpoints,
  ...administratorsEndpoints,
  ...sentryProfilesEndpoints,
  ...certificatesEndpoints,
  ...sentriesEndpoints,
  ...configurationsEndpoints,
  ...usersEndpoints,
  ...devicesEndpoints,
  ...labelsEndpoints,
  ...associationsEndpoints,
  ...auditEndpoints,
  ...systemEndpoints,
} as const satisfies EndpointTable

/** Name of an endpoint. */
export type EndpointName = keyof typeof ENDPOINTS
