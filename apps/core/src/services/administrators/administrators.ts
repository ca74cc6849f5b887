/**
 * Administrators: who there are, with which roles, and how they come and go.
 * @module
 */
import { type Selectable, sql } from 'kysely'
import type { Permission } from '@postern/contract/api/permissions'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import type { Change, Tx } from '../../database/store.ts'
import type { AdministratorsTables } from '../../database/tables/administrators.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, notFound } from '../../failure.ts'
import type { Vault } from '../../secrets/vault.ts'
import { newInvitation } from '../sign-in/invitations.ts'
import { permissionsOfRole } from '../sign-in/permissions-of.ts'
import { endSessions } from '../sign-in/sessions.ts'
import { SUPER_ADMINISTRATOR } from '../sign-in/set-up.ts'
import { requireHeld, rolesById } from './roles.ts'

/** An administrator with the ids of their roles. */
export type AdministratorRow = Omit<Selectable<AdministratorsTables['administrators']>, 'kind'> & {
  readonly kind: 'local' | 'oidc'
  readonly roles: readonly string[]
}

/** How somebody is let in for the first time, or again. The secret is shown once. */
export interface Invited {
  readonly secret: string
  readonly expiresAt: Date
}

type Held = ReadonlySet<Permission>

/** The break-glass account is none of them: it belongs to the settings of sign-in. */
function administrators(db: Db) {
  return db
    .selectFrom('administrators')
    .selectAll('administrators')
    .select(
      sql<readonly string[]>`array(select role_id from administrator_roles ar
        where ar.administrator_id = administrators.id order by role_id)`.as('roles'),
    )
    .where('kind', '!=', 'break-glass')
    .$narrowType<{ kind: 'local' | 'oidc' }>()
}

/** By user name. `search`: part of either name. */
export async function listAdministrators(
  db: Db,
  { limit, cursor, search }: { limit?: number; cursor?: string; search?: string },
): Promise<Page<AdministratorRow>> {
  const like = search === undefined ? null : `%${search.replace(/[\\%_]/g, '\\$&')}%`
  const query = administrators(db).$if(like !== null, (all) =>
    all.where((eb) => eb.or([eb('user_name', 'ilike', like), eb('display_name', 'ilike', like)])),
  )
  return pageOf(query, {
    limit,
    cursor,
    sort: 'user-name',
    columns: [
      { by: sql`lower(administrators.user_name)`, type: 'text' },
      { by: 'administrators.id', type: 'uuid' },
    ],
  })
}

/** @throws CoreError NOT_FOUND */
export async function findAdministrator(db: Db, id: string): Promise<AdministratorRow> {
  const row = await administrators(db).where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('administrator', id)
  return row
}

