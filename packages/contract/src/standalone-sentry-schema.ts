/**
 * Schema of a Standalone Sentry: the form that an administrator fills in, field by field under the names of the form.
 *
 * Documents: product description 2 (fields and their meaning), the configuration procedure (the OAuth fields).
 * @module
 */
import { EAS_VERSIONS } from '@postern/eas-query/commands'
import Type, { type Static } from 'typebox'
import { Id, strict } from './api/common.ts'
import { flag, type FieldNote } from './configurations/field.ts'
import { LIMIT_DEFAULTS } from './sentry-config-file.ts'
import { SERVER_HEALTH_DEFAULTS } from './server-health.ts'

/** What the choices of the form are called there. */
export const CHOICE_TITLES = {
  passThrough: 'Pass Through',
  groupCertificate: 'Group Certificate',
  identityCertificate: 'Identity Certificate',
  priority: 'Priority',
  roundRobin: 'Round Robin',
} as const

/** Known devices are served without word from Core for so many hours at most. */
const MOST_HOURS_AWAY = 168

const text = (maxLength: number, note: FieldNote) => Type.String({ ...note, maxLength })
const texts = (maxLength: number, maxItems: number, note: FieldNote) =>
  Type.Array(Type.String({ maxLength }), { ...note, maxItems })
const whole = (minimum: number, maximum: number, note: FieldNote) => Type.Integer({ ...note, minimum, maximum })
const reference = (note: FieldNote) => Type.Union([Id, Type.Null()], { ...note })
const note = (title: string, description: string) => ({ title, description })

const GENERAL = {
  name: text(200, note('Name', 'What administrators call this Standalone Sentry; unique.')),
  description: text(1_000, note('Description', 'What it is for. Nobody but administrators sees it.')),
  sentryHost: text(
    253,
    note(
      'Sentry Host / IP',
      'Name under which phones reach the Sentry, such as sentry.example.com. Several Sentries behind a load balancer share it.',
    ),
  ),
  externalPort: whole(
    1,
    65_535,
    note('External Port', 'Port under which phones reach it; 443 unless a lab or a firewall wants another.'),
  ),
  alternativeNames: texts(
    253,
    63,
    note('Additional Names', 'Other host names under which phones may ask for it, each without scheme or port.'),
  ),
  enableActiveSync: flag(
    'Enable ActiveSync',
    'Serve mail over ActiveSync. It is what a Standalone Sentry is for, so it must be on.',
  ),
}

const DEVICE_AUTHENTICATION = {
  method: Type.Enum(
    ['passThrough', 'groupCertificate', 'identityCertificate'],
    note(
      'Device Authentication',
      'How a phone proves which one it is. Pass Through: not at all, its claims are compared with the token. Group Certificate: by one that all phones share, so only that it is one of yours. Identity Certificate: by a certificate of its own.',
    ),
  ),
  trustedRootIds: Type.Array(Id, {
    ...note('Trusted Roots', 'Certificate authorities whose device certificates are accepted. Keep the list short.'),
    maxItems: 64,
  }),
  checkCrl: flag(
    'Check CRL',
    'Refuse device certificates that stand in the revocation list of their trusted root. Needs an uploaded list.',
  ),
  onOAuth: Type.Enum(
    ['optional', 'required'],
    note(
      'Certificate for Sign-in',
      'Whether a phone must show its certificate while it signs in. Optional is usual: the part of a phone that signs in may have no access to it.',
    ),
  ),
}

const OAuthClient = Type.Object(
  {
    name: text(100, note('Application', 'What the application is called; for administrators only.')),
    clientId: text(256, note('Client ID', 'The application (client) ID with which it signs in.')),
    redirectUris: Type.Array(Type.String({ maxLength: 2_048 }), {
      ...note('Redirect URIs', 'Where the identity provider may send the sign-in back to; compared exactly.'),
      maxItems: 64,
    }),
  },
  { ...strict, title: 'OAuth Client Application' },
)

