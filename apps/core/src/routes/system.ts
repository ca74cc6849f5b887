/**
 * Handlers of the endpoints: system.
 * @module
 */
import { Readable } from 'node:stream'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { toOpenApi } from '@postern/contract/api/openapi'
import type { systemEndpoints } from '@postern/contract/api/system'
import type { Handlers } from '../api/handlers.ts'
import { actorOf } from '../api/principal.ts'
import { takeBackup } from '../services/backup/take-backup.ts'
import { rotateKeys } from '../services/keys/rotate-keys.ts'
import type { Services } from '../services/services.ts'
import { systemState } from '../services/system/system-state.ts'
import { CORE_VERSION } from '../version.ts'

/** Wires endpoints to services. */
export function systemRoutes(services: Services): Handlers<typeof systemEndpoints> {
  const openApi = JSON.stringify(toOpenApi(ENDPOINTS, CORE_VERSION))
  return {
    readOpenApi: async () => ({ body: undefined, stream: Readable.from([openApi]) }),
    readSystem: async () => ({ body: await systemState(services) }),
    createBackup: async (_input, context) => {
      await context.change(async ({ audit }) => audit({ action: 'backup.create', object: { kind: 'backup' } }))
      const name = `postern-${new Date(services.now()).toISOString().slice(0, 19).replaceAll(':', '')}.backup.gz`
      const headers = { 'content-disposition': `attachment; filename="${name}"` }
      return { body: undefined, stream: await takeBackup(services), headers }
    },
    rotateKeys: async (_input, { principal, remote, requestId }) => ({
      body: await rotateKeys(services, actorOf(principal, remote, requestId)),
    }),
  }
}
