/**
 * From roles to permissions.
 * @module
 */
import { BUILT_IN_ROLES, type Permission, PERMISSIONS } from '@postern/contract/api/permissions'

/** A role as the database has it; `permissions` counts for roles that are not built in. */
export interface RoleGrant {
  readonly id: string
  readonly permissions: readonly string[]
}

/** Permissions of one role. Names that this release does not know give nothing. */
export function permissionsOfRole({ id, permissions }: RoleGrant): readonly Permission[] {
  if (isBuiltIn(id)) return BUILT_IN_ROLES[id].permissions
  return permissions.filter(isPermission)
}

/** All permissions of several roles. */
export function permissionsOf(roles: readonly RoleGrant[]): ReadonlySet<Permission> {
  return new Set(roles.flatMap(permissionsOfRole))
}

/** Whether a role's id is one of the release's own. */
function isBuiltIn(id: string): id is keyof typeof BUILT_IN_ROLES {
  return Object.hasOwn(BUILT_IN_ROLES, id)
}

function isPermission(name: string): name is Permission {
  return Object.hasOwn(PERMISSIONS, name)
}
