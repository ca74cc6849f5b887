/**
 * Endpoints of administrators, their roles, their API tokens, and how they sign in.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ById, Id, Instant, Name, orNull, pageOf, pageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'
import { ApiToken, PermissionName, UserName } from './session.ts'
import { PERMISSION_NAMES } from './permissions.ts'

/** Without control characters. */
const PRINTABLE = '^[^\\u0000-\\u001f\\u007f]*$'

/** Id of a role: the name of a built-in one, or a UUID. */
const RoleId = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' })
const RoleIds = Type.Array(RoleId, { title: 'Roles', maxItems: 32, uniqueItems: true })

/** Somebody who administers. */
export const Administrator = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    kind: Type.Enum(['local', 'oidc'], { description: 'oidc: signs in at the identity provider only' }),
    userName: Type.String(),
    displayName: Type.String(),
    roles: Type.Array(RoleId),
    disabled: Type.Boolean(),
    state: Type.Enum(['invited', 'active', 'disabled']),
    lastSignInAt: orNull(Instant),
    createdAt: Instant,
    updatedAt: Instant,
  },
  strict,
)
export type Administrator = Static<typeof Administrator>

/** How somebody sets password and authenticator. */
export const Invitation = Type.Object(
  {
    secret: Type.String({ description: 'shown once; opens <console>/invitation#<secret>' }),
    expiresAt: Instant,
  },
  strict,
)
export type Invitation = Static<typeof Invitation>

/** A role: a name for permissions. */
export const Role = Type.Object(
  {
    id: RoleId,
    version: Type.Integer(),
    name: Name,
    builtIn: Type.Boolean(),
    permissions: Type.Array(PermissionName),
    createdAt: Instant,
    updatedAt: Instant,
  },
  strict,
)
export type Role = Static<typeof Role>

const RoleDraft = Type.Object(
  {
    name: Name,
    permissions: Type.Array(PermissionName, { maxItems: PERMISSION_NAMES.length, uniqueItems: true }),
  },
  strict,
)

/** Sign-in at an identity provider. */
export const OidcSettings = Type.Object(
  {
    enabled: Type.Boolean(),
    title: Type.String({
      title: 'Button',
      description: 'what the sign-in page calls it',
      minLength: 1,
      maxLength: 60,
      pattern: PRINTABLE,
    }),
    issuer: Type.String({
      title: 'Issuer',
      description: 'exactly as the provider writes it; https, or http on loopback',
      pattern: '^https?://',
      maxLength: 500,
    }),
    clientId: Type.String({ minLength: 1, maxLength: 300, pattern: '^[\\u0020-\\u007e]+$' }),
    scopes: Type.Array(Type.String({ pattern: '^[\\u0021\\u0023-\\u005b\\u005d-\\u007e]{1,100}$' }), {
      description: 'beside openid',
      maxItems: 20,
      uniqueItems: true,
    }),
    groupClaim: Type.String({
      title: 'Group claim',
      description: 'claim of the ID token that lists groups',
      minLength: 1,
      maxLength: 100,
      pattern: PRINTABLE,
    }),
    groupRoles: Type.Array(
      Type.Object({ group: Type.String({ minLength: 1, maxLength: 500, pattern: PRINTABLE }), roleId: RoleId }, strict),
      { title: 'Roles of groups', description: 'who is in none of them is refused', maxItems: 200 },
    ),
  },
  strict,
)
export type OidcSettings = Static<typeof OidcSettings>

const OidcDraft = Type.Object(
  {
    ...OidcSettings.properties,
    clientSecret: Type.Optional(
      orNull(Type.String({ description: 'absent: stays as it is; null: none', minLength: 1, maxLength: 1_000 })),
    ),
  },
  strict,
)

/** How administrators sign in. */
export const SignInSettings = Type.Object(
  {
    version: Type.Integer(),
    oidc: orNull(OidcSettings),
    hasClientSecret: Type.Boolean(),
    breakGlass: Type.Object(
      {
        enabled: Type.Boolean(),
        enabledAt: orNull(Instant),
        lastSignInAt: orNull(Instant),
      },
      strict,
    ),
  },
  strict,
)
export type SignInSettings = Static<typeof SignInSettings>

