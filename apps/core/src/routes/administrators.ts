/**
 * Handlers of the endpoints: administrators, roles, how they sign in.
 * @module
 */
import type {
  Administrator,
  administratorsEndpoints,
  Invitation,
  Role,
  SignInSettings,
} from '@postern/contract/api/administrators'
import type { Permission } from '@postern/contract/api/permissions'
import type { Handlers, RequestContext } from '../api/handlers.ts'
import {
  createAdministrator,
  type AdministratorRow,
  updateAdministrator,
  findAdministrator,
  type Invited,
  inviteAdministrator,
  listAdministrators,
  removeAdministrator,
  signOutAdministrator,
} from '../services/administrators/administrators.ts'
import {
  createRole,
  updateRole,
  findRole,
  listRoles,
  removeRole,
  type RoleRow,
} from '../services/administrators/roles.ts'
import {
  updateOidcSettings,
  disableBreakGlass,
  enableBreakGlass,
  newBreakGlassPassword,
  oidcPart,
  readSignInSettings,
  type SignInSettingsRow,
} from '../services/administrators/sign-in-settings.ts'
import type { Services } from '../services/services.ts'
import { listApiTokens, removeApiToken } from '../services/sign-in/api-tokens.ts'
import { hashPassword } from '../services/sign-in/passwords.ts'
import { permissionsOfRole } from '../services/sign-in/permissions-of.ts'
import { toApiToken } from './session.ts'

type All = Handlers<typeof administratorsEndpoints>

/** Wires endpoints to services. */
export function administratorsRoutes(services: Services): All {
  return { ...peopleRoutes(services), ...tokenRoutes(services), ...roleRoutes(services), ...signInRoutes(services) }
}

type PeopleRows =
  | 'listAdministrators'
  | 'readAdministrator'
  | 'createAdministrator'
  | 'updateAdministrator'
  | 'removeAdministrator'
  | 'inviteAdministrator'
  | 'signOutAdministrator'

function peopleRoutes({ store, vault }: Services): Pick<All, PeopleRows> {
  return {
    listAdministrators: async ({ query }) => {
      const { items, next } = await listAdministrators(store.db, query)
      return { body: { items: items.map(toAdministrator), next } }
    },
    readAdministrator: async ({ params }) => {
      const row = await findAdministrator(store.db, params.id)
      return { body: toAdministrator(row), version: row.version }
    },
    createAdministrator: async ({ body }, context) => {
      const { row, invited } = await context.change((change) => createAdministrator(change, heldBy(context), body))
      return {
        body: { administrator: toAdministrator(row), invitation: toInvitation(invited) },
        version: row.version,
      }
    },
    updateAdministrator: async ({ params, body }, context) => {
      const which = { id: params.id, version: context.ifMatch }
      const row = await context.change((change) => updateAdministrator(change, heldBy(context), which, body))
      return { body: toAdministrator(row), version: row.version }
    },
    removeAdministrator: async ({ params }, context) => {
      await context.change((change) => removeAdministrator(change, vault, heldBy(context), params.id))
      return { body: null }
    },
    inviteAdministrator: async ({ params }, context) => ({
      body: toInvitation(
        await context.change((change) => inviteAdministrator(change, vault, heldBy(context), params.id)),
      ),
    }),
    signOutAdministrator: async ({ params }, context) => {
      await context.change((change) => signOutAdministrator(change, params.id))
      return { body: null }
    },
  }
}

function tokenRoutes({ store }: Services): Pick<All, 'listAdministratorTokens' | 'removeAdministratorToken'> {
  return {
    listAdministratorTokens: async ({ params }) => {
      await findAdministrator(store.db, params.id)
      return { body: { items: (await listApiTokens(store.db, params.id)).map(toApiToken) } }
    },
    removeAdministratorToken: async ({ params }, context) => {
      await context.change((change) => removeApiToken(change, params.id, params.tokenId))
      return { body: null }
    },
  }
}

type RoleRows = 'listRoles' | 'readRole' | 'createRole' | 'updateRole' | 'removeRole'

function roleRoutes({ store }: Services): Pick<All, RoleRows> {
  return {
    listRoles: async () => ({ body: { items: (await listRoles(store.db)).map(toRole) } }),
    readRole: async ({ params }) => {
      const row = await findRole(store.db, params.id)
      return { body: toRole(row), version: row.version }
    },
    createRole: async ({ body }, context) => {
      const role = await context.change(async (change) =>
        toRole(await createRole(change, { ...body, held: heldBy(context) })),
      )
      return { body: role, version: role.version }
    },
    updateRole: async ({ params, body }, context) => {
      const draft = { ...body, held: heldBy(context) }
      const row = await context.change((change) => updateRole(change, params.id, context.ifMatch, draft))
      return { body: toRole(row), version: row.version }
    },
    removeRole: async ({ params }, context) => {
      await context.change((change) => removeRole(change, params.id, heldBy(context)))
      return { body: null }
    },
  }
}

type SignInRows = 'readSignInSettings' | 'updateOidcSettings' | 'enableBreakGlass' | 'disableBreakGlass'

function signInRoutes({ store, vault }: Services): Pick<All, SignInRows> {
  return {
    readSignInSettings: async () => {
      const row = await readSignInSettings(store.db)
      return { body: toSignInSettings(row), version: row.version }
    },
    updateOidcSettings: async ({ body }, context) => {
      const { clientSecret } = body
      const row = await context.change(async (change) => {
        const by = { held: heldBy(context), version: context.ifMatch }
        await updateOidcSettings(change, vault, by, { oidc: oidcPart(body), clientSecret })
        return readSignInSettings(change.tx)
      })
      return { body: toSignInSettings(row), version: row.version }
    },
    enableBreakGlass: async (_input, context) => {
      const password = newBreakGlassPassword()
      const hash = await hashPassword(password)
      const userName = await context.change((change) => enableBreakGlass(change, heldBy(context), hash))
      return { body: { userName, password } }
    },
    disableBreakGlass: async (_input, context) => {
      await context.change(disableBreakGlass)
      return { body: null }
    },
  }
}

function heldBy({ principal }: RequestContext): ReadonlySet<Permission> {
  return principal?.permissions ?? new Set()
}

function toAdministrator(row: AdministratorRow): Administrator {
  const invited = row.kind === 'local' && row.totp_secret_id === null
  return {
    id: row.id,
    version: row.version,
    kind: row.kind,
    userName: row.user_name,
    displayName: row.display_name,
    roles: [...row.roles],
    disabled: row.disabled,
    state: row.disabled ? 'disabled' : invited ? 'invited' : 'active',
    lastSignInAt: row.last_sign_in_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

function toInvitation({ secret, expiresAt }: Invited): Invitation {
  return { secret, expiresAt: expiresAt.toISOString() }
}

function toRole(row: RoleRow): Role {
  return {
    id: row.id,
    version: row.version,
    name: row.name,
    builtIn: row.built_in,
    permissions: [...permissionsOfRole(row)],
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

function toSignInSettings({ version, oidc, client_secret_id, breakGlass }: SignInSettingsRow): SignInSettings {
  return {
    version,
    oidc,
    hasClientSecret: client_secret_id !== null,
    breakGlass: {
      enabled: breakGlass.enabledAt !== null,
      enabledAt: breakGlass.enabledAt?.toISOString() ?? null,
      lastSignInAt: breakGlass.lastSignInAt?.toISOString() ?? null,
    },
  }
}
