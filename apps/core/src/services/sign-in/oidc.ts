/**
 * Signing in at an identity provider, and proving identity there again. What a browser took along is in the database, tied
 * to a cookie, for ten minutes and one use.
 * @module
 */
import type { OidcSettings } from '@postern/contract/api/administrators'
import type { Principal } from '../../api/principal.ts'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import { CoreError } from '../../failure.ts'
import type { Services } from '../services.ts'
import { admitted, groupsOf, personOf } from './oidc-person.ts'
import { type Claims, CLOCK_SECONDS, newSignInSecrets, openProvider, type SignInSecrets } from './identity-provider.ts'
import { newSecret, sameText, secretHash } from './secrets.ts'
import { type OpenedSession, renewSession, startSession } from './sessions.ts'
import { requireSession } from './sign-in.ts'
import { nobody, somebody, type Visitor } from './visitor.ts'

/** A browser may be away so long. Milliseconds. */
const AWAY_MS = 600_000
/** Browsers away at once: from one address, and in all. */
const MOST_AWAY = { address: 20, all: 10_000 } as const
/** Where the provider sends it back. */
const CALLBACK_PATH = '/api/v1/session/oidc/callback'

/** Where a browser comes from (`origin`: scheme, name and port that it asked), and its cookie. */
export interface Browser extends Visitor {
  readonly origin: string
  readonly oidcCookie: string | null
}

/** A browser about to go: where, and the cookie it takes along. */
export interface Departure {
  readonly url: string
  readonly cookie: string
}

interface Taken extends SignInSecrets {
  readonly redirectUri: string
}

/** What the sign-in page calls the provider; null: none is set up. */
export async function oidcTitle(db: Db): Promise<string | null> {
  const { oidc } = await settingsRow(db)
  return oidc?.enabled === true ? oidc.title : null
}

/** Begins a sign-in. @throws CoreError NOT_FOUND, UNAVAILABLE, TOO_MANY */
export async function startOidc(services: Services, browser: Browser): Promise<Departure> {
  return depart(services, browser, null)
}

/** Begins a fresh proof of identity for a session. @throws CoreError CONFLICT, FORBIDDEN, and as `startOidc` */
export async function startOidcStepUp(
  services: Services,
  browser: Browser,
  principal: Principal | null,
): Promise<Departure> {
  const { administratorId, sessionId } = requireSession(principal)
  const { db } = services.store
  const row = await db.selectFrom('administrators').select('kind').where('id', '=', administratorId).executeTakeFirst()
  if (row?.kind !== 'oidc')
    throw new CoreError('CONFLICT', 'this account proves itself with a code, not at the provider')
  return depart(services, browser, sessionId)
}

async function depart(services: Services, browser: Browser, sessionId: string | null): Promise<Departure> {
  const [settings, clientSecret] = await enabledSettings(services)
  await requireRoom(services.store.db, browser.remote, new Date(services.now()))
  const provider = await openProvider(settings, clientSecret)
  const cookie = newSecret()
  const secrets = newSignInSecrets()
  const redirectUri = browser.origin + CALLBACK_PATH
  const url = await provider.authorizationUrl(secrets, redirectUri, sessionId !== null)
  await services.store.change(nobody(browser), async ({ tx, now }) => {
    await forgetOld(services, { tx, now })
    const taken: Taken = { ...secrets, redirectUri }
    await tx
      .insertInto('oidc_sign_ins')
      .values({
        cookie_hash: secretHash(cookie),
        secret_id: await services.vault.put(tx, 'oidc-sign-in', JSON.stringify(taken)),
        session_id: sessionId,
        remote: browser.remote,
        created_at: now,
        expires_at: new Date(now.getTime() + AWAY_MS),
      })
      .execute()
  })
  return { url: url.href, cookie }
}

/** Before anything is asked of the provider: whoever floods this must not make Core flood that. */
async function requireRoom(db: Db, remote: string, now: Date): Promise<void> {
  const { away, here } = await db
    .selectFrom('oidc_sign_ins')
    .select((eb) => [
      eb.fn.countAll<number>().as('away'),
      eb.fn.countAll<number>().filterWhere('remote', '=', remote).as('here'),
    ])
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  if (here < MOST_AWAY.address && away < MOST_AWAY.all) return
  throw new CoreError('TOO_MANY', 'too many sign-ins have begun and not ended; wait', { retryAfterSeconds: 600 })
}

async function forgetOld({ vault }: Services, { tx, now }: Pick<Change, 'tx' | 'now'>): Promise<void> {
  const old = await tx.deleteFrom('oidc_sign_ins').where('expires_at', '<', now).returning('secret_id').execute()
  for (const { secret_id } of old) await vault.remove(tx, secret_id)
}

/** Ends a sign-in or a proof. `query`: what the provider added. @throws CoreError SIGN_IN_FAILED, UNAVAILABLE */
export async function finishOidc(
  services: Services,
  browser: Browser,
  query: Readonly<Record<string, unknown>>,
): Promise<OpenedSession> {
  try {
    return await finish(services, browser, query)
  } catch (error) {
    if (!(error instanceof CoreError) || error.code !== 'SIGN_IN_FAILED') throw error
    await services.store.change(nobody(browser), async ({ audit }) => {
      const object = { kind: 'administrator', name: '(identity provider)' }
      audit({ action: 'session.refuse', object, note: error.message })
    })
    throw error
  }
}

