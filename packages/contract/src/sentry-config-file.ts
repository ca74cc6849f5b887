/**
 * Schema of the Sentry's configuration file: its shape is a promise, because other programs write it.
 * @module
 */
import { EAS_VERSIONS } from '@postern/eas-query/commands'
import Type, { type Static } from 'typebox'
import { Fingerprint } from './policy-snapshot.ts'
import { ServerHealth } from './server-health.ts'

const strict = { additionalProperties: false } as const
const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const FileName = Type.String({ minLength: 1, maxLength: 4_096 })
const Host = Type.String({ minLength: 1, maxLength: 253 })
const Url = Type.String({ minLength: 1, maxLength: 2_048 })
const CertificateMode = Type.Enum(['required', 'optional', 'off'])

/** `identity`: each device has a certificate of its own. `group`: all have the same one, which proves no more than that. */
export const CertificateKind = Type.Enum(['identity', 'group'])
const CaFile = Type.Optional(Type.Union([FileName, Type.Null()]))

/** Limits with their ranges; what is left out has the default of {@link LIMIT_DEFAULTS}. */
export const Limits = Type.Object(
  {
    connectionsPerCertificate: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    unauthenticatedConnectionsPerAddress: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    oauthRequestsPerSecondPerAddress: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    heldPerDevice: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    heldPerUser: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  strict,
)

/** Defaults of `limits`. Connections, requests a second, held requests. */
export const LIMIT_DEFAULTS = {
  connectionsPerCertificate: 20,
  unauthenticatedConnectionsPerAddress: 200,
  oauthRequestsPerSecondPerAddress: 50,
  heldPerDevice: 2,
  heldPerUser: 10,
} as const satisfies Required<Static<typeof Limits>>

/** The file as written; docs/sentry.md explains every key. */
export const SentryConfigFile = Type.Object(
  {
    listen: Type.Object(
      {
        host: Host,
        port: Port,
        names: Type.Optional(Type.Array(Host, { maxItems: 64 })),
        /** Balancers that speak PROXY protocol version 2, as addresses or CIDR blocks; all others are dropped. */
        proxyProtocolFrom: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 64 })),
        /** Certificates of balancers that may hand on a device's certificate in `Client-Cert` (RFC 9440). */
        clientCertificateFrom: Type.Optional(Type.Array(Fingerprint, { maxItems: 64 })),
      },
      strict,
    ),
    tls: Type.Object(
      {
        certFile: FileName,
        keyFile: FileName,
        deviceCaFiles: Type.Array(FileName, { maxItems: 64 }),
        crlFiles: Type.Array(FileName, { maxItems: 64 }),
        minVersion: Type.Enum(['TLSv1.2', 'TLSv1.3']),
      },
      strict,
    ),
    deviceCertificate: Type.Object(
      { onActiveSync: CertificateMode, onOAuth: CertificateMode, kind: Type.Optional(CertificateKind) },
      strict,
    ),
    oauth: Type.Object(
      {
        authorizationEndpoint: Url,
        tokenEndpoint: Url,
        sentryResource: Url,
        destinationResource: Url,
        clients: Type.Array(
          Type.Object(
            {
              clientId: Type.String({ minLength: 1, maxLength: 256 }),
              redirectUris: Type.Array(Url, { minItems: 1, maxItems: 64 }),
            },
            strict,
          ),
          { minItems: 1, maxItems: 256 },
        ),
        tenantIds: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { maxItems: 256 })),
        /** A Bearer token that cannot be read names no user to compare; `allow` leaves it to the server alone. */
        opaqueTokens: Type.Optional(Type.Enum(['refuse', 'allow'])),
        caFile: CaFile,
      },
      strict,
    ),
    activeSync: Type.Object(
      {
        servers: Type.Array(Type.String({ minLength: 1, maxLength: 260 }), { minItems: 1, maxItems: 64 }),
        scheduling: Type.Enum(['priority', 'roundRobin']),
        caFile: CaFile,
        redirectHosts: Type.Array(Type.String({ minLength: 1, maxLength: 260 }), { maxItems: 256 }),
        versions: Type.Optional(Type.Union([Type.Array(Type.Enum([...EAS_VERSIONS]), { minItems: 1 }), Type.Null()])),
        health: Type.Optional(ServerHealth),
      },
      strict,
    ),
    autodiscover: Type.Optional(Type.Boolean()),
    policy: Type.Object(
      {
        file: FileName,
        unknownDevices: Type.Enum(['block', 'allow']),
        staleAfterSeconds: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
      },
      strict,
    ),
    events: Type.Object({ auditFile: FileName }, strict),
    limits: Type.Optional(Limits),
    local: Type.Object({ host: Host, port: Port }, strict),
    lab: Type.Optional(Type.Boolean()),
    hosts: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 64 }))),
  },
  strict,
)
export type SentryConfigFile = Static<typeof SentryConfigFile>