const SERVER_AUTHENTICATION = {
  method: Type.Enum(
    ['passThrough'],
    note(
      'Server Authentication',
      'How the Sentry signs in to the mail server. Pass Through: with what the phone sent.',
    ),
  ),
  passThroughWithOAuth: flag(
    'Enable Pass Through with OAuth',
    'Phones sign in with OAuth through the Sentry and send a token with each request. It must be on.',
  ),
  authorizationEndpoint: text(
    2_048,
    note(
      'Destination OAuth2 Authorization Endpoint',
      'Where phones are sent to sign in, such as https://login.windows.net/common/oauth2/authorize.',
    ),
  ),
  tokenEndpoint: text(
    2_048,
    note(
      'Destination OAuth2 Token Endpoint',
      'Where the Sentry redeems sign-ins for tokens, such as https://login.windows.net/common/oauth2/token.',
    ),
  ),
  sentryResource: text(
    2_048,
    note('Sentry Resource', 'What phones ask a token for: https:// and the Sentry Host. Left empty, exactly that.'),
  ),
  destinationResource: text(
    2_048,
    note(
      'Destination Resource',
      'What the identity provider is asked for instead: the mail service, such as https://outlook.office365.com/.',
    ),
  ),
  clients: Type.Array(OAuthClient, {
    ...note(
      'OAuth Client Applications',
      'Applications that may sign in through the Sentry; all others are refused. iOS Mail is there by default; Email+ has a client ID of its own that its maker tells you.',
    ),
    maxItems: 256,
  }),
  tenantIds: texts(
    128,
    256,
    note('Tenant IDs', 'Directories whose tokens are accepted. Empty: any; the mail server still decides.'),
  ),
  opaqueTokens: Type.Enum(
    ['refuse', 'allow'],
    note(
      'Unreadable Tokens',
      'What to do with a token that names no user, so that it cannot be compared with the device. Allow leaves it to the mail server alone.',
    ),
  ),
  identityProviderRootId: reference(
    note(
      'Identity Provider CA',
      'Trusted root of the identity provider, where it is not a public one. Empty: public CAs.',
    ),
  ),
}

const HEALTH_CHECK = {
  enabled: flag('Background Health Check', 'Ask failed and idle servers from time to time whether they are well.'),
  intervalSeconds: whole(1, 3_600, note('Health Check Interval', 'Seconds between two checks of a server.')),
  liveThreshold: whole(1, 100, note('Live Threshold', 'Good answers in a row that bring a dead server back.')),
}

const ACTIVE_SYNC = {
  servers: texts(
    260,
    64,
    note(
      'ActiveSync Server(s)',
      'Mail servers as host or host:port. Left empty, outlook.office365.com. Always over TLS with verified certificates.',
    ),
  ),
  scheduling: Type.Enum(
    ['priority', 'roundRobin'],
    note('Scheduling', 'Several servers: the first that lives (Priority), or each in turn (Round Robin).'),
  ),
  serverRootId: reference(
    note('ActiveSync Server CA', 'Trusted root of the mail servers, where it is not a public one. Empty: public CAs.'),
  ),
  redirectHosts: texts(
    260,
    256,
    note(
      'Redirect Hosts',
      'Where a server may send a mailbox (451): host, *.domain, either with a port. Left out, those of the cloud that the servers belong to.',
    ),
  ),
  versions: Type.Union([Type.Array(Type.Enum([...EAS_VERSIONS]), { maxItems: 16 }), Type.Null()], {
    ...note('ActiveSync Versions', 'Protocol versions that phones may speak. Empty: all that the server speaks.'),
  }),
  autodiscover: flag('Autodiscover', 'Answer Autodiscover requests with the address of this Sentry.'),
  deadThreshold: whole(1, 100, note('Dead Threshold', 'Failures within the Failure Window that mark a server dead.')),
  failureWindowSeconds: whole(1, 3_600, note('Failure Window', 'Seconds in which failures are counted together.')),
  deadTimeSeconds: whole(1, 86_400, note('Dead Time', 'Seconds for which a dead server is left out.')),
}

