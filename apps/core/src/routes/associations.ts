/**
 * Handlers of the endpoints: associations.
 * @module
 */
import type { AssociationDetail, associationsEndpoints } from '@postern/contract/api/associations'
import type { Answer, Handlers, RequestContext } from '../api/handlers.ts'
import type { Change } from '../database/store.ts'
import { decideAssociation, revertAssociation } from '../services/associations/decide.ts'
import { linkAssociation, removeAssociation, unlinkAssociation } from '../services/associations/link-by-hand.ts'
import { countAssociations, listAssociations, readAssociation } from '../services/associations/read.ts'
import { toDate } from '../services/instant.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function associationsRoutes({ store, now }: Services): Handlers<typeof associationsEndpoints> {
  const { db } = store
  const time = (): Date => new Date(now())
  return {
    listAssociations: async ({ query }) => ({ body: await listAssociations(db, query, time()) }),
    countAssociations: async () => ({ body: await countAssociations(db, time()) }),
    readAssociation: async ({ params: { id } }) => ({ body: await readAssociation(db, id, time()) }),
    allowAssociation: ({ params: { id }, body: { note, expiresAt } }, context) =>
      changed(context, id, (c) =>
        decideAssociation(c, id, { kind: 'allow', note, expiresAt: toDate('expiresAt', expiresAt ?? null) }),
      ),
    blockAssociation: ({ params: { id }, body: { note, expiresAt } }, context) =>
      changed(context, id, (c) =>
        decideAssociation(c, id, { kind: 'block', note, expiresAt: toDate('expiresAt', expiresAt ?? null) }),
      ),
    revertAssociation: ({ params: { id }, body: { note } }, context) =>
      changed(context, id, (c) => revertAssociation(c, id, note)),
    linkAssociation: ({ params: { id }, body }, context) => changed(context, id, (c) => linkAssociation(c, id, body)),
    unlinkAssociation: ({ params: { id }, body: { note } }, context) =>
      changed(context, id, (c) => unlinkAssociation(c, id, note)),
    removeAssociation: async ({ params: { id }, body: { note } }, context) => {
      await context.change((c) => removeAssociation(c, id, note))
      return { body: null }
    },
  }
}

async function changed(
  context: RequestContext,
  id: string,
  work: (change: Change) => Promise<void>,
): Promise<Answer<AssociationDetail>> {
  const body = await context.change(async (change) => {
    await work(change)
    return readAssociation(change.tx, id, change.now)
  })
  return { body }
}
