/**
 * Schema of an Exchange configuration: the native mail account of a device, field by field as the form shows it.
 * @module
 */
import Type, { type Static } from 'typebox'
import { flag, lineOfText, nullable, strict } from './field.ts'

const CertificateName = Type.String({ minLength: 1, maxLength: 255 })
const VARIABLES = 'May use variables such as $USERID$.'

function service(what: string) {
  return Type.Object(
    {
      enabled: flag(`Enable ${what}`, `Whether the account starts with ${what} on (iOS 13 and later).`),
      userMayChange: flag(
        'Allow User Override',
        `Whether the person may switch ${what} on and off (iOS 13 and later).`,
      ),
    },
    strict,
  )
}

const Services = Type.Object(
  {
    mail: service('mail'),
    contacts: service('contacts'),
    calendars: service('calendars'),
    reminders: service('reminders'),
    notes: service('notes'),
  },
  { ...strict, title: 'Items to Synchronize', description: 'What the account brings to the device; at least one.' },
)

const USER_CHOICE = {
  userMayChange: flag('Allow User Override', 'Whether the person may switch it on and off (iOS 12 and later).'),
  userMayChooseCertificate: flag('Allow User to Choose Identity', 'Whether the person may choose another certificate.'),
}

const Smime = Type.Object(
  {
    signing: Type.Object(
      {
        enabled: flag('S/MIME Signing', 'Sign every message.'),
        certificate: nullable(CertificateName, {
          title: 'Signing Certificate',
          description: 'Name of the certificate enrollment setting that gives the signing identity.',
        }),
        ...USER_CHOICE,
      },
      strict,
    ),
    encryption: Type.Object(
      {
        byDefault: flag('S/MIME Encryption', 'Encrypt every message by default.'),
        certificate: nullable(CertificateName, {
          title: 'Encryption Certificate',
          description: 'Name of the certificate enrollment setting that gives the encryption identity.',
        }),
        ...USER_CHOICE,
        perMessageSwitch: flag('Per-Message Switch', 'Show a switch for each message (iOS 12 and later).'),
      },
      strict,
    ),
  },
  strict,
)

const Name = lineOfText(1, 100, {
  title: 'Name',
  description: 'Name of the configuration; the device shows it as the name of the account.',
})

/** Fields that may be left out, each with what it is then in {@link EXCHANGE_DEFAULTS}. */
const DEFAULTED = Type.Object({
  description: lineOfText(0, 1_000, {
    title: 'Description',
    description: 'What the configuration is for; devices show it with the profile.',
  }),
  sentryProfileId: nullable(Type.String({ minLength: 1, maxLength: 128 }), {
    title: 'Standalone Sentry',
    description: 'The Sentry that the server address and both OAuth URLs come from; needed for OAuth.',
  }),
  serverAddress: nullable(Type.String({ minLength: 1, maxLength: 260 }), {
    title: 'Server Address',
    description: 'Name under which devices reach the mail server; left empty, that of the chosen Sentry.',
  }),
  useSsl: Type.Literal(true, {
    title: 'Use SSL',
    description: 'Always on: Sentry serves nothing without TLS.',
  }),
  domain: lineOfText(0, 255, {
    title: 'Domain',
    description: `Domain before the user name, for servers that want one; empty for Office 365. ${VARIABLES}`,
  }),
  userName: lineOfText(1, 320, {
    title: 'ActiveSync User Name',
    description: `Name with which the account signs in. ${VARIABLES}`,
  }),
  emailAddress: lineOfText(1, 320, {
    title: 'Email Address',
    description: `Address from which the account sends. ${VARIABLES}`,
  }),
  useOAuth: flag(
    'Use OAuth for Authentication',
    'The person signs in through the Sentry, and no password is on the device; iOS 13 and later.',
  ),
  oauthSignInUrl: nullable(Type.String({ minLength: 1, maxLength: 2_048 }), {
    title: 'OAuth Sign In URL',
    description: 'Where the sign-in page is opened; left empty, it is filled from the chosen Sentry.',
  }),
  oauthTokenRequestUrl: nullable(Type.String({ minLength: 1, maxLength: 2_048 }), {
    title: 'OAuth Token Request URL',
    description: 'Where tokens are asked for and renewed; left empty, it is filled from the chosen Sentry.',
  }),
  identityCertificate: nullable(CertificateName, {
    title: 'Identity Certificate',
    description: 'Name of the certificate enrollment setting whose identity the account shows to Sentry.',
  }),
  pastDaysOfMailToSync: Type.Enum([0, 1, 3, 7, 14, 31], {
    title: 'Past Days of Mail to Sync',
    description: 'How many days of mail the device keeps; 0 is all of it.',
  }),
  allowMove: flag('Allow Move', 'Whether messages may be moved to, or answered from, another account.'),
  useOnlyInMail: flag('Use Only in Mail', 'Whether only the Mail app may send from the account.'),
  syncRecentAddresses: flag(
    'Sync Recent Email Addresses',
    'Whether addresses lately used are shared between the devices of the person.',
  ),
  services: Services,
  smime: nullable(Smime, {
    title: 'Enable S/MIME',
    description: 'Signing and encryption of messages; empty when the account does neither.',
  }),
  perAppVpnUuid: nullable(Type.String({ pattern: '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' }), {
    title: 'Per-App VPN',
    description: 'VPNUUID of a per-app VPN on the device; iOS 14 and later.',
  }),
  allowMailDrop: flag('Allow Mail Drop', 'Whether large attachments may go by way of iCloud.'),
})

/** An Exchange configuration as stored and replied: every field is there. */
export const ExchangeConfiguration = Type.Object({ name: Name, ...DEFAULTED.properties }, strict)
/** Static form of the schema of the same name. */
export type ExchangeConfiguration = Static<typeof ExchangeConfiguration>

/** An Exchange configuration as written: only the name must be there. */
export const ExchangeConfigurationInput = Type.Object({ name: Name, ...Type.Partial(DEFAULTED).properties }, strict)
/** Static form of the schema of the same name. */
export type ExchangeConfigurationInput = Static<typeof ExchangeConfigurationInput>

const ON = { enabled: true, userMayChange: true } as const

/** What a field is that was left out: the documented defaults of the form and of iOS. */
export const EXCHANGE_DEFAULTS = {
  description: '',
  sentryProfileId: null,
  serverAddress: null,
  useSsl: true,
  domain: '',
  userName: '$USERID$',
  emailAddress: '$EMAIL$',
  useOAuth: false,
  oauthSignInUrl: null,
  oauthTokenRequestUrl: null,
  identityCertificate: null,
  pastDaysOfMailToSync: 7,
  allowMove: true,
  useOnlyInMail: false,
  syncRecentAddresses: true,
  services: { mail: ON, contacts: ON, calendars: ON, reminders: ON, notes: ON },
  smime: null,
  perAppVpnUuid: null,
  allowMailDrop: false,
} as const satisfies Omit<ExchangeConfiguration, 'name'>