const DEVICES = {
  unknownDevices: Type.Enum(
    ['block', 'allow'],
    note(
      'Unknown Devices',
      'What happens to phones that Core does not know. Allow lets in everybody who can sign in to the mail server.',
    ),
  ),
  servedHours: whole(
    0,
    MOST_HOURS_AWAY,
    note(
      'Serve Known Devices Without Core',
      'Hours for which a Sentry goes on with what it knew when it cannot reach Core; then it refuses every phone. 0: one minute.',
    ),
  ),
  newDevicesWithoutCore: Type.Enum(
    ['block', 'allow'],
    note('New Devices Without Core', 'What happens to unknown phones while a Sentry cannot reach Core.'),
  ),
}

const TLS = {
  certificateId: reference(
    note(
      'TLS Certificate',
      'What the Sentry shows to phones. Empty: Core issues one from its own authority, whose root phones must be given.',
    ),
  ),
  reserveCertificateId: reference(
    note('Reserve Certificate', 'Taken over by itself when the first one has ended. Empty: none.'),
  ),
  minVersion: Type.Enum(
    ['TLSv1.2', 'TLSv1.3'],
    note('Minimum TLS Version', 'Lowest version of TLS that is spoken with phones.'),
  ),
}

const BALANCERS = {
  proxyProtocolFrom: texts(
    64,
    64,
    note(
      'PROXY Protocol From',
      'Addresses or CIDR blocks of balancers that send a PROXY protocol version 2 header. When given, connections from elsewhere are dropped.',
    ),
  ),
  clientCertificateFrom: texts(
    128,
    64,
    note(
      'Client-Cert From',
      'SHA-256 fingerprints of the certificates of balancers that end TLS and hand on the phone’s certificate in Client-Cert (RFC 9440).',
    ),
  ),
}

const LIMITS = {
  connectionsPerCertificate: whole(
    1,
    100_000,
    note('Connections per Certificate', 'Connections at a time with one device certificate.'),
  ),
  unauthenticatedConnectionsPerAddress: whole(
    1,
    1_000_000,
    note('Connections per Address', 'Connections at a time from one address that showed no good certificate.'),
  ),
  oauthRequestsPerSecondPerAddress: whole(
    1,
    1_000_000,
    note('Sign-in Requests per Second', 'Requests a second to the OAuth paths from one certificate, else one address.'),
  ),
  heldPerDevice: whole(
    1,
    1_000,
    note('Held Requests per Device', 'Pings and waiting Syncs of a device; a newer one ends the oldest.'),
  ),
  heldPerUser: whole(1, 10_000, note('Held Requests per User', 'The same for all devices of a user.')),
}

type Members = Parameters<typeof Type.Object>[0]

/** Once whole, as it is stored, and once as it is sent: there every member may be left out that has a default. */
function both<A extends Members, B extends Members>(title: string, needed: A, defaulted: B) {
  const options = { ...strict, title }
  return {
    filled: Type.Object({ ...needed, ...defaulted }, options),
    input: Type.Object({ ...needed, ...optional(defaulted) }, options),
  }
}

function optional<B extends Members>(members: B): { [K in keyof B]: ReturnType<typeof Type.Optional<B[K]>> } {
  const entries = Object.entries(members).map(([name, schema]) => [name, Type.Optional(schema)])
  return Object.fromEntries(entries) as { [K in keyof B]: ReturnType<typeof Type.Optional<B[K]>> } // member by member
}

const { name, sentryHost, ...general } = GENERAL
const { authorizationEndpoint, tokenEndpoint, destinationResource, ...serverRest } = SERVER_AUTHENTICATION
const OAUTH_NEEDED = { authorizationEndpoint, tokenEndpoint, destinationResource }

