/**
 * Roles, and who may give what: nobody gives what they do not have.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Permission } from '@postern/contract/api/permissions'
import type { Db } from '../../database/connect.ts'
import type { Change, Tx } from '../../database/store.ts'
import type { AdministratorsTables } from '../../database/tables/administrators.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, invalid, notFound } from '../../failure.ts'
import { permissionsOfRole } from '../sign-in/permissions-of.ts'

/** A role's row. */
export type RoleRow = Selectable<AdministratorsTables['roles']>

/** What a role is made from. `held`: what its maker may do now. */
export interface RoleDraft {
  readonly held: ReadonlySet<Permission>
  readonly name: string
  readonly permissions: readonly Permission[]
}

/** All roles, built-in ones first. */
export async function listRoles(db: Db): Promise<RoleRow[]> {
  return db.selectFrom('roles').selectAll().orderBy('built_in', 'desc').orderBy('name').execute()
}

/** @throws CoreError NOT_FOUND */
export async function findRole(db: Db, id: string): Promise<RoleRow> {
  const row = await db.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('role', id)
  return row
}

/** @throws CoreError FORBIDDEN, CONFLICT */
export async function createRole({ tx, now, audit }: Change, { held, name, permissions }: RoleDraft): Promise<RoleRow> {
  requireHeld(permissions, held)
  const row = await tx
    .insertInto('roles')
    .values({ name, permissions: JSON.stringify(permissions), created_at: now, updated_at: now })
    .returningAll()
    .executeTakeFirstOrThrow()
  audit({ action: 'role.create', object: { kind: 'role', id: row.id, name }, after: { name, permissions } })
  return row
}

/** Acts on whoever has the role with their next request. @throws CoreError NOT_FOUND, CHANGED, CONFLICT, FORBIDDEN */
export async function updateRole(
  change: Change,
  id: string,
  version: number | null,
  { held, name, permissions }: RoleDraft,
): Promise<RoleRow> {
  await lockVersion(change, 'roles', 'role', id, version)
  const before = await ownRole(change.tx, id)
  // Taking away counts as well: a helper must not trim the role of whoever is above.
  requireHeld([...permissions, ...permissionsOfRole(before)], held)
  const row = await change.tx
    .updateTable('roles')
    .set({ name, permissions: JSON.stringify(permissions), ...nextVersion(change) })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  change.audit({
    action: 'role.update',
    object: { kind: 'role', id, name },
    before: { name: before.name, permissions: before.permissions },
    after: { name, permissions },
  })
  return row
}

/** @throws CoreError NOT_FOUND, IN_USE, CONFLICT, FORBIDDEN */
export async function removeRole({ tx, audit }: Change, id: string, held: ReadonlySet<Permission>): Promise<void> {
  const row = await ownRole(tx, id)
  requireHeld(permissionsOfRole(row), held)
  const user = await tx
    .selectFrom('administrator_roles')
    .select('administrator_id')
    .where('role_id', '=', id)
    .executeTakeFirst()
  const settings = await tx.selectFrom('sign_in_settings').select('oidc').forShare().executeTakeFirst()
  const mapped = settings?.oidc?.groupRoles.some(({ roleId }) => roleId === id) === true
  if (user !== undefined || mapped) {
    const who = mapped ? 'a group of the identity provider' : 'an administrator'
    throw new CoreError('IN_USE', `${who} has the role ${row.name}; take it from them first`)
  }
  await tx.deleteFrom('roles').where('id', '=', id).execute()
  const { name, permissions } = row
  audit({ action: 'role.remove', object: { kind: 'role', id, name }, before: { name, permissions } })
}

async function ownRole(tx: Tx, id: string): Promise<RoleRow> {
  const row = await tx.selectFrom('roles').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (row === undefined) throw notFound('role', id)
  if (row.built_in) throw new CoreError('CONFLICT', `${row.name} is built in; make a role of your own instead`)
  return row
}

/** The roles with these ids; they stay until the change ends. @throws CoreError INVALID naming those that are not there. */
export async function rolesById(tx: Tx, ids: readonly string[], path: string): Promise<RoleRow[]> {
  if (ids.length === 0) return []
  const rows = await tx.selectFrom('roles').selectAll().where('id', 'in', ids).forShare().execute()
  const missing = ids.filter((id) => !rows.some((row) => row.id === id))
  if (missing.length > 0) throw invalid(path, `there is no role ${missing.join(', ')}; see GET /api/v1/roles`)
  return rows
}

/** @throws CoreError FORBIDDEN naming what is missing. */
export function requireHeld(permissions: Iterable<Permission>, held: ReadonlySet<Permission>): void {
  const beyond = [...new Set(permissions)].filter((name) => !held.has(name))
  if (beyond.length === 0) return
  throw new CoreError('FORBIDDEN', `you do not have ${beyond.join(', ')} yourself, so you cannot give or take it`)
}
