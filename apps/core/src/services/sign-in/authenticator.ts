/**
 * Recognises administrators by their session and programs by their token: one query for each request.
 * @module
 */
import { sql } from 'kysely'
import type { Permission } from '@postern/contract/api/permissions'
import { type Authenticator, type Credentials, type Principal, STEP_UP_MS } from '../../api/principal.ts'
import { CoreError } from '../../failure.ts'
import type { Services } from '../services.ts'
import { permissionsOf, type RoleGrant } from './permissions-of.ts'
import { csrfTokenOf, sameText, secretHash } from './secrets.ts'
import { findSession, provedUntil, ROLES_OF_A, USE_NOTED_MS } from './sessions.ts'

/** What every API token begins with, so that scanners for leaked secrets know one. */
export const TOKEN_PREFIX = 'pat_'

const SECRET = /^[A-Za-z0-9_-]{43}$/
/** The only methods that change nothing. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Sessions and tokens of this database. An Authorization header decides alone: a cookie beside it is not looked at. */
export function createAuthenticator(services: Services): Authenticator {
  return {
    authenticate: async (credentials) => {
      if (credentials.authorization !== null) return byToken(services, credentials, credentials.authorization)
      return credentials.sessionCookie === null ? null : bySession(services, credentials, credentials.sessionCookie)
    },
  }
}

async function bySession(services: Services, credentials: Credentials, secret: string): Promise<Principal | null> {
  if (!SECRET.test(secret)) return null
  const now = services.now()
  const row = await findSession(services.store.db, secret, now)
  if (row === null) return null
  if (!SAFE.has(credentials.method) && !sameText(credentials.csrfToken ?? '', csrfTokenOf(secret))) {
    throw new CoreError('CSRF', 'send the csrfToken of GET /api/v1/session in the header X-CSRF-Token')
  }
  if (now - row.used_at.getTime() >= USE_NOTED_MS) {
    const { db } = services.store
    await db
      .updateTable('sessions')
      .set({ used_at: new Date(now) })
      .where('id', '=', row.id)
      .execute()
  }
  return {
    kind: 'administrator',
    id: row.administrator_id,
    administratorId: row.administrator_id,
    name: row.user_name,
    permissions: permissionsOf(row.roles),
    sessionId: row.id,
    provedAt: provedUntil(row) - STEP_UP_MS,
  }
}

interface TokenRow {
  readonly id: string
  readonly name: string
  readonly permissions: readonly Permission[]
  readonly last_used_at: Date | null
  readonly administrator_id: string
  readonly user_name: string
  readonly roles: readonly RoleGrant[]
}

async function byToken(services: Services, { remote }: Credentials, header: string): Promise<Principal | null> {
  const secret = /^Bearer pat_([A-Za-z0-9_-]{43})$/i.exec(header)?.[1]
  if (secret === undefined) return null
  const now = new Date(services.now())
  const { db } = services.store
  const { rows } = await sql<TokenRow>`
    select t.id, t.name, t.permissions, t.last_used_at, a.id as administrator_id, a.user_name, ${ROLES_OF_A} as roles
    from api_tokens t join administrators a on a.id = t.administrator_id
    where t.token_hash = ${secretHash(TOKEN_PREFIX + secret)} and t.expires_at > ${now} and not a.disabled`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  if (row.last_used_at === null || now.getTime() - row.last_used_at.getTime() >= USE_NOTED_MS) {
    const set = { last_used_at: now, last_used_from: remote }
    await db.updateTable('api_tokens').set(set).where('id', '=', row.id).execute()
  }
  const held = permissionsOf(row.roles)
  return {
    kind: 'token',
    id: row.id,
    administratorId: row.administrator_id,
    name: `${row.user_name}/${row.name}`,
    // Never more than its administrator may do today.
    permissions: new Set(row.permissions.filter((name) => held.has(name))),
    sessionId: null,
    provedAt: null,
  }
}
