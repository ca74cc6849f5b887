/**
 * Endpoints: devices, their certificates, and what is done with them.
 * @module
 */
import Type, { type Static } from 'typebox'
import { Fingerprint } from '../policy-snapshot.ts'
import { ById, Id, Instant, Name, Note, orNull, pageOf, pageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'
import { NoteBody, UserName } from './users.ts'

const Platform = Type.Enum(['iOS', 'Android', 'other'], { title: 'Platform' })
const Ownership = Type.Enum(['company', 'employee'], { title: 'Whose it is' })
const State = Type.Enum(['enrolling', 'active', 'checkedOut', 'retired', 'wiped'], { title: 'State of management' })
const Decision = Type.Enum(['allow', 'block', 'wipe'], { title: 'Mail' })

/** At most, of a device. */
export const DEVICE_LIMITS = { easDeviceIds: 64, facts: 64, identities: 64, overrides: 64 } as const

function text(title: string, maxLength: number, description?: string) {
  const pattern = '^(?! )[^\\u0000-\\u001f\\u007f]*(?<! )$'
  return Type.String({ title, maxLength, pattern, ...(description === undefined ? {} : { description }) })
}

const factsSchema = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' }),
  Type.Union([text('Text', 500), Type.Number(), Type.Boolean()]),
  {
    title: 'Facts',
    description: 'Facts under free names; filters ask for them as custom.<name>.',
    maxProperties: DEVICE_LIMITS.facts,
    additionalProperties: false,
  },
)

const deviceFields = {
  name: Name,
  platform: Platform,
  model: Type.Optional(text('Model', 200)),
  osVersion: Type.Optional(
    Type.String({
      title: 'OS version',
      description: 'Such as 17.5.1.',
      maxLength: 64,
      pattern: '^$|^[0-9][0-9A-Za-z.() _-]*$',
    }),
  ),
  serial: Type.Optional(text('Serial number', 64)),
  udid: Type.Optional(text('UDID', 64, 'Identifier that the device itself reports ($DEVICE_UUID$).')),
  uuid: Type.Optional(text('UUID', 64, 'Identifier given by whoever manages the device.')),
  ownership: Ownership,
  easDeviceIds: Type.Optional(
    Type.Array(Type.String({ pattern: '^[A-Za-z0-9]{1,64}$' }), {
      title: 'ActiveSync device ids',
      description: 'Compare without regard to case. Empty: its certificate may speak for any id.',
      maxItems: DEVICE_LIMITS.easDeviceIds,
    }),
  ),
  requiresIdentity: Type.Optional(
    Type.Boolean({
      title: 'Needs a certificate',
      description:
        'Default true: without a valid certificate it is blocked. False only where Sentries ask for none: whoever knows the ActiveSync device id can then pass for the device.',
    }),
  ),
  lastCheckIn: Type.Optional(orNull(Instant)),
  facts: Type.Optional(factsSchema),
}

/** A new device. */
export const NewDevice = Type.Object(
  {
    userName: UserName,
    ...deviceFields,
    state: Type.Optional(
      Type.Enum(['enrolling', 'active'], { title: 'State of management', description: 'Default active.' }),
    ),
  },
  strict,
)
export type NewDevice = Static<typeof NewDevice>

/** A device as edited; the state comes back from retired or wiped for nobody. */
export const DeviceEdit = Type.Object(
  {
    userName: UserName,
    ...deviceFields,
    state: Type.Optional(
      Type.Enum(['enrolling', 'active', 'checkedOut'], {
        title: 'State of management',
        description: 'Absent: as it is.',
      }),
    ),
  },
  strict,
)
export type DeviceEdit = Static<typeof DeviceEdit>

/** A device with its posture. `reasons`: codes; `GET /api/v1/devices/:id/why` says more. */
export const Device = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    createdAt: Instant,
    updatedAt: Instant,
    userId: Id,
    userDisplayName: Type.String(),
    ...Type.Required(Type.Object({ userName: UserName, ...deviceFields })).properties,
    state: State,
    stateSince: Instant,
    decision: Decision,
    reasons: Type.Array(Type.String(), { title: 'Reasons' }),
  },
  strict,
)
export type Device = Static<typeof Device>

