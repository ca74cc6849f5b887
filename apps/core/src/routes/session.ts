/**
 * Handlers of the endpoints: signing in.
 * @module
 */
import type { ApiToken, Session, sessionEndpoints } from '@postern/contract/api/session'
import type { Answer, CookieChange, Handlers, RequestContext } from '../api/handlers.ts'
import type { Principal } from '../api/principal.ts'
import { OIDC_COOKIE, SESSION_COOKIE } from '../api/router.ts'
import { CoreError } from '../failure.ts'
import type { Services } from '../services/services.ts'
import { createApiToken, type ApiTokenRow, listApiTokens, removeApiToken } from '../services/sign-in/api-tokens.ts'
import { confirmInvitation, openInvitation } from '../services/sign-in/invitations.ts'
import { finishOidc, oidcTitle, startOidc, startOidcStepUp } from '../services/sign-in/oidc.ts'
import {
  describeSession,
  describeToken,
  endOwnSessions,
  endSession,
  type OpenedSession,
} from '../services/sign-in/sessions.ts'
import { confirmSetUp, isSetUpOpen, startSetUp } from '../services/sign-in/set-up.ts'
import { changePassword, requireSession, signIn, stepUp } from '../services/sign-in/sign-in.ts'

/** Wires endpoints to services. */
export function sessionRoutes(services: Services): Handlers<typeof sessionEndpoints> {
  const opened = async ({ secret }: OpenedSession): Promise<Answer<Session>> => ({
    body: await describeSession(services.store.db, secret, services.now()),
    cookies: [sessionCookie(secret)],
  })
  return {
    readSignInOptions: async () => ({
      body: { setUp: await isSetUpOpen(services.store.db), oidc: await oidcTitle(services.store.db) },
    }),
    startSetUp: async ({ body }, context) => ({ body: await startSetUp(services, context, body) }),
    confirmSetUp: async ({ body }, context) => opened(await confirmSetUp(services, context, body)),
    openInvitation: async ({ body }, context) => ({ body: await openInvitation(services, context, body) }),
    confirmInvitation: async ({ body }, context) => opened(await confirmInvitation(services, context, body)),
    signIn: async ({ body }, context) => opened(await signIn(services, context, body)),
    readSession: async (_input, context) => ({ body: await shownSession(services, context) }),
    signOut: async (_input, context) => {
      const { sessionId } = requireSession(context.principal)
      await context.change((change) => endSession(change, sessionId))
      return { body: null, cookies: [{ name: SESSION_COOKIE, value: null }] }
    },
    signOutEverywhere: async (_input, context) => {
      const { administratorId } = requireSession(context.principal)
      await context.change((change) => endOwnSessions(change, administratorId))
      return { body: null, cookies: [{ name: SESSION_COOKIE, value: null }] }
    },
    stepUp: async ({ body }, context) => opened(await stepUp(services, context, context.principal, body.code)),
    changePassword: async ({ body }, context) =>
      opened(await changePassword(services, context, context.principal, body)),
    ...oidcRoutes(services),
    ...tokenRoutes(services),
  }
}

type OidcRows = 'startOidcSignIn' | 'finishOidcSignIn' | 'startOidcStepUp'

function oidcRoutes(services: Services): Pick<Handlers<typeof sessionEndpoints>, OidcRows> {
  return {
    startOidcSignIn: async (_input, context) => {
      const { url, cookie } = await startOidc(services, context)
      return { body: null, headers: { location: url }, cookies: [oidcCookie(cookie)] }
    },
    finishOidcSignIn: async ({ query }, context) => {
      const { secret } = await finishOidc(services, context, query)
      const cookies = [sessionCookie(secret), oidcCookie(null)]
      return { body: null, headers: { location: '/' }, cookies }
    },
    startOidcStepUp: async (_input, context) => {
      const { url, cookie } = await startOidcStepUp(services, context, context.principal)
      return { body: { url }, cookies: [oidcCookie(cookie)] }
    },
  }
}

type TokenRows = 'listApiTokens' | 'createApiToken' | 'removeApiToken'

function tokenRoutes({ store }: Services): Pick<Handlers<typeof sessionEndpoints>, TokenRows> {
  return {
    listApiTokens: async (_input, { principal }) => {
      const rows = await listApiTokens(store.db, signedIn(principal).administratorId)
      return { body: { items: rows.map(toApiToken) } }
    },
    createApiToken: async ({ body }, context) => {
      const { administratorId, permissions: held } = requireSession(context.principal)
      const { name, permissions, expiresInSeconds: seconds } = body
      const draft = { administratorId, held, name, permissions, seconds }
      const { row, secret } = await context.change((change) => createApiToken(change, draft))
      return { body: { token: toApiToken(row), secret } }
    },
    removeApiToken: async ({ params }, context) => {
      const { administratorId } = signedIn(context.principal)
      await context.change((change) => removeApiToken(change, administratorId, params.id))
      return { body: null }
    },
  }
}

/** A token as the contract has it. */
export function toApiToken(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    administratorId: row.administrator_id,
    name: row.name,
    permissions: [...row.permissions],
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    lastUsedFrom: row.last_used_from,
  }
}

async function shownSession(
  services: Services,
  { principal, sessionCookie: cookie }: RequestContext,
): Promise<Session> {
  const { kind, id, permissions } = signedIn(principal)
  const { store, now } = services
  if (kind === 'token') return describeToken(store.db, id, permissions)
  return describeSession(store.db, cookie ?? '', now())
}

function signedIn(principal: Principal | null): Principal {
  if (principal === null) throw new CoreError('NOT_SIGNED_IN', 'send a session or an API token')
  return principal
}

function sessionCookie(value: string): CookieChange {
  return { name: SESSION_COOKIE, value }
}

/** The way back from the identity provider begins on its site, where a strict cookie is not sent. */
function oidcCookie(value: string | null): CookieChange {
  return { name: OIDC_COOKIE, value, lax: true }
}
