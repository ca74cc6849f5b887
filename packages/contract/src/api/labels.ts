/**
 * Endpoints: labels of devices.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ById, Id, Instant, Name, orNull, PageQuery, pageOf, pageQuery, strict } from './common.ts'
import { Device } from './devices.ts'
import type { EndpointTable } from './endpoint.ts'

/** The text of a filter; its language is described in the API document of the endpoint that previews one. */
const FilterText = Type.String({
  title: 'Filter',
  description: 'Such as "common.platform" = "iOS" AND "common.os_version" >= "17.2".',
  minLength: 1,
  maxLength: 4_096,
})

/** A label as people write it. `filter` null: its members are chosen one by one. */
export const LabelInput = Type.Object(
  {
    name: Name,
    description: Type.Optional(
      Type.String({ maxLength: 1_000, pattern: '^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f]*$' }),
    ),
    filter: orNull(FilterText),
  },
  strict,
)
export type LabelInput = Static<typeof LabelInput>

/** A label. */
export const Label = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    createdAt: Instant,
    updatedAt: Instant,
    name: Name,
    description: Type.String(),
    kind: Type.Enum(['manual', 'filter']),
    filter: orNull(Type.String()),
    builtIn: Type.Boolean({ title: 'Built in', description: 'Cannot be changed or removed.' }),
    members: Type.Integer({ title: 'Devices', minimum: 0 }),
  },
  strict,
)
export type Label = Static<typeof Label>

/** Devices that join or leave in one request. */
const LabelMembersBody = Type.Object(
  { deviceIds: Type.Array(Id, { minItems: 1, maxItems: 1_000, uniqueItems: true }) },
  strict,
)

const columns = ['name', 'kind', 'members', 'filter']

/** See the module's comment. */
export const labelsEndpoints = {
  listLabels: {
    method: 'GET',
    path: '/api/v1/labels',
    summary: 'List labels by name',
    access: 'label:view',
    query: PageQuery,
    reply: pageOf(Label),
    cli: { noun: 'label', verb: 'list', columns },
    failures: [],
  },
  readLabel: {
    method: 'GET',
    path: '/api/v1/labels/:id',
    summary: 'Show a label',
    access: 'label:view',
    params: ById,
    reply: Label,
    cli: { noun: 'label', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  createLabel: {
    method: 'POST',
    path: '/api/v1/labels',
    summary: 'Add a label',
    access: 'label:manage',
    body: LabelInput,
    reply: Label,
    idempotent: true,
    cli: { noun: 'label', verb: 'add' },
    failures: ['CONFLICT'],
  },
  updateLabel: {
    method: 'PUT',
    path: '/api/v1/labels/:id',
    summary: 'Change a label; a manual one stays manual, a filter stays a filter',
    access: 'label:manage',
    params: ById,
    body: LabelInput,
    reply: Label,
    ifMatch: 'required',
    cli: { noun: 'label', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT'],
  },
  removeLabel: {
    method: 'DELETE',
    path: '/api/v1/labels/:id',
    summary: 'Remove a label that no configuration is applied to',
    access: 'label:manage',
    params: ById,
    reply: null,
    cli: { noun: 'label', verb: 'remove' },
    failures: ['NOT_FOUND', 'IN_USE', 'CONFLICT'],
  },
  listLabelMembers: {
    method: 'GET',
    path: '/api/v1/labels/:id/members',
    summary: 'List the devices of a label by name',
    access: 'device:view',
    params: ById,
    query: Type.Object(pageQuery, strict),
    reply: pageOf(Device),
    cli: { noun: 'label', verb: 'members', columns: ['name', 'userName', 'platform', 'state', 'decision'] },
    failures: ['NOT_FOUND'],
  },
  addLabelMembers: {
    method: 'POST',
    path: '/api/v1/labels/:id/members/add',
    summary: 'Put devices into a manual label',
    access: 'label:manage',
    params: ById,
    body: LabelMembersBody,
    reply: Label,
    cli: { noun: 'label', verb: 'add-devices' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  removeLabelMembers: {
    method: 'POST',
    path: '/api/v1/labels/:id/members/remove',
    summary: 'Take devices out of a manual label',
    access: 'label:manage',
    params: ById,
    body: LabelMembersBody,
    reply: Label,
    cli: { noun: 'label', verb: 'remove-devices' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  previewFilter: {
    method: 'POST',
    path: '/api/v1/labels/preview',
    summary: 'Count the devices of a filter and show the first of them',
    access: 'device:view',
    body: Type.Object({ filter: FilterText }, strict),
    reply: Type.Object({ count: Type.Integer({ minimum: 0 }), devices: Type.Array(Device, { maxItems: 50 }) }, strict),
    cli: { noun: 'label', verb: 'preview' },
    failures: [],
  },
} as const satisfies EndpointTable