/** A certificate of a device. */
export const Identity = Type.Object(
  {
    id: Id,
    fingerprint: Fingerprint,
    subject: Type.String(),
    issuer: Type.String(),
    serial: Type.String({ title: 'Serial number', description: 'Hex.' }),
    notBefore: Instant,
    notAfter: Instant,
    createdAt: Instant,
    revoked: orNull(Type.Object({ at: Instant, by: Type.String(), note: Type.String() }, strict)),
  },
  strict,
)
export type Identity = Static<typeof Identity>

/** A device with its certificates and labels. */
export const DeviceDetail = Type.Object(
  {
    ...Device.properties,
    identities: Type.Array(Identity),
    labels: Type.Array(Type.Object({ id: Id, name: Type.String() }, strict)),
  },
  strict,
)
export type DeviceDetail = Static<typeof DeviceDetail>

/** A certificate to register: as PEM, or by its fingerprint when it is not at hand. */
export const IdentityInput = Type.Union([
  Type.Object({ pem: Type.String({ title: 'Certificate (PEM)', minLength: 1, maxLength: 65_536 }) }, strict),
  Type.Object({ fingerprint: Fingerprint, notBefore: Instant, notAfter: Instant }, strict),
])
export type IdentityInput = Static<typeof IdentityInput>

/** Why, and for how long. */
const DecisionBody = Type.Object(
  {
    note: Note,
    expiresAt: Type.Optional(orNull(Instant)),
  },
  strict,
)

/** The decision with everything that speaks for or against it. */
export const DeviceWhy = Type.Object(
  {
    decision: Decision,
    decidedAt: Instant,
    nextChange: orNull(Instant),
    reasons: Type.Array(
      Type.Object(
        {
          code: Type.String(),
          title: Type.String(),
          effect: Type.Enum(['wipe', 'block', 'hold', 'permit', 'note'], {
            description: 'What it does; `hold` blocks unless somebody allowed the device by hand.',
          }),
          overridden: Type.Boolean({ description: 'An allowance by hand outweighs it.' }),
          source: Type.String({ description: 'Who or what says so.' }),
          since: Instant,
          expires: orNull(Instant),
          detail: Type.String({ description: 'The note, the certificate or the state.' }),
          remedy: Type.String({ description: 'What would change it.' }),
        },
        strict,
      ),
    ),
  },
  strict,
)
export type DeviceWhy = Static<typeof DeviceWhy>

/** Query of the list of devices. A leading `-` sorts from the end. */
export const DeviceQuery = Type.Object(
  {
    ...pageQuery,
    search: Type.Optional(
      Type.String({
        maxLength: 200,
        description:
          'Words that name, user, serial number, model or ActiveSync id contain, all of them; of one or two characters where a word begins.',
      }),
    ),
    platform: Type.Optional(Platform),
    state: Type.Optional(State),
    decision: Type.Optional(Decision),
    label: Type.Optional(Id),
    user: Type.Optional(Id),
    sort: Type.Optional(
      Type.Enum(['name', '-name', 'user', '-user', 'lastCheckIn', '-lastCheckIn', 'osVersion', '-osVersion'], {
        description: 'Default name.',
      }),
    ),
  },
  strict,
)
export type DeviceQuery = Static<typeof DeviceQuery>

const columns = ['name', 'userName', 'platform', 'osVersion', 'state', 'decision', 'reasons', 'lastCheckIn']
const one = { params: ById, failures: ['NOT_FOUND', 'CONFLICT'] } as const
const IdentityPath = Type.Object({ id: Id, identityId: Id }, strict)