/** Adds somebody with an account here. @throws CoreError INVALID, FORBIDDEN, CONFLICT */
export async function createAdministrator(
  { tx, now, audit }: Change,
  held: Held,
  { userName, displayName, roles }: { userName: string; displayName: string; roles: readonly string[] },
): Promise<{ row: AdministratorRow; invited: Invited }> {
  requireHeld((await rolesById(tx, roles, 'roles')).flatMap(permissionsOfRole), held)
  const { secret, columns } = newInvitation(now)
  const { id } = await tx
    .insertInto('administrators')
    .values({
      ...{ kind: 'local', user_name: userName, display_name: displayName, created_at: now, updated_at: now },
      ...columns,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await setRoles(tx, id, roles)
  const after = { userName, displayName, roles, invitation: '(secret)' }
  audit({ action: 'administrator.create', object: { kind: 'administrator', id, name: userName }, after })
  return { row: await findAdministrator(tx, id), invited: { secret, expiresAt: columns.invitation_expires_at } }
}

/** What can be changed. */
export interface AdministratorEdit {
  readonly displayName: string
  readonly roles: readonly string[]
  readonly disabled: boolean
}

/**
 * Other roles, or being disabled, end every session; roles that allow more end an invitation that is still open: whoever
 * made it may know the link, and did not have to hold those.
 * @throws CoreError NOT_FOUND, CHANGED, CONFLICT, FORBIDDEN, INVALID
 */
export async function updateAdministrator(
  change: Change,
  held: Held,
  { id, version }: { id: string; version: number | null },
  { displayName, roles, disabled }: AdministratorEdit,
): Promise<AdministratorRow> {
  const { tx, audit } = change
  await lockSuperAdministrators(tx)
  await lockVersion(change, 'administrators', 'administrator', id, version)
  const before = await findAdministrator(tx, id)
  const sameRoles = [...roles].sort().join() === [...before.roles].sort().join()
  if (!sameRoles && before.kind === 'oidc') {
    throw new CoreError(
      'CONFLICT',
      'roles of this administrator follow the groups at the identity provider; change them there',
    )
  }
  if (!sameRoles || disabled !== before.disabled) await requireAbove(tx, before.roles, held)
  const wanted = (await rolesById(tx, roles, 'roles')).flatMap(permissionsOfRole)
  if (!sameRoles) requireHeld(wanted, held)
  const had = new Set((await rolesById(tx, before.roles, 'roles')).flatMap(permissionsOfRole))
  const endsInvitation = before.invitation_hash !== null && wanted.some((name) => !had.has(name))
  const set = {
    ...{ display_name: displayName, disabled, ...nextVersion(change) },
    ...(endsInvitation ? { invitation_hash: null, invitation_expires_at: null } : {}),
  }
  await tx.updateTable('administrators').set(set).where('id', '=', id).execute()
  if (!sameRoles) await setRoles(tx, id, roles)
  await requireSuperAdministrator(tx)
  if (!sameRoles || disabled) await endSessions(tx, id)
  audit({
    action: 'administrator.update',
    object: { kind: 'administrator', id, name: before.user_name },
    before: { displayName: before.display_name, roles: before.roles, disabled: before.disabled },
    after: { displayName, roles, disabled, ...(endsInvitation ? { invitation: 'ended' } : {}) },
  })
  return findAdministrator(tx, id)
}

/** Sessions and tokens go with them. @throws CoreError NOT_FOUND, CONFLICT, FORBIDDEN */
export async function removeAdministrator({ tx, audit }: Change, vault: Vault, held: Held, id: string): Promise<void> {
  await lockSuperAdministrators(tx)
  const row = await findAdministrator(tx, id)
  await requireAbove(tx, row.roles, held)
  await tx.deleteFrom('administrators').where('id', '=', id).execute()
  await requireSuperAdministrator(tx)
  for (const secret of [row.totp_secret_id, row.draft_totp_secret_id])
    if (secret !== null) await vault.remove(tx, secret)
  const before = { userName: row.user_name, displayName: row.display_name, roles: row.roles }
  audit({ action: 'administrator.remove', object: { kind: 'administrator', id, name: row.user_name }, before })
}

/** Forgets password, authenticator, sessions and API tokens: who held them may be why. @throws CoreError NOT_FOUND, CONFLICT, FORBIDDEN */
export async function inviteAdministrator(change: Change, vault: Vault, held: Held, id: string): Promise<Invited> {
  const { tx, now, audit } = change
  await lockSuperAdministrators(tx)
  const row = await findAdministrator(tx, id)
  if (row.kind === 'oidc') throw new CoreError('CONFLICT', 'this administrator signs in at the identity provider')
  // Whoever holds the link becomes that administrator.
  await requireAbove(tx, row.roles, held)
  const { secret, columns } = newInvitation(now)
  await tx
    .updateTable('administrators')
    .set({
      ...{ password: null, password_at: null, totp_secret_id: null, totp_last_step: 0 },
      ...{ draft_password: null, draft_totp_secret_id: null },
      ...columns,
      ...nextVersion(change),
    })
    .where('id', '=', id)
    .execute()
  await requireSuperAdministrator(tx)
  for (const old of [row.totp_secret_id, row.draft_totp_secret_id]) if (old !== null) await vault.remove(tx, old)
  await endSessions(tx, id)
  await tx.deleteFrom('api_tokens').where('administrator_id', '=', id).execute()
  audit({ action: 'administrator.invite', object: { kind: 'administrator', id, name: row.user_name } })
  return { secret, expiresAt: columns.invitation_expires_at }
}

/** @throws CoreError NOT_FOUND */
export async function signOutAdministrator({ tx, audit }: Change, id: string): Promise<void> {
  const { user_name: name } = await findAdministrator(tx, id)
  const ended = await endSessions(tx, id)
  audit({ action: 'session.end-all', object: { kind: 'administrator', id, name }, after: { ended } })
}

/** Replaces the roles of somebody. */
async function setRoles(tx: Tx, id: string, roles: readonly string[]): Promise<void> {
  await tx.deleteFrom('administrator_roles').where('administrator_id', '=', id).execute()
  const rows = roles.map((role_id) => ({ administrator_id: id, role_id }))
  if (rows.length > 0) await tx.insertInto('administrator_roles').values(rows).execute()
}

/** Nobody acts on somebody who may do more. */
async function requireAbove(tx: Tx, roles: readonly string[], held: Held): Promise<void> {
  requireHeld((await rolesById(tx, roles, 'roles')).flatMap(permissionsOfRole), held)
}

/** Two that take each other's role away at once must not both succeed. */
async function lockSuperAdministrators(tx: Tx): Promise<void> {
  await tx.selectFrom('roles').select('id').where('id', '=', SUPER_ADMINISTRATOR).forUpdate().execute()
}

/** One with an account here, because one at the provider may lose the role there at any time. */
async function requireSuperAdministrator(tx: Tx): Promise<void> {
  const left = await tx
    .selectFrom('administrators')
    .innerJoin('administrator_roles', 'administrator_id', 'administrators.id')
    .select('administrators.id')
    .where('role_id', '=', SUPER_ADMINISTRATOR)
    .where('kind', '=', 'local')
    .where('disabled', '=', false)
    .where('totp_secret_id', 'is not', null)
    .executeTakeFirst()
  if (left !== undefined) return
  throw new CoreError(
    'CONFLICT',
    'this would leave no super administrator who can sign in with a password; make another first',
  )
}
