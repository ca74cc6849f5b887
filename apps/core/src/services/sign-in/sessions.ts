/**
 * Sessions of administrators: a random secret in a cookie, its hash in the database.
 * @module
 */
import { sql } from 'kysely'
import type { Permission } from '@postern/contract/api/permissions'
import type { Session } from '@postern/contract/api/session'
import { STEP_UP_MS } from '../../api/principal.ts'
import type { Db } from '../../database/connect.ts'
import type { Change, Tx } from '../../database/store.ts'
import { CoreError } from '../../failure.ts'
import { permissionsOf, type RoleGrant } from './permissions-of.ts'
import { csrfTokenOf, newSecret, secretHash } from './secrets.ts'

/** A session ends so long after it was used last, and in any case so long after it began. Milliseconds. */
const SESSION_MS = { idle: 900_000, most: 43_200_000, breakGlass: 3_600_000 } as const
/** Use is noted at most so often: no write for each request. Milliseconds. */
export const USE_NOTED_MS = 60_000

/** A session that just began or got a new secret; the secret goes into the cookie. */
export interface OpenedSession {
  readonly id: string
  readonly secret: string
}

/** What begins a session. */
export interface SessionStart {
  readonly administratorId: string
  readonly kind: 'local' | 'oidc' | 'break-glass'
  readonly remote: string
}

/** Begins a session, always with a secret of its own: whatever cookie came before is worth nothing. */
export async function startSession(
  { tx, now }: Pick<Change, 'tx' | 'now'>,
  { administratorId, kind, remote }: SessionStart,
): Promise<OpenedSession> {
  const secret = newSecret()
  const most = kind === 'break-glass' ? SESSION_MS.breakGlass : SESSION_MS.most
  await tx.deleteFrom('sessions').where('expires_at', '<', now).execute()
  const { id } = await tx
    .insertInto('sessions')
    .values({
      token_hash: secretHash(secret),
      administrator_id: administratorId,
      created_at: now,
      used_at: now,
      proved_at: now,
      expires_at: new Date(now.getTime() + most),
      remote,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await tx.updateTable('administrators').set({ last_sign_in_at: now }).where('id', '=', administratorId).execute()
  return { id, secret }
}

/** Gives a session a new secret, with identity proved now. @throws CoreError NOT_SIGNED_IN when it ended meanwhile. */
export async function renewSession({ tx, now }: Pick<Change, 'tx' | 'now'>, id: string): Promise<OpenedSession> {
  const secret = newSecret()
  const { numUpdatedRows } = await tx
    .updateTable('sessions')
    .set({ token_hash: secretHash(secret), used_at: now, proved_at: now })
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .where('used_at', '>', new Date(now.getTime() - SESSION_MS.idle))
    .executeTakeFirst()
  if (numUpdatedRows === 0n) throw new CoreError('NOT_SIGNED_IN', 'the session has ended; sign in again')
  return { id, secret }
}

/** Ends every session of somebody, but one if it is named. Returns how many. */
export async function endSessions(tx: Tx, administratorId: string, except: string | null = null): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('sessions')
    .where('administrator_id', '=', administratorId)
    .$if(except !== null, (query) => query.where('id', '!=', except))
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Signs out. */
export async function endSession(change: Change, id: string): Promise<void> {
  await change.tx.deleteFrom('sessions').where('id', '=', id).execute()
  change.audit({ action: 'session.end', object: { kind: 'session', id } })
}

/** Signs out everywhere. */
export async function endOwnSessions(change: Change, administratorId: string): Promise<void> {
  const ended = await endSessions(change.tx, administratorId)
  change.audit({ action: 'session.end-all', object: { kind: 'administrator', id: administratorId }, after: { ended } })
}

/** A session as the database has it, with whoever it belongs to. */
export interface SessionRow {
  readonly id: string
  readonly used_at: Date
  readonly proved_at: Date
  readonly expires_at: Date
  readonly administrator_id: string
  readonly user_name: string
  readonly display_name: string
  readonly kind: 'local' | 'oidc' | 'break-glass'
  readonly roles: readonly RoleGrant[]
}

/** Roles of `a` (administrators) as an array in one column: one query for each request is all there is. */
export const ROLES_OF_A = sql<readonly RoleGrant[]>`(
  select coalesce(json_agg(json_build_object('id', r.id, 'permissions', r.permissions)), '[]'::json)
  from administrator_roles ar join roles r on r.id = ar.role_id where ar.administrator_id = a.id)`

/** The living session with this secret. */
export async function findSession(db: Db, secret: string, now: number): Promise<SessionRow | null> {
  const { rows } = await sql<SessionRow>`
    select s.id, s.used_at, s.proved_at, s.expires_at, a.id as administrator_id, a.user_name, a.display_name, a.kind,
      ${ROLES_OF_A} as roles
    from sessions s join administrators a on a.id = s.administrator_id
    where s.token_hash = ${secretHash(secret)} and not a.disabled
      and s.expires_at > ${new Date(now)} and s.used_at > ${new Date(now - SESSION_MS.idle)}`.execute(db)
  return rows[0] ?? null
}

/** Until when no fresh proof is asked for; ms since 1970. A break-glass session is short and cannot prove again. */
export function provedUntil({ kind, proved_at, expires_at }: SessionRow): number {
  return kind === 'break-glass' ? expires_at.getTime() : proved_at.getTime() + STEP_UP_MS
}

/** What its owner is told. @throws CoreError NOT_SIGNED_IN when it has ended. */
export async function describeSession(db: Db, secret: string, now: number): Promise<Session> {
  const row = await findSession(db, secret, now)
  if (row === null) throw new CoreError('NOT_SIGNED_IN', 'the session has ended; sign in again')
  return {
    kind: 'administrator',
    administrator: {
      id: row.administrator_id,
      userName: row.user_name,
      displayName: row.display_name,
      kind: row.kind,
    },
    permissions: [...permissionsOf(row.roles)],
    csrfToken: csrfTokenOf(secret),
    provedUntil: new Date(provedUntil(row)).toISOString(),
    idleUntil: new Date(Math.min(row.used_at.getTime() + SESSION_MS.idle, row.expires_at.getTime())).toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }
}

/** What a program with a token is told. @throws CoreError NOT_SIGNED_IN when the token is gone. */
export async function describeToken(db: Db, id: string, permissions: ReadonlySet<Permission>): Promise<Session> {
  const row = await db
    .selectFrom('api_tokens')
    .innerJoin('administrators', 'administrators.id', 'api_tokens.administrator_id')
    .select(['administrators.id', 'user_name', 'display_name', 'kind', 'api_tokens.expires_at'])
    .where('api_tokens.id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw new CoreError('NOT_SIGNED_IN', 'the token was revoked')
  return {
    kind: 'token',
    administrator: { id: row.id, userName: row.user_name, displayName: row.display_name, kind: row.kind },
    permissions: [...permissions],
    csrfToken: null,
    provedUntil: null,
    idleUntil: null,
    expiresAt: row.expires_at.toISOString(),
  }
}
