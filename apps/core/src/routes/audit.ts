/**
 * Handlers of the endpoints: audit.
 * @module
 */
import { Readable } from 'node:stream'
import type { auditEndpoints } from '@postern/contract/api/audit'
import type { Handlers } from '../api/handlers.ts'
import { auditLines, listAudit, verifyAudit } from '../services/audit/read-audit.ts'
import { updateSyslog, readSyslog } from '../services/audit/syslog-settings.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function auditRoutes(services: Services): Handlers<typeof auditEndpoints> {
  const { db } = services.store
  return {
    listAudit: async ({ query }) => ({ body: await listAudit(db, query) }),
    exportAudit: async ({ query }) => ({ body: undefined, stream: Readable.from(auditLines(db, query)) }),
    verifyAudit: async ({ body }) => ({ body: await verifyAudit(db, services.keys.auditKey, body.anchor ?? null) }),
    readSyslog: async () => {
      const body = await readSyslog(db)
      return { body, version: body.version }
    },
    updateSyslog: async ({ body: wanted }, context) => {
      await context.change((change) => updateSyslog(change, wanted, context.ifMatch))
      const body = await readSyslog(db)
      return { body, version: body.version }
    },
  }
}
