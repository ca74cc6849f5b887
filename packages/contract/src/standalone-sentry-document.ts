/**
 * From the settings of a Standalone Sentry to the document that its Sentries get.
 * @module
 */
import type { StandaloneSentry } from './standalone-sentry-schema.ts'
import { CORE_AWAY_AFTER_SECONDS, parseSentryDocument, type SentryDocument } from './feed/sentry-document.ts'
import { parseSentryConfig } from './sentry-config.ts'

/** PEM texts behind the references of the settings. Leaf first in each certificate. */
export interface SentryMaterial {
  readonly certificate: KeyPairPem
  readonly reserve: KeyPairPem | null
  readonly trustedRoots: readonly NamedPem[]
  readonly crls: readonly NamedPem[]
  readonly serverRoot: NamedPem | null
  readonly identityProviderRoot: NamedPem | null
}

interface KeyPairPem {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

interface NamedPem {
  readonly name: string
  readonly pem: string
}

const SECONDS_PER_HOUR = 3_600

/**
 * Renders the document and checks it like a Sentry does, as far as that needs no look into certificates.
 * @throws ContractError when a Sentry would refuse it: settings that were parsed never are
 */
export function toSentryDocument(
  profile: { readonly id: string; readonly version: number },
  settings: StandaloneSentry,
  material: SentryMaterial,
): SentryDocument {
  const document = parseSentryDocument({
    profile: { ...profile, name: settings.name },
    listen: { names: settings.alternativeNames, ...settings.balancers },
    tls: tlsPart(settings, material),
    deviceCertificate: deviceCertificatePart(settings),
    oauth: oauthPart(settings, material),
    activeSync: activeSyncPart(settings, material),
    autodiscover: settings.activeSync.autodiscover,
    policy: {
      unknownDevices: settings.devices.unknownDevices,
      unknownWhenCoreIsAway: settings.devices.newDevicesWithoutCore,
      staleAfterSeconds: staleAfterSeconds(settings.devices.servedHours),
    },
    limits: settings.limits,
  })
  parseSentryConfig(asConfiguration(document))
  return document
}

/** 0 hours are one minute: a Sentry that asks every few seconds must not stop at each lost packet. */
function staleAfterSeconds(hours: number): number {
  return Math.max(hours * SECONDS_PER_HOUR, CORE_AWAY_AFTER_SECONDS)
}

function tlsPart(settings: StandaloneSentry, material: SentryMaterial): SentryDocument['tls'] {
  const asks = settings.deviceAuthentication.method !== 'passThrough'
  return {
    ...material.certificate,
    reserve: material.reserve,
    minVersion: settings.tls.minVersion,
    deviceCas: asks ? [...material.trustedRoots] : [],
    crls: asks && settings.deviceAuthentication.checkCrl ? [...material.crls] : [],
  }
}

function deviceCertificatePart({ deviceAuthentication }: StandaloneSentry): SentryDocument['deviceCertificate'] {
  if (deviceAuthentication.method === 'passThrough') return { onActiveSync: 'off', onOAuth: 'off' }
  const kind = deviceAuthentication.method === 'groupCertificate' ? 'group' : 'identity'
  return { onActiveSync: 'required', onOAuth: deviceAuthentication.onOAuth, kind }
}

function oauthPart({ serverAuthentication }: StandaloneSentry, material: SentryMaterial): SentryDocument['oauth'] {
  const { authorizationEndpoint, tokenEndpoint, sentryResource, destinationResource } = serverAuthentication
  return {
    authorizationEndpoint,
    tokenEndpoint,
    sentryResource,
    destinationResource,
    clients: serverAuthentication.clients.map(({ clientId, redirectUris }) => ({ clientId, redirectUris })),
    tenantIds: serverAuthentication.tenantIds,
    opaqueTokens: serverAuthentication.opaqueTokens,
    ca: material.identityProviderRoot,
  }
}

function activeSyncPart({ activeSync }: StandaloneSentry, material: SentryMaterial): SentryDocument['activeSync'] {
  const { servers, scheduling, redirectHosts, versions } = activeSync
  const { deadThreshold, failureWindowSeconds, deadTimeSeconds, healthCheck } = activeSync
  return {
    servers,
    scheduling,
    ca: material.serverRoot,
    redirectHosts,
    versions,
    health: { deadThreshold, failureWindowSeconds, deadTimeSeconds, healthCheck },
  }
}

/** The document as a configuration file, for its rules. What only the machine knows is any value that holds. */
function asConfiguration(document: SentryDocument): unknown {
  const { ca: identityProviderCa, ...oauth } = document.oauth
  const { ca: serverCa, ...activeSync } = document.activeSync
  const { unknownDevices, staleAfterSeconds: stale } = document.policy
  return {
    listen: { host: '0.0.0.0', port: 8443, ...document.listen },
    tls: {
      certFile: 'certificate',
      keyFile: 'key',
      deviceCaFiles: document.tls.deviceCas.map(({ name }) => name),
      crlFiles: document.tls.crls.map(({ name }) => name),
      minVersion: document.tls.minVersion,
    },
    deviceCertificate: document.deviceCertificate,
    oauth: { ...oauth, caFile: identityProviderCa?.name ?? null },
    activeSync: { ...activeSync, caFile: serverCa?.name ?? null },
    autodiscover: document.autodiscover,
    policy: { file: 'posture', unknownDevices, staleAfterSeconds: stale },
    events: { auditFile: 'audit' },
    limits: document.limits,
    local: { host: '127.0.0.1', port: 9464 },
  }
}
