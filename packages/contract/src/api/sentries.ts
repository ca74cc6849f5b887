/**
 * Endpoints: registered Sentries. What a Sentry does is said by its profile; here is which machines there are, who they
 * are (keys, not names), and how each of them is.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ById, Id, Instant, Note, orNull, pageOf, PageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Fingerprint = Type.String({
  pattern: '^sha256:[0-9a-f]{64}$',
  title: 'Fingerprint',
  description: 'SHA-256 over the public key; `postern-sentry enroll` printed the same on the machine',
})

/** Names a machine for people. 64 characters, since it also stands in the certificate. Identity is the key, never this. */
const SentryName = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^(?!\\s)[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*(?<!\\s)$',
  title: 'Name',
})

/** A document by name, and the profile's version that it was made of; null when Core does not know that one any more. */
const DocumentName = Type.Object({ etag: Type.String(), version: orNull(Count) }, strict)

const Registration = Type.Object(
  {
    state: Type.Enum(['waiting', 'registered', 'revoked'], {
      description: 'waiting: added, but no machine has used its token yet',
    }),
    fingerprint: orNull(Fingerprint),
    registeredAt: orNull(Instant),
    revokedAt: orNull(Instant),
    certificateEndsAt: orNull(Instant),
    certificateDaysLeft: orNull(
      Type.Integer({ title: 'Days left', description: 'Whole days; the Sentry renews it by itself from 30 days on' }),
    ),
    tokenExpiresAt: orNull(Instant),
  },
  strict,
)

const Connection = Type.Object(
  {
    connected: Type.Boolean({ description: 'A stream to one of the Cores is open' }),
    since: orNull(Instant),
    lastSeenAt: orNull(Instant),
    softwareVersion: orNull(Type.String()),
    feedSchema: orNull(Type.Integer({ title: 'Feed schema' })),
    tooOld: orNull(Type.String({ title: 'Too old', description: 'Why Core cannot serve it, and what to do' })),
  },
  strict,
)

const ConfigurationState = Type.Object(
  {
    state: Type.Enum(['none', 'waiting', 'applied', 'refused', 'problem'], {
      description: 'none: no profile is assigned. problem: Core itself cannot make the document',
    }),
    wanted: orNull(DocumentName),
    applied: orNull(DocumentName),
    problem: orNull(Type.String()),
    refused: orNull(
      Type.Object(
        {
          document: DocumentName,
          problems: Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, strict)),
        },
        strict,
      ),
    ),
    notServed: Type.Array(Type.String(), {
      title: 'Not served',
      description: 'Settings that this release of Sentry cannot follow; update it',
    }),
  },
  strict,
)

const Health = Type.Object(
  {
    reportedAt: Instant,
    startedAt: Instant,
    notReady: Type.Array(Type.String(), { title: 'Not ready', description: 'Empty: it should get traffic' }),
    connections: Count,
    held: Type.Integer({ minimum: 0, title: 'Held', description: 'Requests that wait for mail (Ping and Sync)' }),
    requests: Count,
    allowed: Count,
    refused: Count,
    servers: Type.Array(
      Type.Object({ server: Type.String(), live: Type.Boolean(), reason: orNull(Type.String()) }, strict),
    ),
  },
  strict,
)

/** A Sentry. `posture.behind`: how many numbers of the feed it lacks; null: it has told none of this database. */
export const Sentry = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    createdAt: Instant,
    updatedAt: Instant,
    name: SentryName,
    profileId: orNull(Id),
    local: Type.Boolean({ description: 'Runs beside Core, started by the same command' }),
    registration: Registration,
    connection: Connection,
    configuration: ConfigurationState,
    posture: Type.Object({ seq: orNull(Count), behind: orNull(Count) }, strict),
    health: orNull(Health),
  },
  strict,
)
export type Sentry = Static<typeof Sentry>

/** What registers one machine, once. Shown this one time. */
export const EnrolmentInvitation = Type.Object(
  {
    token: Type.String({ title: 'Token' }),
    expiresAt: Instant,
    core: Type.String({ title: 'Core', description: 'What the Sentry dials' }),
    command: Type.String({ title: 'Command', description: 'To be run on the machine of the Sentry' }),
  },
  strict,
)
export type EnrolmentInvitation = Static<typeof EnrolmentInvitation>

const Invited = Type.Object({ sentry: Sentry, invitation: EnrolmentInvitation }, strict)
const manage = 'sentry:manage' as const
const view = 'sentry:view' as const

/** See the module's comment. */
export const sentriesEndpoints = {
  listSentries: {
    method: 'GET',
    path: '/api/v1/sentries',
    summary: 'List Sentries and how they are',
    access: view,
    query: PageQuery,
    reply: pageOf(Sentry),
    cli: {
      noun: 'sentry',
      verb: 'list',
      columns: ['name', 'registration.state', 'connection.connected', 'configuration.state', 'posture.behind', 'id'],
    },
    failures: [],
  },
  readSentry: {
    method: 'GET',
    path: '/api/v1/sentries/:id',
    summary: 'Show one Sentry',
    access: view,
    params: ById,
    reply: Sentry,
    cli: { noun: 'sentry', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  createSentry: {
    method: 'POST',
    path: '/api/v1/sentries',
    summary: 'Add a Sentry and get the token that registers its machine',
    access: manage,
    body: Type.Object({ name: SentryName, profileId: orNull(Id) }, strict),
    reply: Invited,
    status: 201,
    cli: { noun: 'sentry', verb: 'add' },
    failures: ['CONFLICT'],
  },
  updateSentry: {
    method: 'PATCH',
    path: '/api/v1/sentries/:id',
    summary: 'Rename a Sentry or assign its profile',
    access: manage,
    params: ById,
    body: Type.Object({ name: Type.Optional(SentryName), profileId: Type.Optional(orNull(Id)) }, strict),
    reply: Sentry,
    ifMatch: 'required',
    cli: { noun: 'sentry', verb: 'set' },
    failures: ['NOT_FOUND', 'CONFLICT', 'CHANGED', 'PRECONDITION_REQUIRED'],
  },
  newSentryToken: {
    method: 'POST',
    path: '/api/v1/sentries/:id/token',
    summary: 'Get a new token: the present key works until the token is used',
    access: manage,
    params: ById,
    reply: Invited,
    status: 201,
    cli: { noun: 'sentry', verb: 'token' },
    failures: ['NOT_FOUND'],
  },
  revokeSentry: {
    method: 'POST',
    path: '/api/v1/sentries/:id/revoke',
    summary: 'Revoke a Sentry: Core ends its stream and refuses its key from now on',
    access: manage,
    params: ById,
    body: Type.Object({ note: Type.Optional(Note) }, strict),
    reply: Sentry,
    cli: { noun: 'sentry', verb: 'revoke' },
    failures: ['NOT_FOUND'],
  },
  removeSentry: {
    method: 'DELETE',
    path: '/api/v1/sentries/:id',
    summary: 'Remove a Sentry: its key is refused and what it reported is forgotten',
    access: manage,
    params: ById,
    reply: null,
    cli: { noun: 'sentry', verb: 'remove' },
    failures: ['NOT_FOUND'],
  },
} as const satisfies EndpointTable
