/**
 * Everything a Sentry is told about how to work: one document, replaced whole. Core renders it from the Standalone Sentry
 * that an administrator saved; PEM texts stand in it, no file names.
 *
 * What a machine knows of itself (address to listen on, its disk, a laboratory's names) is not in it: see `GatewayFile`.
 * @module
 */
import { EAS_VERSIONS } from '@postern/eas-query/commands'
import Type, { type Static } from 'typebox'
import { Fingerprint } from '../policy-snapshot.ts'
import { parseDocument } from '../problems.ts'
import { CertificateKind, Limits } from '../sentry-config-file.ts'
import { ServerHealth, SERVER_HEALTH_DEFAULTS } from '../server-health.ts'

const strict = { additionalProperties: false } as const
const Url = Type.String({ minLength: 1, maxLength: 2_048 })
const Host = Type.String({ minLength: 1, maxLength: 253 })
const HostPort = Type.String({ minLength: 1, maxLength: 260 })
const Pem = Type.String({ minLength: 1, maxLength: 262_144 })
const CertificateMode = Type.Enum(['required', 'optional', 'off'])

/** PEM text with the name under which an administrator knows it; faults are told by that name. */
const NamedPem = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }), pem: Pem }, strict)

/** A certificate, leaf first with its chain, and its key. */
const KeyPair = Type.Object({ certificatePem: Pem, privateKeyPem: Pem }, strict)

export { SERVER_HEALTH_DEFAULTS }

/** Without word from Core for this long a Sentry counts as cut off: `unknownWhenCoreIsAway` holds. Seconds. */
export const CORE_AWAY_AFTER_SECONDS = 60

/** The document of feed schema 2. `staleAfterSeconds`: how long known devices are served without word from Core. */
export const SentryDocument = Type.Object(
  {
    profile: Type.Object(
      {
        id: Type.String({ minLength: 1, maxLength: 64 }),
        name: Type.String({ minLength: 1, maxLength: 200 }),
        version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      },
      strict,
    ),
    listen: Type.Object(
      {
        names: Type.Array(Host, { maxItems: 64 }),
        proxyProtocolFrom: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 64 }),
        clientCertificateFrom: Type.Array(Fingerprint, { maxItems: 64 }),
      },
      strict,
    ),
    tls: Type.Object(
      {
        certificatePem: Pem,
        privateKeyPem: Pem,
        /** Taken over when the first one has ended. */
        reserve: Type.Union([KeyPair, Type.Null()]),
        minVersion: Type.Enum(['TLSv1.2', 'TLSv1.3']),
        deviceCas: Type.Array(NamedPem, { maxItems: 64 }),
        crls: Type.Array(NamedPem, { maxItems: 64 }),
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
        tenantIds: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { maxItems: 256 }),
        opaqueTokens: Type.Enum(['refuse', 'allow']),
        ca: Type.Union([NamedPem, Type.Null()]),
      },
      strict,
    ),
    activeSync: Type.Object(
      {
        servers: Type.Array(HostPort, { minItems: 1, maxItems: 64 }),
        scheduling: Type.Enum(['priority', 'roundRobin']),
        ca: Type.Union([NamedPem, Type.Null()]),
        redirectHosts: Type.Array(HostPort, { maxItems: 256 }),
        versions: Type.Union([Type.Array(Type.Enum([...EAS_VERSIONS]), { minItems: 1 }), Type.Null()]),
        health: ServerHealth,
      },
      strict,
    ),
    autodiscover: Type.Boolean(),
    policy: Type.Object(
      {
        unknownDevices: Type.Enum(['block', 'allow']),
        unknownWhenCoreIsAway: Type.Enum(['block', 'allow']),
        staleAfterSeconds: Type.Integer({ minimum: 60, maximum: 604_800 }),
      },
      strict,
    ),
    limits: Limits,
  },
  strict,
)
export type SentryDocument = Static<typeof SentryDocument>

/** @throws ContractError naming every field, rule and remedy (50 at most). */
export function parseSentryDocument(input: unknown): SentryDocument {
  return parseDocument('Sentry document', SentryDocument, input, [])
}
