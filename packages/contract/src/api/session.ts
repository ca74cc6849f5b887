/**
 * Endpoints of signing in: set-up, invitations, sessions, OpenID Connect, and one's own API tokens.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ById, Id, Instant, Name, orNull, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'
import { PERMISSION_NAMES } from './permissions.ts'

/** Name to sign in with; upper and lower case are the same. */
export const UserName = Type.String({
  title: 'User name',
  description: '1 to 100 letters, digits and . _ @ + -, beginning with a letter or digit',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$',
})

/** A password as typed, whatever the rules for new ones are. */
const Typed = Type.String({ minLength: 1, maxLength: 256 })
/** A name as typed: not judged by the rules for new ones, which would tell which names there can be. */
const TypedName = Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })
/** Secret part of a link. */
const LinkSecret = Type.String({ minLength: 1, maxLength: 100 })
/** Code of an authenticator. */
const Code = Type.String({ title: 'Code', description: 'six digits of the authenticator', pattern: '^\\d{6}$' })

/** A new password. */
const NewPassword = Type.String({
  title: 'Password',
  description: '15 to 256 characters, none of the usual ones, without the user name in it',
  minLength: 15,
  maxLength: 256,
})

/** Permission by name. */
export const PermissionName = Type.Enum([...PERMISSION_NAMES])

/** What an authenticator is set up with. */
const TotpEnrolment = Type.Object(
  {
    userName: Type.String(),
    totp: Type.Object(
      {
        secret: Type.String({ description: 'base32, to be typed' }),
        uri: Type.String({ description: 'otpauth URI, to be shown as a QR code' }),
      },
      strict,
    ),
  },
  strict,
)

/** Who is signed in, and until when. */
export const Session = Type.Object(
  {
    kind: Type.Enum(['administrator', 'token']),
    administrator: Type.Object(
      {
        id: Id,
        userName: Type.String(),
        displayName: Type.String(),
        kind: Type.Enum(['local', 'oidc', 'break-glass']),
      },
      strict,
    ),
    permissions: Type.Array(PermissionName),
    csrfToken: orNull(
      Type.String({ description: 'to be sent as X-CSRF-Token with all but GET; null for an API token' }),
    ),
    provedUntil: orNull(Type.String({ description: 'until when no fresh proof of identity is asked for' })),
    idleUntil: orNull(Type.String({ description: 'ends then when nothing is done before' })),
    expiresAt: Instant,
  },
  strict,
)
export type Session = Static<typeof Session>

/** An API token without its secret. */
export const ApiToken = Type.Object(
  {
    id: Id,
    administratorId: Id,
    name: Name,
    permissions: Type.Array(PermissionName, { description: 'at most; less when its administrator may do less by now' }),
    createdAt: Instant,
    expiresAt: Instant,
    lastUsedAt: orNull(Instant),
    lastUsedFrom: orNull(Type.String()),
  },
  strict,
)
export type ApiToken = Static<typeof ApiToken>

/** How long an API token is good for. Seconds: an hour to 366 days. */
const TOKEN_SECONDS = { least: 3_600, most: 31_622_400 } as const

const NewApiToken = Type.Object(
  {
    name: Name,
    permissions: Type.Array(PermissionName, { minItems: 1, maxItems: PERMISSION_NAMES.length, uniqueItems: true }),
    expiresInSeconds: Type.Integer({
      title: 'Good for',
      description: 'seconds, an hour to 366 days',
      minimum: TOKEN_SECONDS.least,
      maximum: TOKEN_SECONDS.most,
    }),
  },
  strict,
)

const TOKEN_COLUMNS = ['name', 'permissions', 'expiresAt', 'lastUsedAt', 'id'] as const

const setUpEndpoints = {
  readSignInOptions: {
    method: 'GET',
    path: '/api/v1/sign-in-options',
    summary: 'Show which ways to sign in there are',
    access: 'anonymous',
    reply: Type.Object(
      { setUp: Type.Boolean({ description: 'there is no administrator yet' }), oidc: orNull(Type.String()) },
      strict,
    ),
    failures: [],
  },
  startSetUp: {
    method: 'POST',
    path: '/api/v1/setup',
    summary: 'Choose name and password of the first administrator',
    access: 'anonymous',
    body: Type.Object({ secret: LinkSecret, userName: UserName, displayName: Name, password: NewPassword }, strict),
    reply: TotpEnrolment,
    failures: ['SIGN_IN_FAILED', 'ALREADY_SET_UP'],
  },
  confirmSetUp: {
    method: 'POST',
    path: '/api/v1/setup/confirm',
    summary: 'Make the first administrator and sign in',
    access: 'anonymous',
    body: Type.Object({ secret: LinkSecret, code: Code }, strict),
    reply: Session,
    failures: ['SIGN_IN_FAILED', 'ALREADY_SET_UP'],
  },
  openInvitation: {
    method: 'POST',
    path: '/api/v1/invitations/open',
    summary: 'Choose a password by an invitation',
    access: 'anonymous',
    body: Type.Object({ secret: LinkSecret, password: NewPassword }, strict),
    reply: TotpEnrolment,
    failures: ['SIGN_IN_FAILED'],
  },
  confirmInvitation: {
    method: 'POST',
    path: '/api/v1/invitations/confirm',
    summary: 'Confirm the authenticator of an invitation and sign in',
    access: 'anonymous',
    body: Type.Object({ secret: LinkSecret, code: Code }, strict),
    reply: Session,
    failures: ['SIGN_IN_FAILED'],
  },
} as const satisfies EndpointTable

