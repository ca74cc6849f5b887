/**
 * The handler of every endpoint. Its type makes a missing one a compile error.
 * @module
 */
import type { ENDPOINTS } from '@postern/contract/api/endpoints'
import type { Handlers } from '../api/handlers.ts'
import type { Services } from '../services/services.ts'
import { administratorsRoutes } from './administrators.ts'
import { associationsRoutes } from './associations.ts'
import { auditRoutes } from './audit.ts'
import { certificatesRoutes } from './certificates.ts'
import { configurationsRoutes } from './configurations.ts'
import { devicesRoutes } from './devices.ts'
import { labelsRoutes } from './labels.ts'
import { sentriesRoutes } from './sentries.ts'
import { sentryProfilesRoutes } from './sentry-profiles.ts'
import { sessionRoutes } from './session.ts'
import { systemRoutes } from './system.ts'
import { usersRoutes } from './users.ts'

/** All of them. */
export function allRoutes(services: Services): Handlers<typeof ENDPOINTS> {
  return {
    ...sessionRoutes(services),
    ...administratorsRoutes(services),
    ...sentryProfilesRoutes(services),
    ...certificatesRoutes(services),
    ...sentriesRoutes(services),
    ...configurationsRoutes(services),
    ...usersRoutes(services),
    ...devicesRoutes(services),
    ...labelsRoutes(services),
    ...associationsRoutes(services),
    ...auditRoutes(services),
    ...systemRoutes(services),
  }
}
