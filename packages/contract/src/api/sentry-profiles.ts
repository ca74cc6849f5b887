/**
 * Endpoints: Standalone Sentries (profiles that any number of gateways share), their versions and presets.
 * @module
 */
import Type, { type Static } from 'typebox'
import { SettingsDifference } from '../standalone-sentry-compare.ts'
import { SentryPreset } from '../standalone-sentry-presets.ts'
import { StandaloneSentry, StandaloneSentryInput } from '../standalone-sentry.ts'
import { ById, Id, Instant, Note, orNull, pageOf, PageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

/**
 * Settings as they are sent. Any object is taken here: the service judges it and tells every problem at once, by the
 * titles of the form.
 */
const SentSettings = Type.Union([
  StandaloneSentryInput,
  Type.Unsafe<StandaloneSentryInput>({
    type: 'object',
    description: 'A Standalone Sentry; problems are told by field.',
  }),
])

/** Something that holds but deserves a second look. */
export const ProfileWarning = Type.Object({ code: Type.String(), path: Type.String(), message: Type.String() }, strict)
export type ProfileWarning = Static<typeof ProfileWarning>

/** What Sentries of a profile show to phones. `issuedByCore`: phones must be given Core's root. */
const ShownCertificate = Type.Object(
  { id: Id, name: Type.String(), issuedByCore: Type.Boolean(), notAfter: Instant, daysLeft: Type.Integer() },
  strict,
)

const summary = {
  id: Id,
  version: Type.Integer(),
  name: Type.String(),
  sentryHost: Type.String(),
  createdAt: Instant,
  updatedAt: Instant,
  certificate: orNull(ShownCertificate),
}

/** A row of the list. */
const SentryProfileSummary = Type.Object(
  { ...summary, deviceAuthentication: Type.String(), servers: Type.Array(Type.String()) },
  strict,
)

/** What devices are told about a Standalone Sentry. `value` null: it comes from the Email+ configuration. */
const DeviceSettingsShown = Type.Object(
  {
    host: Type.String(),
    oauthSignInUrl: Type.String({ title: 'OAuth Sign In URL' }),
    oauthTokenRequestUrl: Type.String({ title: 'OAuth Token Request URL' }),
    emailPlus: Type.Array(Type.Object({ key: Type.String(), value: orNull(Type.String()) }, strict)),
  },
  strict,
)

/** A profile whole. */
export const SentryProfile = Type.Object(
  {
    ...summary,
    settings: StandaloneSentry,
    warnings: Type.Array(ProfileWarning),
    deviceSettings: DeviceSettingsShown,
  },
  strict,
)
export type SentryProfile = Static<typeof SentryProfile>

const versionSummary = {
  version: Type.Integer(),
  at: Instant,
  author: Type.String(),
  note: orNull(Type.String()),
  restoredFrom: orNull(Type.Integer()),
}

/** A version in a list. */
const SentryProfileVersionSummary = Type.Object(versionSummary, strict)

/** A version with its settings. */
const SentryProfileVersion = Type.Object({ ...versionSummary, settings: StandaloneSentry }, strict)

/** What a check says of settings that are not saved. `settings` and `deviceSettings` null when there are problems. */
export const SentryProfileCheck = Type.Object(
  {
    settings: orNull(StandaloneSentry),
    problems: Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, strict)),
    warnings: Type.Array(ProfileWarning),
    deviceSettings: orNull(DeviceSettingsShown),
    differences: Type.Array(SettingsDifference, { description: 'Against the profile named in the request' }),
  },
  strict,
)
export type SentryProfileCheck = Static<typeof SentryProfileCheck>

const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
const ByVersion = Type.Object({ id: Id, version: Version }, strict)
const SaveBody = Type.Object({ settings: SentSettings, note: Type.Optional(Note) }, strict)