async function finish(
  services: Services,
  browser: Browser,
  query: Readonly<Record<string, unknown>>,
): Promise<OpenedSession> {
  const pending = await takePending(services, browser)
  const { redirectUri, ...secrets } = pending.taken
  if (typeof query['state'] !== 'string' || !sameText(query['state'], secrets.state)) throw notBegun()
  const answer = new URL(redirectUri)
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string') throw notBegun() // a parameter that is there twice (RFC 6749, 3.1)
    answer.searchParams.set(name, value)
  }
  const [settings, clientSecret] = await enabledSettings(services)
  const provider = await openProvider(settings, clientSecret)
  const claims = await provider.redeem(answer, secrets, pending.sessionId !== null)
  if (pending.sessionId === null) return letIn(services, browser, settings, claims)
  return proveAgain(services, browser, { sessionId: pending.sessionId, begunAt: pending.begunAt }, claims)
}

interface Pending {
  readonly taken: Taken
  readonly sessionId: string | null
  readonly begunAt: Date
}

/** Good once, whatever comes of it. */
async function takePending(services: Services, browser: Browser): Promise<Pending> {
  const { oidcCookie: cookie } = browser
  if (cookie === null) throw notBegun()
  return services.store
    .change(nobody(browser), async ({ tx, now }) => {
      const row = await tx
        .deleteFrom('oidc_sign_ins')
        .where('cookie_hash', '=', secretHash(cookie))
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) return null
      const text = await services.vault.read(tx, 'oidc-sign-in', row.secret_id)
      await services.vault.remove(tx, row.secret_id)
      if (row.expires_at <= now) return null
      // Written by `depart`, and nobody else can have.
      return { taken: JSON.parse(text) as Taken, sessionId: row.session_id, begunAt: row.created_at }
    })
    .then((pending) => {
      if (pending === null) throw notBegun()
      return pending
    })
}

async function letIn(
  services: Services,
  browser: Browser,
  settings: OidcSettings,
  claims: Claims,
): Promise<OpenedSession> {
  const roles = rolesOf(settings, groupsOf(claims, settings.groupClaim))
  const person = personOf(claims)
  const known = await services.store.db
    .selectFrom('administrators')
    .select('id')
    .where('oidc_issuer', '=', claims.iss)
    .where('oidc_subject', '=', claims.sub)
    .executeTakeFirst()
  const id = known?.id ?? crypto.randomUUID()
  const refusal =
    roles.length === 0
      ? `${person.userName} is in no group that has a role here (${settings.groupClaim})`
      : `the account of ${person.userName} is disabled here`
  const session = await services.store.change(somebody(browser, { id, user_name: person.userName }), async (change) => {
    if (roles.length === 0 && known === undefined) return null
    // Also without any role: whoever left the groups loses sessions, and API tokens their worth.
    const enabled = await admitted(change, { id, issuer: claims.iss, subject: claims.sub, ...person, roles })
    if (!enabled || roles.length === 0) return null
    const opened = await startSession(change, { administratorId: id, kind: 'oidc', remote: browser.remote })
    const after = { with: 'identity provider', issuer: claims.iss, roles }
    change.audit({ action: 'session.start', object: { kind: 'session', id: opened.id }, after })
    return opened
  })
  if (session === null) throw new CoreError('SIGN_IN_FAILED', refusal)
  return session
}

async function proveAgain(
  services: Services,
  browser: Browser,
  { sessionId, begunAt }: { sessionId: string; begunAt: Date },
  claims: Claims,
): Promise<OpenedSession> {
  const provedAt = Number(claims['auth_time'] ?? 0)
  if (provedAt < begunAt.getTime() / 1_000 - CLOCK_SECONDS) {
    throw new CoreError('SIGN_IN_FAILED', 'the identity provider did not ask for a new sign-in')
  }
  const row = await services.store.db
    .selectFrom('sessions')
    .innerJoin('administrators', 'administrators.id', 'sessions.administrator_id')
    .select(['administrators.id', 'user_name', 'oidc_issuer', 'oidc_subject'])
    .where('sessions.id', '=', sessionId)
    .executeTakeFirst()
  if (row === undefined || row.oidc_issuer !== claims.iss || row.oidc_subject !== claims.sub) {
    throw new CoreError('SIGN_IN_FAILED', 'somebody else signed in at the identity provider')
  }
  return services.store.change({ ...somebody(browser, row), sessionId }, async (change) => {
    change.audit({ action: 'session.step-up', object: { kind: 'session', id: sessionId } })
    return renewSession(change, sessionId)
  })
}

function rolesOf({ groupRoles }: OidcSettings, groups: readonly string[]): string[] {
  return [...new Set(groupRoles.filter(({ group }) => groups.includes(group)).map(({ roleId }) => roleId))].sort()
}

async function settingsRow(db: Db) {
  return db.selectFrom('sign_in_settings').selectAll().executeTakeFirstOrThrow()
}

async function enabledSettings({ store, vault }: Services): Promise<[OidcSettings, string | null]> {
  const { oidc, client_secret_id: id } = await settingsRow(store.db)
  if (oidc?.enabled !== true) throw new CoreError('NOT_FOUND', 'no identity provider is set up')
  return [oidc, id === null ? null : await vault.read(store.db, 'oidc-client-secret', id)]
}

function notBegun(): CoreError {
  return new CoreError('SIGN_IN_FAILED', 'this browser has not begun this sign-in, or too long ago; begin again')
}