/** See the module's comment. */
export const devicesEndpoints = {
  listDevices: {
    method: 'GET',
    path: '/api/v1/devices',
    summary: 'List devices',
    access: 'device:view',
    query: DeviceQuery,
    reply: pageOf(Device),
    cli: { noun: 'device', verb: 'list', columns },
    failures: [],
  },
  readDevice: {
    method: 'GET',
    path: '/api/v1/devices/:id',
    summary: 'Show a device with its certificates and labels',
    access: 'device:view',
    params: ById,
    reply: DeviceDetail,
    cli: { noun: 'device', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  whyDevice: {
    method: 'GET',
    path: '/api/v1/devices/:id/why',
    summary: 'Say why a device has mail or has none',
    access: 'device:view',
    params: ById,
    reply: DeviceWhy,
    cli: { noun: 'device', verb: 'why', columns: ['code', 'title', 'source', 'since', 'expires', 'remedy'] },
    failures: ['NOT_FOUND'],
  },
  createDevice: {
    method: 'POST',
    path: '/api/v1/devices',
    summary: 'Add a device',
    access: 'device:manage',
    body: NewDevice,
    reply: DeviceDetail,
    idempotent: true,
    cli: { noun: 'device', verb: 'add' },
    failures: ['CONFLICT'],
  },
  updateDevice: {
    method: 'PUT',
    path: '/api/v1/devices/:id',
    summary: 'Change a device',
    access: 'device:manage',
    params: ById,
    body: DeviceEdit,
    reply: DeviceDetail,
    ifMatch: 'required',
    cli: { noun: 'device', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT'],
  },
  removeDevice: {
    method: 'DELETE',
    path: '/api/v1/devices/:id',
    summary: 'Remove a device that is retired or wiped',
    access: 'device:manage',
    params: ById,
    reply: null,
    cli: { noun: 'device', verb: 'remove' },
    failures: ['NOT_FOUND', 'IN_USE', 'CONFLICT'],
  },
  blockDevice: {
    method: 'POST',
    path: '/api/v1/devices/:id/block',
    summary: 'Block a device',
    access: 'device:block',
    ...one,
    body: DecisionBody,
    reply: Device,
    cli: { noun: 'device', verb: 'block' },
  },
  allowDevice: {
    method: 'POST',
    path: '/api/v1/devices/:id/allow',
    summary: 'Allow a device by hand although it is not managed or has no valid certificate',
    access: 'device:block',
    ...one,
    body: DecisionBody,
    reply: Device,
    cli: { noun: 'device', verb: 'allow' },
  },
  unblockDevice: {
    method: 'POST',
    path: '/api/v1/devices/:id/unblock',
    summary: 'Take back the block or the allowance by hand of a device',
    access: 'device:block',
    ...one,
    body: NoteBody,
    reply: Device,
    cli: { noun: 'device', verb: 'unblock' },
  },
  retireDevice: {
    method: 'POST',
    path: '/api/v1/devices/:id/retire',
    summary: 'Retire a device for ever: its certificates are revoked',
    access: 'device:retire',
    ...one,
    body: NoteBody,
    reply: Device,
    cli: { noun: 'device', verb: 'retire' },
  },
  wipeDevice: {
    method: 'POST',
    path: '/api/v1/devices/:id/wipe',
    summary: 'Remove the mail account from a device when it connects next',
    access: 'device:wipe',
    ...one,
    body: NoteBody,
    reply: Device,
    cli: { noun: 'device', verb: 'wipe' },
  },
  registerIdentity: {
    method: 'POST',
    path: '/api/v1/devices/:id/identities',
    summary: 'Register a certificate of a device',
    access: 'device:manage',
    ...one,
    body: IdentityInput,
    reply: Identity,
    idempotent: true,
    cli: { noun: 'identity', verb: 'add' },
  },
  revokeIdentity: {
    method: 'POST',
    path: '/api/v1/devices/:id/identities/:identityId/revoke',
    summary: 'Revoke a certificate of a device for ever',
    access: 'device:block',
    params: IdentityPath,
    body: NoteBody,
    reply: Identity,
    cli: { noun: 'identity', verb: 'revoke' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
} as const satisfies EndpointTable
