/**
 * A document of a Sentry as Core would render it, without a profile behind it.
 * @module
 */
import {
  parseSentryDocument,
  SERVER_HEALTH_DEFAULTS,
  type SentryDocument,
} from '@postern/contract/feed/sentry-document'

/** `version` is the profile's. */
export function sampleDocument(id: string, version: number): SentryDocument {
  const endpoint = (name: string): string => `https://login.example.com/oauth2/${name}`
  return parseSentryDocument({
    profile: { id, name: 'Mail', version },
    listen: { names: ['mail.example.com'], proxyProtocolFrom: [], clientCertificateFrom: [] },
    tls: {
      ...{ certificatePem: 'certificate', privateKeyPem: 'key', reserve: null, minVersion: 'TLSv1.2' },
      ...{ deviceCas: [], crls: [] },
    },
    deviceCertificate: { onActiveSync: 'off', onOAuth: 'off' },
    oauth: {
      ...{ authorizationEndpoint: endpoint('authorize'), tokenEndpoint: endpoint('token') },
      ...{ sentryResource: 'https://mail.example.com', destinationResource: 'https://outlook.office365.com' },
      clients: [{ clientId: 'client', redirectUris: ['https://app.example.com/back'] }],
      ...{ tenantIds: [], opaqueTokens: 'refuse', ca: null },
    },
    activeSync: {
      ...{ servers: ['outlook.office365.com:443'], scheduling: 'priority', ca: null, redirectHosts: [] },
      ...{ versions: null, health: { ...SERVER_HEALTH_DEFAULTS, deadThreshold: 5 } },
    },
    autodiscover: false,
    policy: { unknownDevices: 'block', unknownWhenCoreIsAway: 'block', staleAfterSeconds: 86_400 },
    limits: {},
  })
}
