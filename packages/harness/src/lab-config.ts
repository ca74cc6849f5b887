/**
 * What the lab is made of before anything runs: people, devices, Sentry's configuration and first policy.
 * @module
 */
import type { PolicySnapshot } from '@postern/contract/policy-snapshot'
import type { Issued } from './ca.ts'
import type { EntraClient } from './entra/entra.ts'
import { EMAIL_PLUS_CLIENT_ID, EMAIL_PLUS_REDIRECT_URI } from './phones/email-plus-phone.ts'
import { APPLE_CLIENT_ID } from './phones/mail-phone.ts'

/** Sentry's public name in the lab. */
export const SENTRY_NAME = 'sentry.example.com'
/** Names that the Exchange stand-in answers to. */
export const EXCHANGE_NAMES = ['outlook.office365.com', 'outlook.office.com']
/** Names that the Entra stand-in answers to. */
export const ENTRA_NAMES = ['login.windows.net', 'login.microsoftonline.com']
/** What tokens are for. */
export const DESTINATION_RESOURCE = 'https://outlook.office365.com/'

/** Who has a mailbox. */
export const PEOPLE = [
  { upn: 'ann@example.com', password: 'correct horse battery' },
  { upn: 'bob@example.com', password: 'staple of the lab' },
] as const

/** Registered devices: two for each person. The first of each carries iOS Mail in the demo, the second Email+. */
export const DEVICE_ROWS = [
  { id: 'ann-phone', user: 'ann@example.com', easDeviceId: 'ANNPHONE0001' },
  { id: 'ann-tablet', user: 'ann@example.com', easDeviceId: 'ANNTABLET0002' },
  { id: 'bob-phone', user: 'bob@example.com', easDeviceId: 'BOBPHONE0003' },
  { id: 'bob-tablet', user: 'bob@example.com', easDeviceId: 'BOBTABLET0004' },
] as const

/** A device's id in the policy. */
export type DeviceName = (typeof DEVICE_ROWS)[number]['id']

/** A registered device and its certificate. */
export interface LabDevice {
  id: string
  user: string
  easDeviceId: string
  identity: Issued
}

/** The applications that may sign in. */
export const CLIENTS = [
  {
    clientId: APPLE_CLIENT_ID,
    redirectUris: [
      'com.apple.mobilemail://oauth-redirect',
      'com.apple.preferences.internetaccounts://oauth-redirect/',
      'com.apple.Preferences://oauth-redirect/',
    ],
  },
  { clientId: EMAIL_PLUS_CLIENT_ID, redirectUris: [EMAIL_PLUS_REDIRECT_URI] },
]

/** A configuration file as it will be written; wrong ones are wanted too. */
export type ConfigFile = Record<string, unknown>

/** Sentry's configuration in the lab; every name stands for 127.0.0.1. */
export function labConfig(
  ports: { exchange: number; entra: number },
  moreClients: readonly EntraClient[] = [],
): ConfigFile {
  const login = `https://login.windows.net:${String(ports.entra)}/common/oauth2`
  const exchange = EXCHANGE_NAMES.map((name) => `${name}:${String(ports.exchange)}`)
  return {
    listen: { host: '127.0.0.1', port: 0, names: [] },
    tls: {
      certFile: 'sentry.crt',
      keyFile: 'sentry.key',
      deviceCaFiles: ['device-ca.crt'],
      crlFiles: [],
      minVersion: 'TLSv1.2',
    },
    deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional' },
    oauth: {
      authorizationEndpoint: `${login}/authorize`,
      tokenEndpoint: `${login}/token`,
      sentryResource: `https://${SENTRY_NAME}`,
      destinationResource: DESTINATION_RESOURCE,
      clients: [...CLIENTS, ...moreClients],
      tenantIds: [],
      caFile: 'server-ca.crt',
    },
    activeSync: {
      servers: exchange.slice(0, 1),
      scheduling: 'priority',
      caFile: 'server-ca.crt',
      redirectHosts: ['*.outlook.com', ...EXCHANGE_NAMES, ...exchange],
      versions: null,
    },
    autodiscover: false,
    policy: { file: 'policy.json', unknownDevices: 'block', staleAfterSeconds: 86_400 },
    events: { auditFile: 'audit.jsonl' },
    local: { host: '127.0.0.1', port: 0 },
    lab: true,
    hosts: Object.fromEntries([...EXCHANGE_NAMES, ...ENTRA_NAMES].map((name) => [name, '127.0.0.1'])),
  }
}

/** `base` with the override's members put over it: sections are merged, everything else replaces; undefined removes. */
export function withOverride(base: ConfigFile, override: ConfigFile): ConfigFile {
  const merged = Object.entries(override).map(([key, value]) => {
    const old = base[key]
    return [key, isPlain(old) && isPlain(value) ? { ...old, ...value } : value]
  })
  return { ...base, ...Object.fromEntries(merged) } as ConfigFile
}

/** The first snapshot: every device of the lab may pass. */
export function firstPolicy(devices: readonly LabDevice[]): PolicySnapshot {
  return {
    schema: 1,
    version: 1,
    devices: devices.map(({ id, user, easDeviceId, identity }) => ({
      id,
      user,
      easDeviceIds: [easDeviceId],
      certificates: [identity.fingerprint],
      posture: 'allow',
      reasons: [],
    })),
    revokedCertificates: [],
    blockedUsers: [],
    mode: 'enforce',
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
