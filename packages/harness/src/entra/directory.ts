/**
 * Who and what the Entra stand-in knows: users, applications, resources, tenants.
 *
 * Source: protocol notes 2.5 (audiences), 3.1 and 3.2 (endpoints), 4.2 (how redirect URIs are compared and answered).
 * @module
 */
import { createHash } from 'node:crypto'

/** A person who can sign in. `oid` defaults to a GUID made from the name. */
export interface EntraUser {
  upn: string
  password: string
  oid?: string
}

/** A public application. */
export interface EntraClient {
  clientId: string
  redirectUris: readonly string[]
}

/** What the directory is made from. */
export interface DirectoryOptions {
  tenantId: string
  users: readonly EntraUser[]
  clients: readonly EntraClient[]
  resources: readonly string[]
}

/** A resource that refresh tokens are also good for: they are multi-resource, and tests must be able to show it. */
export const GRAPH = 'https://graph.microsoft.com'
const EXCHANGE = 'https://outlook.office365.com'

/** Application ids and other names of the same resource. */
const RESOURCE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['00000002-0000-0ff1-ce00-000000000000', EXCHANGE],
  ['00000003-0000-0000-c000-000000000000', GRAPH],
])
/** Delegated permissions that a token for the resource carries. */
const SCOPES: ReadonlyMap<string, string> = new Map([
  [EXCHANGE, 'EAS.AccessAsUser.All EWS.AccessAsUser.All'],
  [GRAPH, 'User.Read'],
])
const OPENID_SCOPES: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

/** What a scope of the v2.0 endpoint asks for; `unknown` and `mixed` are refused. */
export type ScopeTarget = { resource: string; asAsked: string } | 'unknown' | 'mixed'

/** Looks things up; everything else is in the tokens. */
export class Directory {
  readonly tenantId: string
  readonly resources: readonly string[]
  readonly #users: readonly Required<EntraUser>[]
  readonly #clients: ReadonlyMap<string, EntraClient>

  constructor({ tenantId, users, clients, resources }: DirectoryOptions) {
    this.tenantId = tenantId
    this.resources = [...new Set([...resources.map(withoutSlash), GRAPH])]
    this.#users = users.map((user) => ({ oid: guidFor(user.upn.toLowerCase()), ...user }))
    this.#clients = new Map(clients.map((client) => [client.clientId, client]))
  }

  get clientIds(): string[] {
    return [...this.#clients.keys()]
  }

  client(clientId: string): EntraClient | null {
    return this.#clients.get(clientId) ?? null
  }

  userByName(upn: string): Required<EntraUser> | null {
    return this.#users.find((user) => user.upn.toLowerCase() === upn.trim().toLowerCase()) ?? null
  }

  userByOid(oid: string): Required<EntraUser> | null {
    return this.#users.find((user) => user.oid === oid) ?? null
  }

  knowsTenant(tenant: string): boolean {
    return ['common', 'organizations', this.tenantId].includes(tenant.toLowerCase())
  }

  /** The registered form of a resource, whatever slash it is asked with; null for one that is not registered. */
  resource(name: string): string | null {
    const known = RESOURCE_ALIASES.get(name) ?? withoutSlash(name)
    return this.resources.includes(known) ? known : null
  }

  /** Permissions on a resource, as `scp` names them. */
  scopeOf(resource: string): string {
    return SCOPES.get(resource) ?? 'user_impersonation'
  }

  /** The one resource that a v2.0 scope is about; Graph when it names none. */
  scopeTarget(scope: string): ScopeTarget {
    const wanted = new Set<string>()
    for (const name of scope.split(' ').filter((each) => each !== '' && !OPENID_SCOPES.has(each))) {
      wanted.add(name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : GRAPH)
    }
    const [asAsked = GRAPH, ...others] = wanted
    const resource = this.resource(asAsked)
    if (others.length > 0) return 'mixed'
    return resource === null ? 'unknown' : { resource, asAsked }
  }

  /** Whether an application registered a redirect URI: schemes compare without case, paths with or without slash. */
  registered(client: EntraClient, redirectUri: string): boolean {
    return client.redirectUris.some((each) => comparable(each) === comparable(redirectUri))
  }
}

/** A redirect URI as Entra answers to it: scheme in lower case, a slash where there is no path. */
export function answeredForm(redirectUri: string): string {
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(redirectUri)
  if (parts === null) return redirectUri
  const [, scheme = '', host = '', rest = ''] = parts
  return `${scheme.toLowerCase()}://${host}${rest.startsWith('/') ? rest : `/${rest}`}`
}

/** Ports of `http://localhost` are not compared: native applications take any. */
function comparable(redirectUri: string): string {
  return withoutSlash(answeredForm(redirectUri)).replace(/^(http:\/\/localhost):\d+/, '$1')
}

function withoutSlash(value: string): string {
  return value.endsWith('/') ? value.slice(0, -1) : value
}

function guidFor(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}