const people = {
  listAdministrators: {
    method: 'GET',
    path: '/api/v1/administrators',
    summary: 'List administrators',
    access: 'administrator:view',
    query: Type.Object(
      { ...pageQuery, search: Type.Optional(Type.String({ maxLength: 100, pattern: PRINTABLE })) },
      strict,
    ),
    reply: pageOf(Administrator),
    cli: { noun: 'administrator', verb: 'list', columns: ['userName', 'displayName', 'kind', 'roles', 'state', 'id'] },
    failures: [],
  },
  readAdministrator: {
    method: 'GET',
    path: '/api/v1/administrators/:id',
    summary: 'Show an administrator',
    access: 'administrator:view',
    params: ById,
    reply: Administrator,
    cli: { noun: 'administrator', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  createAdministrator: {
    method: 'POST',
    path: '/api/v1/administrators',
    summary: 'Add an administrator; the invitation is shown once',
    access: 'administrator:manage',
    body: Type.Object({ userName: UserName, displayName: Name, roles: RoleIds }, strict),
    reply: Type.Object({ administrator: Administrator, invitation: Invitation }, strict),
    status: 201,
    cli: { noun: 'administrator', verb: 'add' },
    failures: ['CONFLICT'],
  },
  updateAdministrator: {
    method: 'PUT',
    path: '/api/v1/administrators/:id',
    summary: 'Change an administrator; other roles or being disabled end their sessions',
    access: 'administrator:manage',
    params: ById,
    body: Type.Object({ displayName: Name, roles: RoleIds, disabled: Type.Boolean() }, strict),
    reply: Administrator,
    ifMatch: 'required',
    cli: { noun: 'administrator', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT'],
  },
  removeAdministrator: {
    method: 'DELETE',
    path: '/api/v1/administrators/:id',
    summary: 'Remove an administrator with their sessions and API tokens',
    access: 'administrator:manage',
    params: ById,
    reply: null,
    cli: { noun: 'administrator', verb: 'remove' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  inviteAdministrator: {
    method: 'POST',
    path: '/api/v1/administrators/:id/invite',
    summary: 'Forget password and authenticator, and invite anew',
    access: 'administrator:manage',
    params: ById,
    reply: Invitation,
    cli: { noun: 'administrator', verb: 'invite' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  signOutAdministrator: {
    method: 'POST',
    path: '/api/v1/administrators/:id/sign-out',
    summary: 'End all sessions of an administrator',
    access: 'administrator:manage',
    params: ById,
    reply: null,
    cli: { noun: 'administrator', verb: 'sign-out' },
    failures: ['NOT_FOUND'],
  },
  listAdministratorTokens: {
    method: 'GET',
    path: '/api/v1/administrators/:id/api-tokens',
    summary: "List an administrator's API tokens",
    access: 'administrator:view',
    params: ById,
    reply: Type.Object({ items: Type.Array(ApiToken) }, strict),
    cli: {
      noun: 'administrator',
      verb: 'list-api-tokens',
      columns: ['name', 'permissions', 'expiresAt', 'lastUsedAt', 'id'],
    },
    failures: ['NOT_FOUND'],
  },
  removeAdministratorToken: {
    method: 'DELETE',
    path: '/api/v1/administrators/:id/api-tokens/:tokenId',
    summary: "Revoke an administrator's API token",
    access: 'administrator:manage',
    params: Type.Object({ id: Id, tokenId: Id }, strict),
    reply: null,
    cli: { noun: 'administrator', verb: 'remove-api-token' },
    failures: ['NOT_FOUND'],
  },
} as const satisfies EndpointTable

const roles = {
  listRoles: {
    method: 'GET',
    path: '/api/v1/roles',
    summary: 'List roles',
    access: 'administrator:view',
    reply: Type.Object({ items: Type.Array(Role) }, strict),
    cli: { noun: 'role', verb: 'list', columns: ['name', 'builtIn', 'permissions', 'id'] },
    failures: [],
  },
  readRole: {
    method: 'GET',
    path: '/api/v1/roles/:id',
    summary: 'Show a role',
    access: 'administrator:view',
    params: Type.Object({ id: RoleId }, strict),
    reply: Role,
    cli: { noun: 'role', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  createRole: {
    method: 'POST',
    path: '/api/v1/roles',
    summary: 'Add a role',
    access: 'administrator:manage',
    body: RoleDraft,
    reply: Role,
    idempotent: true,
    cli: { noun: 'role', verb: 'add' },
    failures: ['CONFLICT'],
  },
  updateRole: {
    method: 'PUT',
    path: '/api/v1/roles/:id',
    summary: 'Change a role that is not built in',
    access: 'administrator:manage',
    params: Type.Object({ id: RoleId }, strict),
    body: RoleDraft,
    reply: Role,
    ifMatch: 'required',
    cli: { noun: 'role', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT'],
  },
  removeRole: {
    method: 'DELETE',
    path: '/api/v1/roles/:id',
    summary: 'Remove a role that nobody has',
    access: 'administrator:manage',
    params: Type.Object({ id: RoleId }, strict),
    reply: null,
    cli: { noun: 'role', verb: 'remove' },
    failures: ['NOT_FOUND', 'IN_USE', 'CONFLICT'],
  },
} as const satisfies EndpointTable

const signIn = {
  readSignInSettings: {
    method: 'GET',
    path: '/api/v1/sign-in-settings',
    summary: 'Show how administrators sign in',
    access: 'administrator:view',
    reply: SignInSettings,
    cli: { noun: 'sign-in', verb: 'show' },
    failures: [],
  },
  updateOidcSettings: {
    method: 'PUT',
    path: '/api/v1/sign-in-settings/oidc',
    summary: 'Change sign-in at an identity provider',
    access: 'sign-in:manage',
    body: OidcDraft,
    reply: SignInSettings,
    ifMatch: 'required',
    cli: { noun: 'sign-in', verb: 'set-oidc' },
    failures: ['CHANGED'],
  },
  enableBreakGlass: {
    method: 'POST',
    path: '/api/v1/sign-in-settings/break-glass/enable',
    summary: 'Enable the break-glass account; its password is shown once',
    access: 'sign-in:manage',
    reply: Type.Object({ userName: Type.String(), password: Type.String() }, strict),
    cli: { noun: 'sign-in', verb: 'enable-break-glass' },
    failures: [],
  },
  disableBreakGlass: {
    method: 'POST',
    path: '/api/v1/sign-in-settings/break-glass/disable',
    summary: 'Disable the break-glass account',
    access: 'sign-in:manage',
    reply: null,
    cli: { noun: 'sign-in', verb: 'disable-break-glass' },
    failures: [],
  },
} as const satisfies EndpointTable

/** See the module's comment. */
export const administratorsEndpoints = { ...people, ...roles, ...signIn } as const satisfies EndpointTable