const ownSessionEndpoints = {
  signIn: {
    method: 'POST',
    path: '/api/v1/session',
    summary: 'Sign in with a password and a code',
    access: 'anonymous',
    body: Type.Object({ userName: TypedName, password: Typed, code: Type.Optional(Code) }, strict),
    reply: Session,
    failures: ['SIGN_IN_FAILED', 'LOCKED'],
  },
  readSession: {
    method: 'GET',
    path: '/api/v1/session',
    summary: 'Show who is signed in',
    access: 'signed-in',
    reply: Session,
    cli: { noun: 'session', verb: 'show' },
    failures: [],
  },
  signOut: {
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Sign out',
    access: 'signed-in',
    reply: null,
    failures: [],
  },
  signOutEverywhere: {
    method: 'DELETE',
    path: '/api/v1/sessions',
    summary: 'End all of your sessions',
    access: 'signed-in',
    reply: null,
    failures: [],
  },
  stepUp: {
    method: 'POST',
    path: '/api/v1/session/step-up',
    summary: 'Confirm that it is you',
    access: 'signed-in',
    body: Type.Object({ code: Code }, strict),
    reply: Session,
    failures: ['SIGN_IN_FAILED', 'LOCKED'],
  },
  changePassword: {
    method: 'POST',
    path: '/api/v1/session/password',
    summary: 'Change your password; all other sessions of yours end',
    access: 'signed-in',
    stepUp: true,
    body: Type.Object({ current: Typed, password: NewPassword }, strict),
    reply: Session,
    failures: ['SIGN_IN_FAILED', 'LOCKED', 'CONFLICT'],
  },
} as const satisfies EndpointTable

const oidcSignInEndpoints = {
  startOidcSignIn: {
    method: 'GET',
    path: '/api/v1/session/oidc',
    summary: 'Sign in at the identity provider',
    access: 'anonymous',
    reply: null,
    status: 302,
    failures: ['NOT_FOUND', 'UNAVAILABLE'],
  },
  finishOidcSignIn: {
    method: 'GET',
    path: '/api/v1/session/oidc/callback',
    summary: 'Come back from the identity provider',
    access: 'anonymous',
    // Not strict: a provider may add parameters (RFC 6749, 4.1.2).
    query: Type.Object({ state: Type.String({ minLength: 1, maxLength: 200 }) }),
    reply: null,
    status: 302,
    failures: ['SIGN_IN_FAILED', 'UNAVAILABLE'],
  },
  startOidcStepUp: {
    method: 'POST',
    path: '/api/v1/session/oidc/step-up',
    summary: 'Confirm at the identity provider that it is you',
    access: 'signed-in',
    reply: Type.Object({ url: Type.String({ description: 'where the browser goes' }) }, strict),
    failures: ['CONFLICT', 'UNAVAILABLE'],
  },
} as const satisfies EndpointTable

const ownTokenEndpoints = {
  listApiTokens: {
    method: 'GET',
    path: '/api/v1/api-tokens',
    summary: 'List your API tokens',
    access: 'signed-in',
    reply: Type.Object({ items: Type.Array(ApiToken) }, strict),
    cli: { noun: 'api-token', verb: 'list', columns: TOKEN_COLUMNS },
    failures: [],
  },
  createApiToken: {
    method: 'POST',
    path: '/api/v1/api-tokens',
    summary: 'Make an API token; its secret is shown once',
    access: 'signed-in',
    stepUp: true,
    body: NewApiToken,
    reply: Type.Object({ token: ApiToken, secret: Type.String() }, strict),
    status: 201,
    cli: { noun: 'api-token', verb: 'add' },
    failures: ['CONFLICT'],
  },
  removeApiToken: {
    method: 'DELETE',
    path: '/api/v1/api-tokens/:id',
    summary: 'Revoke an API token of yours',
    access: 'signed-in',
    params: ById,
    reply: null,
    cli: { noun: 'api-token', verb: 'remove' },
    failures: ['NOT_FOUND'],
  },
} as const satisfies EndpointTable

/** See the module's comment. */
export const sessionEndpoints = {
  ...setUpEndpoints,
  ...ownSessionEndpoints,
  ...oidcSignInEndpoints,
  ...ownTokenEndpoints,
} as const satisfies EndpointTable