/** See the module's comment. */
export const sentryProfilesEndpoints = {
  listSentryProfiles: {
    method: 'GET',
    path: '/api/v1/sentry-profiles',
    summary: 'List Standalone Sentries',
    access: 'sentry:view',
    query: PageQuery,
    reply: pageOf(SentryProfileSummary),
    cli: { noun: 'sentry-profile', verb: 'list', columns: ['id', 'name', 'sentryHost', 'version', 'updatedAt'] },
    failures: [],
  },
  createSentryProfile: {
    method: 'POST',
    path: '/api/v1/sentry-profiles',
    summary: 'Add a Standalone Sentry',
    access: 'sentry:manage',
    body: SaveBody,
    reply: SentryProfile,
    idempotent: true,
    cli: { noun: 'sentry-profile', verb: 'add' },
    failures: ['CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  },
  listSentryPresets: {
    method: 'GET',
    path: '/api/v1/sentry-profiles/presets',
    summary: 'List values of the OAuth fields for the public and national clouds',
    access: 'sentry:view',
    reply: Type.Object({ items: Type.Array(SentryPreset) }, strict),
    cli: { noun: 'sentry-profile', verb: 'presets', columns: ['id', 'title', 'destinationResource'] },
    failures: [],
  },
  checkSentryProfile: {
    method: 'POST',
    path: '/api/v1/sentry-profiles/check',
    summary: 'Check a Standalone Sentry without saving it',
    access: 'sentry:view',
    body: Type.Object({ settings: SentSettings, profileId: Type.Optional(Id) }, strict),
    reply: SentryProfileCheck,
    cli: { noun: 'sentry-profile', verb: 'check' },
    failures: ['NOT_FOUND'],
  },
  readSentryProfile: {
    method: 'GET',
    path: '/api/v1/sentry-profiles/:id',
    summary: 'Show a Standalone Sentry',
    access: 'sentry:view',
    params: ById,
    reply: SentryProfile,
    cli: { noun: 'sentry-profile', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  updateSentryProfile: {
    method: 'PUT',
    path: '/api/v1/sentry-profiles/:id',
    summary: 'Change a Standalone Sentry',
    access: 'sentry:manage',
    params: ById,
    body: SaveBody,
    reply: SentryProfile,
    ifMatch: 'required',
    cli: { noun: 'sentry-profile', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT', 'PRECONDITION_REQUIRED'],
  },
  removeSentryProfile: {
    method: 'DELETE',
    path: '/api/v1/sentry-profiles/:id',
    summary: 'Remove a Standalone Sentry with its versions',
    access: 'sentry:manage',
    params: ById,
    reply: null,
    ifMatch: 'required',
    cli: { noun: 'sentry-profile', verb: 'remove' },
    failures: ['NOT_FOUND', 'CHANGED', 'IN_USE', 'PRECONDITION_REQUIRED'],
  },
  listSentryProfileVersions: {
    method: 'GET',
    path: '/api/v1/sentry-profiles/:id/versions',
    summary: 'List the versions of a Standalone Sentry, newest first',
    access: 'sentry:view',
    params: ById,
    query: PageQuery,
    reply: pageOf(SentryProfileVersionSummary),
    cli: { noun: 'sentry-profile', verb: 'versions', columns: ['version', 'at', 'author', 'note'] },
    failures: ['NOT_FOUND'],
  },
  readSentryProfileVersion: {
    method: 'GET',
    path: '/api/v1/sentry-profiles/:id/versions/:version',
    summary: 'Show a version of a Standalone Sentry',
    access: 'sentry:view',
    params: ByVersion,
    reply: SentryProfileVersion,
    cli: { noun: 'sentry-profile', verb: 'version' },
    failures: ['NOT_FOUND'],
  },
  compareSentryProfileVersions: {
    method: 'GET',
    path: '/api/v1/sentry-profiles/:id/compare',
    summary: 'Compare two versions of a Standalone Sentry',
    access: 'sentry:view',
    params: ById,
    query: Type.Object({ from: Version, to: Version }, strict),
    reply: Type.Object({ from: Version, to: Version, differences: Type.Array(SettingsDifference) }, strict),
    cli: { noun: 'sentry-profile', verb: 'compare' },
    failures: ['NOT_FOUND'],
  },
  restoreSentryProfileVersion: {
    method: 'POST',
    path: '/api/v1/sentry-profiles/:id/versions/:version/restore',
    summary: 'Make an old version of a Standalone Sentry the current one',
    access: 'sentry:manage',
    params: ByVersion,
    body: Type.Object({ note: Type.Optional(Note) }, strict),
    reply: SentryProfile,
    ifMatch: 'required',
    cli: { noun: 'sentry-profile', verb: 'restore' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT', 'PRECONDITION_REQUIRED'],
  },
} as const satisfies EndpointTable
