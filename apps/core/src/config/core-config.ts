/**
 * Core's own settings: a JSON file, every key optional. What administrators decide is not here but in the database.
 * @module
 */
import Type, { type Static } from 'typebox'
import { parseDocument, type Problem } from '@postern/contract/problems'

const strict = { additionalProperties: false } as const
const Host = Type.String({ minLength: 1, maxLength: 253 })
const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const FileName = Type.String({ minLength: 1, maxLength: 4_096 })
const Origin = Type.String({ maxLength: 300, pattern: '^https?://[^/?#@]+$' })

const CoreConfigFile = Type.Object(
  {
    /** Everything that Core keeps, unless said otherwise below. */
    data: Type.Optional(FileName),
    /** Absent: a PostgreSQL of our own in the data directory. */
    database: Type.Optional(
      Type.Object({ url: Type.String({ pattern: '^postgres(ql)?://', maxLength: 2_048 }) }, strict),
    ),
    admin: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(Host),
          port: Type.Optional(Port),
          /** Needed for any address but loopback, unless `trustedProxies` end TLS. */
          tls: Type.Optional(Type.Object({ certFile: FileName, keyFile: FileName }, strict)),
          /** Addresses of proxies that end TLS and tell the client's address (X-Forwarded-For, X-Forwarded-Proto). */
          trustedProxies: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 32 })),
          /** How administrators reach the console; other names are refused (421). */
          publicUrl: Type.Optional(Origin),
        },
        strict,
      ),
    ),
    device: Type.Optional(Type.Object({ host: Type.Optional(Host), port: Type.Optional(Port) }, strict)),
    feed: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(Host),
          port: Type.Optional(Port),
          /** What Sentries are told to dial; default `https://<this machine's name>:<port>`. */
          publicUrl: Type.Optional(Origin),
        },
        strict,
      ),
    ),
    /** Where the keys lie that are kept out of the database; default `keys` in the data directory. */
    secrets: Type.Optional(Type.Object({ folder: FileName }, strict)),
  },
  strict,
)
type CoreConfigFile = Static<typeof CoreConfigFile>

/** Where something listens. Port 0: any free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** The settings with every default filled in. File names are as written, relative to the configuration's folder. */
export interface CoreConfig {
  readonly data: string
  readonly databaseUrl: string | null
  readonly admin: ListenAddress & {
    readonly tls: { readonly certFile: string; readonly keyFile: string } | null
    readonly trustedProxies: readonly string[]
    readonly publicUrl: string | null
  }
  readonly device: ListenAddress
  readonly feed: ListenAddress & { readonly publicUrl: string | null }
  readonly keysFolder: string | null
}

/** What others rely on: they stand in the documentation and in scripts. */
export const DEFAULT_PORTS = { admin: 8440, device: 8441, feed: 8442, sentry: 8443, metrics: 9464 } as const

/** The five ports in their order, counted from `first`. */
export function portsFrom(first: number): Record<keyof typeof DEFAULT_PORTS, number> {
  return { admin: first, device: first + 1, feed: first + 2, sentry: first + 3, metrics: first + 4 }
}

/** @throws ContractError naming every field, rule and remedy (50 at most). */
export function parseCoreConfig(input: unknown): CoreConfig {
  const file = parseDocument('configuration', CoreConfigFile, input, [{ sections: ['admin'], check: adminRules }])
  return {
    data: file.data ?? 'data',
    databaseUrl: file.database?.url ?? null,
    admin: {
      host: file.admin?.host ?? '127.0.0.1',
      port: file.admin?.port ?? DEFAULT_PORTS.admin,
      tls: file.admin?.tls ?? null,
      trustedProxies: file.admin?.trustedProxies ?? [],
      publicUrl: file.admin?.publicUrl ?? null,
    },
    device: { host: file.device?.host ?? '0.0.0.0', port: file.device?.port ?? DEFAULT_PORTS.device },
    feed: {
      host: file.feed?.host ?? '0.0.0.0',
      port: file.feed?.port ?? DEFAULT_PORTS.feed,
      publicUrl: file.feed?.publicUrl ?? null,
    },
    keysFolder: file.secrets?.folder ?? null,
  }
}

/** Passwords and sessions must not cross a network in the clear. */
function adminRules({ admin }: CoreConfigFile): Problem[] {
  const host = admin?.host ?? '127.0.0.1'
  if (isLoopback(host) || admin?.tls !== undefined || (admin?.trustedProxies ?? []).length > 0) return []
  const remedy = 'add admin.tls, name the proxy that ends TLS in admin.trustedProxies, or listen on 127.0.0.1'
  return [{ path: 'admin.host', message: `${JSON.stringify(host)} is no loopback address; ${remedy}` }]
}

/** Whether a host is this machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}