const healthCheck = both('Background Health Check', {}, HEALTH_CHECK)
const deviceAuthentication = both('Device Authentication', {}, DEVICE_AUTHENTICATION)
const serverAuthentication = both('Server Authentication', OAUTH_NEEDED, serverRest)
const activeSync = both('ActiveSync Configuration', {}, { ...ACTIVE_SYNC, healthCheck: healthCheck.filled })
const activeSyncInput = both('ActiveSync Configuration', {}, { ...ACTIVE_SYNC, healthCheck: healthCheck.input })
const devices = both('Devices', {}, DEVICES)
const tls = both('TLS', {}, TLS)
const balancers = both('Load Balancers', {}, BALANCERS)
const limits = both('Limits', {}, LIMITS)

/** A Standalone Sentry as it is stored: every field there, every text in its normal form. */
export const StandaloneSentry = Type.Object(
  {
    ...GENERAL,
    deviceAuthentication: deviceAuthentication.filled,
    serverAuthentication: serverAuthentication.filled,
    activeSync: activeSync.filled,
    devices: devices.filled,
    tls: tls.filled,
    balancers: balancers.filled,
    limits: limits.filled,
  },
  { ...strict, title: 'Standalone Sentry' },
)
export type StandaloneSentry = Static<typeof StandaloneSentry>

/** The same as an administrator sends it: what is left out has its default. */
export const StandaloneSentryInput = Type.Object(
  {
    name,
    sentryHost,
    ...optional(general),
    serverAuthentication: serverAuthentication.input,
    deviceAuthentication: Type.Optional(deviceAuthentication.input),
    activeSync: Type.Optional(activeSyncInput.input),
    devices: Type.Optional(devices.input),
    tls: Type.Optional(tls.input),
    balancers: Type.Optional(balancers.input),
    limits: Type.Optional(limits.input),
  },
  { ...strict, title: 'Standalone Sentry' },
)
export type StandaloneSentryInput = Static<typeof StandaloneSentryInput>

/** Client id of iOS Mail's sign-in, and where it is sent back to. */
const IOS_MAIL = {
  name: 'iOS Mail',
  clientId: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
  redirectUris: [
    'com.apple.Preferences://oauth-redirect/',
    'com.apple.preferences.internetaccounts://oauth-redirect/',
    'com.apple.mobilemail://oauth-redirect',
  ],
}

const { healthCheck: usualHealthCheck, ...usualHealth } = SERVER_HEALTH_DEFAULTS

/**
 * What is taken for fields that are left out. The empty texts are those that must be filled in, or follow from others
 * (Sentry Resource, Redirect Hosts).
 */
export const STANDALONE_SENTRY_DEFAULTS: Omit<StandaloneSentry, 'activeSync'> & {
  readonly activeSync: Omit<StandaloneSentry['activeSync'], 'redirectHosts'>
} = {
  name: '',
  description: '',
  sentryHost: '',
  externalPort: 443,
  alternativeNames: [],
  enableActiveSync: true,
  deviceAuthentication: { method: 'passThrough', trustedRootIds: [], checkCrl: false, onOAuth: 'optional' },
  serverAuthentication: {
    method: 'passThrough',
    passThroughWithOAuth: true,
    authorizationEndpoint: '',
    tokenEndpoint: '',
    sentryResource: '',
    destinationResource: '',
    clients: [IOS_MAIL],
    tenantIds: [],
    opaqueTokens: 'refuse',
    identityProviderRootId: null,
  },
  activeSync: {
    servers: [],
    scheduling: 'priority',
    serverRootId: null,
    versions: null,
    autodiscover: false,
    ...usualHealth,
    healthCheck: usualHealthCheck,
  },
  devices: { unknownDevices: 'block', servedHours: 24, newDevicesWithoutCore: 'block' },
  tls: { certificateId: null, reserveCertificateId: null, minVersion: 'TLSv1.2' },
  balancers: { proxyProtocolFrom: [], clientCertificateFrom: [] },
  limits: LIMIT_DEFAULTS,
}
