/**
 * Shapes of the endpoints: configurations.
 * @module
 */
import Type, { type Static } from 'typebox'
import { EmailPlusConfiguration } from '../configurations/email-plus-configuration.ts'
import { ExchangeConfiguration } from '../configurations/exchange-configuration.ts'
import { Id, Instant, orNull, strict } from './common.ts'

/** Devices that a preview of a label looks at, at most. */
export const PREVIEW_DEVICES = 100_000
/** Devices of each outcome that a preview of a label names, at most. */
export const PREVIEW_EXAMPLES = 20

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Number of a version. */
export const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })

/** Which kind of configuration. */
export const ConfigurationKind = Type.Enum(['exchange', 'emailPlus'], {
  title: 'Kind',
  description: 'exchange: the native mail account of a device; emailPlus: settings of the Email+ app',
})
export type ConfigurationKind = Static<typeof ConfigurationKind>

const Finding = Type.Object({ path: Type.String(), message: Type.String() }, strict)
const Problems = Type.Array(Finding, {
  title: 'Problems',
  description: 'While there are any, devices are not sent this configuration; each names field, rule and remedy',
})
const Warnings = Type.Array(Finding, {
  title: 'Warnings',
  description: 'What an administrator should know and may do all the same',
})

const AppliedLabel = Type.Object({ id: Id, name: Type.String() }, strict)
const AppliedLabels = Type.Array(AppliedLabel, { title: 'Labels', description: 'Devices with any of them get it' })

const common = {
  id: Id,
  version: Type.Integer({ description: 'Every save makes a new one' }),
  createdAt: Instant,
  updatedAt: Instant,
  name: Type.String(),
  labels: AppliedLabels,
}

/** Row of the list. */
export const ConfigurationSummary = Type.Object(
  { ...common, kind: ConfigurationKind, description: Type.String(), sentryProfileId: orNull(Id) },
  strict,
)
export type ConfigurationSummary = Static<typeof ConfigurationSummary>

const Addresses = Type.Object(
  {
    serverAddress: Type.String({ title: 'Server Address' }),
    oauth: orNull(
      Type.Object(
        {
          signInUrl: Type.String({ title: 'OAuth Sign In URL' }),
          tokenRequestUrl: Type.String({ title: 'OAuth Token Request URL' }),
        },
        strict,
      ),
    ),
  },
  {
    ...strict,
    title: 'Addresses',
    description: 'What devices are sent: fields that were left empty are filled from the chosen Sentry',
  },
)

const findings = {
  problems: Problems,
  warnings: Warnings,
  affectedDevices: Type.Integer({
    minimum: 0,
    title: 'Affected devices',
    description: 'Devices in use with one of the labels, on a platform that takes this kind',
  }),
}

const ExchangeView = Type.Object(
  {
    ...common,
    kind: Type.Literal('exchange'),
    settings: ExchangeConfiguration,
    addresses: orNull(Addresses),
    ...findings,
  },
  strict,
)
const EmailPlusView = Type.Object(
  { ...common, kind: Type.Literal('emailPlus'), settings: EmailPlusConfiguration, ...findings },
  strict,
)

/** A configuration with what is wrong or odd about it beside its Sentry as that is now. */
export const Configuration = Type.Union([ExchangeView, EmailPlusView])
export type Configuration = Static<typeof Configuration>

/** Row of the list of versions. */
export const ConfigurationVersionSummary = Type.Object(
  {
    version: Version,
    at: Instant,
    author: Type.String({ title: 'Author', description: 'Who saved it' }),
    restoredFrom: orNull(Version),
  },
  strict,
)
export type ConfigurationVersionSummary = Static<typeof ConfigurationVersionSummary>

/** A version as it was saved. It never changes. */
export const ConfigurationVersion = Type.Object(
  {
    ...ConfigurationVersionSummary.properties,
    kind: ConfigurationKind,
    settings: Type.Union([ExchangeConfiguration, EmailPlusConfiguration]),
  },
  strict,
)
export type ConfigurationVersion = Static<typeof ConfigurationVersion>

