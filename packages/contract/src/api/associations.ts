/**
 * Endpoints: ActiveSync associations, one for each user on each mail client that a Sentry saw, and what administrators
 * decide about them by hand.
 * @module
 */
import Type, { type Static } from 'typebox'
import { Fingerprint } from '../policy-snapshot.ts'
import { ById, Id, Instant, orNull, pageOf, pageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** Why somebody decides: it stands in the audit log. 1 to 2,000 characters. */
const RequiredNote = Type.String({
  title: 'Note',
  description: 'Why; it is shown with the decision and stands in the audit log',
  minLength: 1,
  maxLength: 2_000,
  pattern: '^(?=[\\s\\S]*\\S)[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$',
})

/** How it stands: what comes of its next request, as far as Core can tell. */
export const AssociationStanding = Type.Enum(['allowed', 'blocked', 'wiped'], {
  title: 'Standing',
  description: 'What comes of the next request; wiped: the mail account was removed from the device',
})
export type AssociationStanding = Static<typeof AssociationStanding>

const SentryDecision = Type.Enum(['allow', 'refuse', 'report'], {
  title: 'Last decision',
  description: 'Of a Sentry, about the last request; report: let through, but it would be refused outside report mode',
})

const AssociationOverride = Type.Object(
  {
    kind: Type.Enum(['allow', 'block']),
    note: Type.String(),
    by: Type.String(),
    at: Instant,
    expiresAt: orNull(Instant),
  },
  {
    ...strict,
    title: 'Decision by hand',
    description: 'Wins over the automatic decision until it is taken back or expires',
  },
)

/** An association. Times are those of the Sentries. */
export const Association = Type.Object(
  {
    id: Id,
    user: orNull(Type.String({ title: 'User', description: 'As token, certificate or request named them' })),
    easDeviceId: Type.String({ title: 'ActiveSync device id' }),
    deviceType: orNull(Type.String()),
    userAgent: orNull(Type.String()),
    protocolVersion: orNull(Type.String()),
    certificate: orNull(Fingerprint),
    device: orNull(Type.Object({ id: Id, name: Type.String() }, strict)),
    linkedBy: orNull(
      Type.Enum(['certificate', 'easDeviceId', 'hand'], {
        title: 'Linked by',
        description: 'How its device was found; a link by hand stays whatever Sentries report',
      }),
    ),
    standing: AssociationStanding,
    decision: SentryDecision,
    reasons: Type.Array(Type.String()),
    override: orNull(AssociationOverride),
    wipe: orNull(Type.Object({ phase: Type.Enum(['directive-sent', 'acknowledged']), at: Instant }, strict)),
    firstSeen: Instant,
    lastSeen: Instant,
    requests: Count,
    sentry: orNull(Type.Object({ id: Id, name: Type.String() }, strict)),
  },
  strict,
)
export type Association = Static<typeof Association>

/** One reason for how an association stands. */
const AssociationReason = Type.Object(
  {
    code: Type.String(),
    title: Type.String(),
    source: Type.Enum(['posture', 'sentry', 'hand'], {
      description: 'posture: Core about the device; sentry: about the last request; hand: an administrator',
    }),
    overridden: Type.Boolean({ description: 'An allowance by hand outweighs it' }),
    detail: Type.String(),
    remedy: Type.String({ description: 'What would change it' }),
  },
  strict,
)

/** An association with everything that speaks for or against it. */
export const AssociationDetail = Type.Object({ ...Association.properties, why: Type.Array(AssociationReason) }, strict)
export type AssociationDetail = Static<typeof AssociationDetail>

/** How many there are of each of the five groups. */
export const AssociationGroups = Type.Object(
  {
    registeredAllowed: Count,
    registeredBlocked: Count,
    unregisteredAllowed: Count,
    unregisteredBlocked: Count,
    wiped: Count,
  },
  strict,
)
export type AssociationGroups = Static<typeof AssociationGroups>

/** What a list of associations is narrowed to; all of them together. */
export const AssociationQuery = Type.Object(
  {
    ...pageQuery,
    state: Type.Optional(
      Type.Enum(['linked', 'unlinked'], { description: 'linked: belongs to a device that Core knows' }),
    ),
    standing: Type.Optional(AssociationStanding),
    decision: Type.Optional(SentryDecision),
    user: Type.Optional(Type.String({ maxLength: 320, description: 'The whole name, without regard to case' })),
    device: Type.Optional(Id),
    search: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Part of user, ActiveSync id, type or user agent' }),
    ),
  },
  strict,
)
export type AssociationQuery = Static<typeof AssociationQuery>

