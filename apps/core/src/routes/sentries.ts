/**
 * Handlers of the endpoints: sentries.
 * @module
 */
import type { EnrolmentInvitation, sentriesEndpoints } from '@postern/contract/api/sentries'
import type { Answer, Handlers } from '../api/handlers.ts'
import { feedOrigin } from '../config/feed-address.ts'
import { openServiceAuthority } from '../services/sentries/authority.ts'
import { type RenderDocument, withinLine } from '../services/sentries/documents.ts'
import {
  createSentry,
  newSentryToken,
  removeSentry,
  revokeSentry,
  updateSentry,
} from '../services/sentries/edit-sentries.ts'
import type { CoreIdentity } from '../services/sentries/invitation.ts'
import { listSentries, readSentry, type SentriesReader } from '../services/sentries/read-sentries.ts'
import { renderDocument } from '../services/sentry-profiles/document.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function sentriesRoutes(services: Services): Handlers<typeof sentriesEndpoints> {
  const { store, vault, now, config } = services
  const render: RenderDocument = withinLine((profileId) => renderDocument(store.db, vault, profileId))
  const reader = (): SentriesReader => ({ db: store.db, render, now: now() })
  const whoWeAre = async (): Promise<CoreIdentity> => ({
    core: feedOrigin(config),
    authorityPem: (await openServiceAuthority(services)).certificatePem,
  })
  const shown = async (id: string) => {
    const body = await readSentry(reader(), id)
    return { body, version: body.version }
  }
  const invited = async (id: string, invitation: EnrolmentInvitation): Promise<Answer<Invited>> => {
    const { body: sentry, version } = await shown(id)
    return { body: { sentry, invitation }, version }
  }
  return {
    listSentries: async ({ query }) => ({ body: await listSentries(reader(), query) }),
    readSentry: async ({ params }) => shown(params.id),
    createSentry: async ({ body }, context) => {
      const where = await whoWeAre()
      const { id, invitation } = await context.change((change) => createSentry(change, body, where))
      return invited(id, invitation)
    },
    updateSentry: async ({ params, body }, context) => {
      await context.change((change) => updateSentry(change, params.id, context.ifMatch, body))
      return shown(params.id)
    },
    newSentryToken: async ({ params }, context) => {
      const where = await whoWeAre()
      const invitation = await context.change((change) => newSentryToken(change, params.id, where))
      return invited(params.id, invitation)
    },
    revokeSentry: async ({ params, body }, context) => {
      await context.change((change) => revokeSentry(change, params.id, body.note ?? null))
      return shown(params.id)
    },
    removeSentry: async ({ params }, context) => {
      await context.change((change) => removeSentry(change, params.id))
      return { body: null }
    },
  }
}

type Invited = { sentry: Awaited<ReturnType<typeof readSentry>>; invitation: EnrolmentInvitation }
