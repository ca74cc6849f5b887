/**
 * Schema of an Email+ configuration: key-value pairs, and what is known of the keys.
 * @module
 */
import Type, { type Static } from 'typebox'
import { flag, lineOfText, nullable, strict } from './field.ts'

/** Types of a pair. `certificateRef` names a certificate enrollment setting; its value is made when it is sent. */
const PAIR_TYPES = ['string', 'boolean', 'integer', 'certificateRef'] as const
/** Type of a pair. */
export type EmailPlusPairType = (typeof PAIR_TYPES)[number]

/** A key with its value; that `type` and `value` fit is a rule of the parser. Strings may use variables. */
export const EmailPlusPair = Type.Object(
  {
    key: Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,127}$',
      title: 'Key',
      description: 'Name of the setting as the documentation of the app spells it.',
    }),
    type: Type.Enum([...PAIR_TYPES], {
      title: 'Type',
      description: 'How the value reaches the app; certificateRef names a certificate enrollment setting.',
    }),
    value: Type.Union(
      [
        Type.String({ maxLength: 4_096, pattern: '^[^\\u0000\\ud800-\\udfff\\ufffe\\uffff]*$' }),
        Type.Boolean(),
        Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      ],
      { title: 'Value', description: 'Value of the type beside it; texts may use variables such as $EMAIL$.' },
    ),
  },
  strict,
)
/** Static form of the schema of the same name. */
export type EmailPlusPair = Static<typeof EmailPlusPair>

/** How pairs reach the app. Only the first is readable by whoever reads the phone's storage. */
const CHANNELS = ['managedAppConfiguration', 'declarativeAppConfiguration', 'clientCheckIn'] as const

const Name = lineOfText(1, 100, { title: 'Name', description: 'Name of the configuration in Core.' })
const Pairs = Type.Array(EmailPlusPair, {
  minItems: 1,
  maxItems: 200,
  title: 'Key-Value Pairs',
  description: 'What Email+ is told; any key of its documentation may be added.',
})

const DEFAULTED = Type.Object({
  description: lineOfText(0, 1_000, { title: 'Description', description: 'What the configuration is for.' }),
  sentryProfileId: nullable(Type.String({ minLength: 1, maxLength: 128 }), {
    title: 'Standalone Sentry',
    description: 'The Sentry that the hosts of the pairs are compared with; needed for modern_auth.',
  }),
  channel: Type.Enum([...CHANNELS], {
    title: 'Delivery',
    description: 'How pairs reach the app; managed app configuration lies unencrypted on the device.',
  }),
  allowInsecureDelivery: flag(
    'Allow Insecure Delivery',
    'Send certificates over a channel that lies unencrypted on the device; written to the audit log.',
  ),
})

/** An Email+ configuration as stored and replied: every field is there. */
export const EmailPlusConfiguration = Type.Object({ name: Name, ...DEFAULTED.properties, pairs: Pairs }, strict)
/** Static form of the schema of the same name. */
export type EmailPlusConfiguration = Static<typeof EmailPlusConfiguration>

/** An Email+ configuration as written: only the name and the pairs must be there. */
export const EmailPlusConfigurationInput = Type.Object(
  { name: Name, ...Type.Partial(DEFAULTED).properties, pairs: Pairs },
  strict,
)
/** Static form of the schema of the same name. */
export type EmailPlusConfigurationInput = Static<typeof EmailPlusConfigurationInput>

/** What a field is that was left out. */
export const EMAIL_PLUS_DEFAULTS = {
  description: '',
  sentryProfileId: null,
  channel: 'managedAppConfiguration',
  allowInsecureDelivery: false,
} as const satisfies Omit<EmailPlusConfiguration, 'name' | 'pairs'>

/** A documented key. `resync`: a change makes every app drop its mail and fetch it again. `list`: comma-separated. */
export interface EmailPlusKeyRow {
  readonly type: EmailPlusPairType
  readonly description: string
  readonly resync?: true
  readonly list?: true
}

/** Keys that Core knows; any other key may stand beside them. */
export const EMAIL_PLUS_KEYS = {
  eas_min_allowed_auth_mode: {
    type: 'string',
    description: 'Weakest way to sign in that the app accepts; modern_auth is OAuth and nothing else.',
  },
  modern_auth_authority_url: {
    type: 'string',
    description: 'Where the app signs in and gets tokens: https://, the Sentry, /proxyservice.',
  },
  modern_auth_resource_url: { type: 'string', description: 'What tokens are asked for: https:// and the Sentry.' },
  email_login_certificate: {
    type: 'certificateRef',
    description: 'Certificate enrollment setting whose identity the app shows to Sentry.',
    resync: true,
  },
  email_exchange_host: { type: 'string', description: 'Name of the Sentry.', resync: true },
  email_address: { type: 'string', description: 'Address of the account.', resync: true },
  email_device_id: {
    type: 'string',
    description: 'ActiveSync device id; $DEVICE_UUID_NO_DASHES$ always, or Sentry does not know the device.',
  },
  email_exchange_username: { type: 'string', description: 'Name with which the account signs in.', resync: true },
  email_password: { type: 'string', description: 'Left blank: no password is sent.' },
  email_trust_all_certificates: { type: 'boolean', description: 'Never true: the app must verify the Sentry.' },
  email_ssl_required: { type: 'boolean', description: 'Whether the app insists on TLS.' },
  enabled_features: {
    type: 'string',
    description: 'Features to switch on, with commas between them, such as delegated_shared_mailbox.',
    list: true,
  },
} as const satisfies Record<string, EmailPlusKeyRow>