const DecisionBody = Type.Object(
  {
    note: RequiredNote,
    expiresAt: Type.Optional(orNull(Instant)),
  },
  strict,
)
const NoteBody = Type.Object({ note: RequiredNote }, strict)
const decide = 'association:decide' as const
const view = 'association:view' as const
const columns = ['user', 'easDeviceId', 'deviceType', 'device.name', 'standing', 'reasons', 'lastSeen', 'id'] as const

/** See the module's comment. */
export const associationsEndpoints = {
  listAssociations: {
    method: 'GET',
    path: '/api/v1/associations',
    summary: 'List associations, the last seen first',
    access: view,
    query: AssociationQuery,
    reply: pageOf(Association),
    cli: { noun: 'association', verb: 'list', columns },
    failures: [],
  },
  countAssociations: {
    method: 'GET',
    path: '/api/v1/associations/groups',
    summary: 'Count associations: registered or not, allowed or blocked, wiped',
    access: view,
    reply: AssociationGroups,
    cli: { noun: 'association', verb: 'groups' },
    failures: [],
  },
  readAssociation: {
    method: 'GET',
    path: '/api/v1/associations/:id',
    summary: 'Show an association, and why it has mail or has none',
    access: view,
    params: ById,
    reply: AssociationDetail,
    cli: { noun: 'association', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  allowAssociation: {
    method: 'POST',
    path: '/api/v1/associations/:id/allow',
    summary: 'Allow an association by hand; a retired, wiped or revoked device stays blocked',
    access: decide,
    params: ById,
    body: DecisionBody,
    reply: AssociationDetail,
    cli: { noun: 'association', verb: 'allow' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  blockAssociation: {
    method: 'POST',
    path: '/api/v1/associations/:id/block',
    summary: 'Block an association by hand, and with it the device that it is linked to',
    access: decide,
    params: ById,
    body: DecisionBody,
    reply: AssociationDetail,
    cli: { noun: 'association', verb: 'block' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  revertAssociation: {
    method: 'POST',
    path: '/api/v1/associations/:id/revert',
    summary: 'Take the decision by hand back',
    access: decide,
    params: ById,
    body: NoteBody,
    reply: AssociationDetail,
    cli: { noun: 'association', verb: 'revert' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  linkAssociation: {
    method: 'POST',
    path: '/api/v1/associations/:id/link',
    summary: 'Link an association to a device: its ActiveSync id becomes one of the device',
    access: decide,
    params: ById,
    body: Type.Object({ deviceId: Id, note: RequiredNote }, strict),
    reply: AssociationDetail,
    cli: { noun: 'association', verb: 'link' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  unlinkAssociation: {
    method: 'POST',
    path: '/api/v1/associations/:id/unlink',
    summary: 'Unlink an association: its ActiveSync id is taken from the device',
    access: decide,
    params: ById,
    body: NoteBody,
    reply: AssociationDetail,
    cli: { noun: 'association', verb: 'unlink' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  removeAssociation: {
    method: 'POST',
    path: '/api/v1/associations/:id/remove',
    summary: 'Remove an association with the decision by hand; it comes back at the next request',
    access: decide,
    params: ById,
    body: NoteBody,
    reply: null,
    cli: { noun: 'association', verb: 'remove' },
    failures: ['NOT_FOUND'],
  },
} as const satisfies EndpointTable
