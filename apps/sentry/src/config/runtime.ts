/**
 * Everything that follows from the settings, as one immutable value: a reload replaces it by one assignment, and
 * requests under way keep the one they began with.
 * @module
 */
import type { LookupFunction } from 'node:net'
import { CORE_AWAY_AFTER_SECONDS } from '@postern/contract/feed/sentry-document'
import type { SentryConfig } from '@postern/contract/sentry-config'
import { authorizationUri } from '@postern/oauth-map/challenge'
import type { OAuthMapping } from '@postern/oauth-map/model'
import { type DeviceTrust, readDeviceTrust } from '../identity/trust.ts'
import { type Timeouts, timeouts } from '../listener/timeouts.ts'
import type { DecisionRules } from '../decision/decide.ts'
import { createPinnedLookup } from '../servers/pinned-lookup.ts'
import type { RedirectRules } from '../servers/redirect.ts'
import { createServerGroup, type ServerGroup, type ServerRules } from '../servers/server-group.ts'
import type { WorkerSettings } from './settings.ts'
import {
  createUpstreamClient,
  type UpstreamClient,
  type UpstreamTarget,
} from '../transport/upstream/upstream-client.ts'
import { hostsLookup, hostsPort } from '../transport/hosts-lookup.ts'

const IDLE_PER_POOL = 256
/** Shorter than the servers' own keep-alive, so that a request is not written into a closing connection. */
const UPSTREAM_IDLE_MS = 30_000

/** Settings made usable. Never changed, only replaced. */
export interface Runtime {
  readonly config: SentryConfig
  readonly timeouts: Timeouts
  readonly trust: DeviceTrust
  readonly trustGeneration: number
  readonly hostNames: ReadonlySet<string>
  readonly mapping: OAuthMapping
  readonly authorizationUri: string
  readonly activeSyncRules: DecisionRules
  readonly oauthRules: DecisionRules
  readonly balancers: ReadonlySet<string>
  readonly redirectRules: RedirectRules
  readonly servers: ServerGroup
  readonly serverClient: UpstreamClient
  /** Redirect targets are other people's choice: only checked addresses are connected to. */
  readonly redirectClient: UpstreamClient
  readonly identityProviderClient: UpstreamClient
}

/** Builds it; clients and server states of `previous` live on where nothing about them changed. */
export function buildRuntime(given: WorkerSettings, previous: Runtime | null, now: () => number): Runtime {
  const { config, deviceCas, crls } = given.settings
  const { oauth } = config
  const mapping: OAuthMapping = {
    authorizationEndpoint: oauth.authorizationEndpoint,
    tokenEndpoint: oauth.tokenEndpoint,
    sentryResource: oauth.sentryResource,
    destinationResource: oauth.destinationResource,
    clients: oauth.clients,
  }
  return {
    config,
    timeouts: timeouts(given.speed),
    trust: readDeviceTrust(deviceCas, crls),
    trustGeneration: given.trustGeneration,
    hostNames: new Set(
      [new URL(oauth.sentryResource).hostname, ...config.listen.names].map((name) => name.toLowerCase()),
    ),
    mapping,
    authorizationUri: authorizationUri(mapping),
    activeSyncRules: decisionRules(given, 'onActiveSync'),
    oauthRules: decisionRules(given, 'onOAuth'),
    balancers: new Set(config.listen.clientCertificateFrom),
    ...outbound(given, previous, now),
  }
}

function decisionRules(given: WorkerSettings, path: 'onActiveSync' | 'onOAuth'): DecisionRules {
  const { config, unknownWhenCoreIsAway } = given.settings
  const { oauth, policy, activeSync } = config
  return {
    certificate: config.deviceCertificate[path],
    certificateKind: config.deviceCertificate.kind,
    unknownDevices: policy.unknownDevices,
    unknownWhenCoreIsAway,
    coreAwayAfterMs: (CORE_AWAY_AFTER_SECONDS * 1_000) / given.speed,
    staleAfterMs: policy.staleAfterSeconds * 1_000,
    opaqueTokens: oauth.opaqueTokens,
    destinationResource: oauth.destinationResource,
    tenantIds: new Set(oauth.tenantIds.map((id) => id.toLowerCase())),
    clientIds: new Set(oauth.clients.map((client) => client.clientId.toLowerCase())),
    versions: activeSync.versions === null ? null : new Set(activeSync.versions),
  }
}

type Outbound = Pick<
  Runtime,
  'redirectRules' | 'servers' | 'serverClient' | 'redirectClient' | 'identityProviderClient'
>

const outboundKeys = new WeakMap<Runtime['servers'], string>()

function outbound(given: WorkerSettings, previous: Runtime | null, now: () => number): Outbound {
  const { settings } = given
  const { config } = settings
  const key = JSON.stringify([config.activeSync, config.hosts, settings.serverCa, settings.identityProviderCa])
  if (previous !== null && outboundKeys.get(previous.servers) === key) return outboundOf(previous)
  const lookup = Object.keys(config.hosts).length === 0 ? null : hostsLookup(config.hosts)
  const portOf = hostsPort(config.hosts)
  const redirectRules = {
    redirectHosts: config.activeSync.redirectHosts,
    labHosts: new Set(Object.keys(config.hosts).map((name) => name.toLowerCase())),
  }
  const client = (ca: { pem: string } | null, by: LookupFunction | null): UpstreamClient =>
    createUpstreamClient({
      caPem: ca === null ? null : [ca.pem],
      lookup: by,
      portOf,
      maxIdlePerPool: IDLE_PER_POOL,
      idleMs: UPSTREAM_IDLE_MS,
    })
  const servers = createServerGroup({
    servers: config.activeSync.servers.map(targetOf),
    scheduling: config.activeSync.scheduling,
    rules: serverRules(config.activeSync.health),
    now,
  })
  outboundKeys.set(servers, key)
  return {
    redirectRules,
    servers,
    serverClient: client(settings.serverCa, lookup),
    redirectClient: client(settings.serverCa, createPinnedLookup(redirectRules, lookup)),
    identityProviderClient: client(settings.identityProviderCa, lookup),
  }
}

function serverRules(health: SentryConfig['activeSync']['health']): ServerRules {
  return {
    deadThreshold: health.deadThreshold,
    failureWindowMs: health.failureWindowSeconds * 1_000,
    deadMs: health.deadTimeSeconds * 1_000,
    liveThreshold: health.healthCheck.liveThreshold,
  }
}

// Named one by one: the whole of `previous` would put its old rules over the new ones.
function outboundOf(previous: Runtime): Outbound {
  const { redirectRules, servers, serverClient, redirectClient, identityProviderClient } = previous
  return { redirectRules, servers, serverClient, redirectClient, identityProviderClient }
}

function targetOf(server: string): UpstreamTarget {
  const colon = server.lastIndexOf(':')
  if (colon < 0) return { host: server.toLowerCase(), port: 443 }
  return { host: server.slice(0, colon).toLowerCase(), port: Number(server.slice(colon + 1)) }
}
