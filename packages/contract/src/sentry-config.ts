/**
 * The Sentry's configuration: the file checked whole, and every default filled in.
 * @module
 */
import type { Static } from 'typebox'
import { parseDocument } from './problems.ts'
import { LIMIT_DEFAULTS, type Limits, SentryConfigFile } from './sentry-config-file.ts'
import { CONFIG_RULES } from './sentry-config-rules.ts'
import { SERVER_HEALTH_DEFAULTS } from './server-health.ts'

type Filled<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]-?: Exclude<T[P], undefined> }

/** The configuration with every default filled in; file names are still as written. */
export interface SentryConfig {
  readonly listen: Filled<SentryConfigFile['listen'], 'names' | 'proxyProtocolFrom' | 'clientCertificateFrom'>
  readonly tls: SentryConfigFile['tls']
  readonly deviceCertificate: Filled<SentryConfigFile['deviceCertificate'], 'kind'>
  readonly oauth: Filled<SentryConfigFile['oauth'], 'tenantIds' | 'opaqueTokens' | 'caFile'>
  readonly activeSync: Filled<SentryConfigFile['activeSync'], 'caFile' | 'versions' | 'health'>
  readonly autodiscover: boolean
  readonly policy: SentryConfigFile['policy']
  readonly events: SentryConfigFile['events']
  readonly limits: Required<Static<typeof Limits>>
  readonly local: SentryConfigFile['local']
  readonly lab: boolean
  readonly hosts: Readonly<Record<string, string>>
}

/** @throws ContractError naming every field, rule and remedy (50 at most). */
export function parseSentryConfig(input: unknown): SentryConfig {
  const file = parseDocument('configuration', SentryConfigFile, input, CONFIG_RULES)
  return {
    ...file,
    deviceCertificate: { kind: 'identity', ...file.deviceCertificate },
    listen: { names: [], proxyProtocolFrom: [], clientCertificateFrom: [], ...file.listen },
    oauth: { tenantIds: [], opaqueTokens: 'refuse', caFile: null, ...file.oauth },
    activeSync: { caFile: null, versions: null, health: SERVER_HEALTH_DEFAULTS, ...file.activeSync },
    autodiscover: file.autodiscover ?? false,
    limits: { ...LIMIT_DEFAULTS, ...file.limits },
    lab: file.lab ?? false,
    hosts: file.hosts ?? {},
  }
}
