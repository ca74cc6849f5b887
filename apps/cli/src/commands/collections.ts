/**
 * Lists in which a name can be looked up, so that people need not know ids.
 * @module
 */

/** Members that hold the id of something, with the path of the list it stands in. */
const COLLECTION_OF_MEMBER: Readonly<Record<string, string>> = {
  profileId: '/api/v1/sentry-profiles',
  sentryProfileId: '/api/v1/sentry-profiles',
  sentryId: '/api/v1/sentries',
  label: '/api/v1/labels',
  labelId: '/api/v1/labels',
  labels: '/api/v1/labels',
  labelIds: '/api/v1/labels',
  user: '/api/v1/users',
  userId: '/api/v1/users',
  device: '/api/v1/devices',
  deviceId: '/api/v1/devices',
  deviceIds: '/api/v1/devices',
  certificateId: '/api/v1/certificates',
  reserveCertificateId: '/api/v1/certificates',
  trustedRootIds: '/api/v1/trusted-roots',
  serverRootId: '/api/v1/trusted-roots',
  identityProviderRootId: '/api/v1/trusted-roots',
  roles: '/api/v1/roles',
  roleId: '/api/v1/roles',
}

/** Members that name something although their schema is wider than an id. */
const WIDER = new Set(['sentryProfileId', 'roles', 'roleId'])

/** Path of the list for a member; null: its values stand for themselves. */
export function collectionOfMember(name: string, isId: boolean): string | null {
  if (!isId && !WIDER.has(name)) return null
  return Object.hasOwn(COLLECTION_OF_MEMBER, name) ? (COLLECTION_OF_MEMBER[name] ?? null) : null
}

/** Collections that have paths of their own for edits, with the one that lists them. */
const LISTED_UNDER: Readonly<Record<string, string>> = {
  '/api/v1/exchange-configurations': '/api/v1/configurations',
  '/api/v1/email-plus-configurations': '/api/v1/configurations',
}

/** Path of the list that a parameter of `path` is chosen from, such as `/api/v1/devices` for `/api/v1/devices/:id/why`. */
export function collectionOfParameter(path: string, parameter: string): string {
  const collection = path.slice(0, path.indexOf(`/:${parameter}`))
  return Object.hasOwn(LISTED_UNDER, collection) ? (LISTED_UNDER[collection] ?? collection) : collection
}

/** Path of GET for what stands at `path`, where the two differ. */
export function readPath(path: string): string {
  for (const [own, listed] of Object.entries(LISTED_UNDER)) {
    if (path.startsWith(`${own}/`)) return `${listed}${path.slice(own.length)}`
  }
  return path
}

/** Members that are names. */
export const NAME_MEMBERS = ['name', 'userName'] as const