/** What two versions differ in. Pairs of Email+ are compared by key: `pairs.email_address`. */
export const ConfigurationComparison = Type.Object(
  {
    from: Version,
    to: Version,
    differences: Type.Array(
      Type.Object(
        {
          path: Type.String(),
          before: Type.Unknown({ description: 'Null: not there' }),
          after: Type.Unknown({ description: 'Null: not there' }),
        },
        strict,
      ),
    ),
  },
  strict,
)
export type ConfigurationComparison = Static<typeof ConfigurationComparison>

/** What a draft would come to. */
export const ConfigurationCheck = Type.Object(
  {
    ...findings,
    resyncKeys: Type.Array(Type.String(), {
      title: 'Forces a new synchronisation',
      description: 'Keys whose change makes Email+ drop its mail and fetch it again, on every affected device',
    }),
  },
  strict,
)
export type ConfigurationCheck = Static<typeof ConfigurationCheck>

const CertificateReference = Type.Object(
  { certificateRef: Type.String({ description: 'Certificate enrollment setting; its value is put in when sent' }) },
  strict,
)
const SentValue = Type.Union([Type.String(), Type.Boolean(), Type.Integer(), CertificateReference])

/** What a device will be sent, to the last character, or why nothing is. */
export const RenderedConfiguration = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('profile'),
      plist: Type.String({ title: 'Profile', description: 'The configuration profile that iOS installs' }),
      missingIdentities: Type.Array(Type.String(), {
        title: 'Missing identities',
        description: 'Certificate enrollment settings whose certificate is put in when it is sent',
      }),
      warnings: Warnings,
    },
    strict,
  ),
  Type.Object(
    {
      kind: Type.Literal('settings'),
      managedAppConfiguration: Type.Record(Type.String(), SentValue, {
        title: 'iOS',
        description: 'Managed app configuration, in the order of the pairs',
      }),
      android: Type.Object(
        {
          packageName: Type.String(),
          restrictions: Type.Array(
            Type.Object(
              { key: Type.String(), type: Type.Enum(['string', 'bool', 'integer']), value: SentValue },
              strict,
            ),
          ),
        },
        { ...strict, title: 'Android' },
      ),
      certificates: Type.Array(Type.String()),
      warnings: Warnings,
    },
    strict,
  ),
  Type.Object({ kind: Type.Literal('not-sendable'), reason: Type.String(), remedy: Type.String() }, strict),
  Type.Object(
    {
      kind: Type.Literal('unresolved'),
      variables: Type.Array(Type.String(), {
        title: 'Unresolved variables',
        description: 'The user or the device has no value for them; nothing is sent before all have one',
      }),
    },
    strict,
  ),
])
export type RenderedConfiguration = Static<typeof RenderedConfiguration>

/** A preview for one user. */
export const ConfigurationPreview = Type.Object(
  {
    user: Type.Object({ id: Id, userName: Type.String() }, strict),
    device: orNull(Type.Object({ id: Id, name: Type.String() }, strict)),
    standsIn: Type.Boolean({
      description: 'No device was named: shown as for an iPhone with a current system of which nothing else is known',
    }),
    rendered: RenderedConfiguration,
  },
  strict,
)
export type ConfigurationPreview = Static<typeof ConfigurationPreview>

const Example = Type.Object(
  {
    deviceId: Id,
    deviceName: Type.String(),
    userId: Id,
    userName: Type.String(),
    detail: Type.String({ description: 'Reason and remedy, or the variables without a value' }),
  },
  strict,
)
const Outcome = Type.Object({ count: Count, first: Type.Array(Example, { maxItems: PREVIEW_EXAMPLES }) }, strict)

/** What the devices of a label would get. */
export const LabelPreview = Type.Object(
  {
    label: AppliedLabel,
    devices: Count,
    truncated: Type.Boolean({
      description: `The label has more than ${PREVIEW_DEVICES} devices; the rest was not looked at`,
    }),
    sendable: Outcome,
    notSendable: Outcome,
    unresolved: Outcome,
  },
  strict,
)
export type LabelPreview = Static<typeof LabelPreview>
