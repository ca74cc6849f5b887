/**
 * Endpoints: Exchange and Email+ configurations, their versions, the labels that they are applied to, and the preview of
 * exactly what a device will be sent.
 * @module
 */
import Type, { type TSchema } from 'typebox'
import { EmailPlusConfigurationInput, EmailPlusPair } from '../configurations/email-plus-configuration.ts'
import { ExchangeConfigurationInput } from '../configurations/exchange-configuration.ts'
import { ById, Id, Note, orNull, pageOf, pageQuery, strict } from './common.ts'
import {
  Configuration,
  ConfigurationCheck,
  ConfigurationComparison,
  ConfigurationKind,
  ConfigurationPreview,
  ConfigurationSummary,
  ConfigurationVersion,
  ConfigurationVersionSummary,
  LabelPreview,
  Version,
} from './configuration-shapes.ts'
import type { EndpointTable } from './endpoint.ts'

export * from './configuration-shapes.ts'

/** Labels in one call of apply and withdraw, at most. */
const LABELS_AT_ONCE = 100

const LabelsBody = Type.Object(
  {
    labels: Type.Array(Id, { minItems: 1, maxItems: LABELS_AT_ONCE, uniqueItems: true, title: 'Labels' }),
    note: Type.Optional(Note),
  },
  strict,
)
const VersionParams = Type.Object({ id: Id, version: Version }, strict)
const view = 'configuration:view' as const
const manage = 'configuration:manage' as const

const creates = <S extends TSchema>(path: `/api/v1/${string}`, body: S, summary: string, noun: string) =>
  ({
    method: 'POST',
    path,
    summary,
    access: manage,
    body,
    reply: Configuration,
    idempotent: true,
    cli: { noun, verb: 'add' },
    failures: ['CONFLICT'],
  }) as const
const updates = <S extends TSchema>(path: `/api/v1/${string}`, body: S, summary: string, noun: string) =>
  ({
    method: 'PUT',
    path,
    summary,
    access: manage,
    params: ById,
    body,
    reply: Configuration,
    ifMatch: 'required',
    cli: { noun, verb: 'set' },
    failures: ['NOT_FOUND', 'CONFLICT', 'CHANGED', 'PRECONDITION_REQUIRED'],
  }) as const

/** See the module's comment. Creates and edits have a row for each kind, so that each field is a field of the request. */
export const configurationsEndpoints = {
  listConfigurations: {
    method: 'GET',
    path: '/api/v1/configurations',
    summary: 'List configurations by name',
    access: view,
    query: Type.Object(
      {
        ...pageQuery,
        kind: Type.Optional(ConfigurationKind),
        label: Type.Optional(Id),
        search: Type.Optional(
          Type.String({ minLength: 1, maxLength: 200, description: 'Part of name or description' }),
        ),
      },
      strict,
    ),
    reply: pageOf(ConfigurationSummary),
    cli: { noun: 'configuration', verb: 'list', columns: ['name', 'kind', 'version', 'updatedAt', 'id'] },
    failures: [],
  },
  createExchangeConfiguration: creates(
    '/api/v1/exchange-configurations',
    ExchangeConfigurationInput,
    'Add an Exchange configuration',
    'exchange-configuration',
  ),
  createEmailPlusConfiguration: creates(
    '/api/v1/email-plus-configurations',
    EmailPlusConfigurationInput,
    'Add an Email+ configuration',
    'email-plus-configuration',
  ),
  updateExchangeConfiguration: updates(
    '/api/v1/exchange-configurations/:id',
    ExchangeConfigurationInput,
    'Save an Exchange configuration as a new version; fields left out get their defaults',
    'exchange-configuration',
  ),
  updateEmailPlusConfiguration: updates(
    '/api/v1/email-plus-configurations/:id',
    EmailPlusConfigurationInput,
    'Save an Email+ configuration as a new version; fields left out get their defaults',
    'email-plus-configuration',
  ),
  readEmailPlusTemplate: {
    method: 'GET',
    path: '/api/v1/email-plus-template',
    summary: 'Show the pairs of Email+ for OAuth through a Standalone Sentry',
    access: view,
    query: Type.Object(
      {
        sentryProfileId: Id,
        certificate: Type.Optional(
          Type.String({ minLength: 1, maxLength: 255, description: 'Certificate enrollment setting' }),
        ),
      },
      strict,
    ),
    reply: Type.Object({ pairs: Type.Array(EmailPlusPair) }, strict),
    cli: { noun: 'email-plus-configuration', verb: 'template' },
    failures: ['NOT_FOUND'],
  },
  readConfiguration: {
    method: 'GET',
    path: '/api/v1/configurations/:id',
    summary: 'Show a configuration',
    access: view,
    params: ById,
    reply: Configuration,
    cli: { noun: 'configuration', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  removeConfiguration: {
    method: 'DELETE',
    path: '/api/v1/configurations/:id',
    summary: 'Remove a configuration that is applied to no label, with its versions',
    access: manage,
    params: ById,
    reply: null,
    ifMatch: 'required',
    cli: { noun: 'configuration', verb: 'remove' },
    failures: ['NOT_FOUND', 'IN_USE', 'CHANGED', 'PRECONDITION_REQUIRED'],
  },
  checkConfiguration: {
    method: 'POST',
    path: '/api/v1/configurations/check',
    summary: 'Check a draft: what is wrong or odd about it, and how many devices a save would touch',
    access: view,
    body: Type.Object(
      {
        kind: ConfigurationKind,
        id: Type.Optional(orNull(Id)),
        settings: Type.Unknown({ description: 'As for a create; it is judged, not refused' }),
      },
      strict,
    ),
    reply: ConfigurationCheck,
    cli: { noun: 'configuration', verb: 'check' },
    failures: ['NOT_FOUND'],
  },
  applyConfiguration: {
    method: 'POST',
    path: '/api/v1/configurations/:id/apply',
    summary: 'Apply a configuration to labels',
    access: manage,
    params: ById,
    body: LabelsBody,
    reply: Configuration,
    cli: { noun: 'configuration', verb: 'apply' },
    failures: ['NOT_FOUND'],
  },
  withdrawConfiguration: {
    method: 'POST',
    path: '/api/v1/configurations/:id/withdraw',
    summary: 'Withdraw a configuration from labels',
    access: manage,
    params: ById,
    body: LabelsBody,
    reply: Configuration,
    cli: { noun: 'configuration', verb: 'withdraw' },
    failures: ['NOT_FOUND'],
  },
  previewConfiguration: {
    method: 'GET',
    path: '/api/v1/configurations/:id/preview',
    summary: 'Show exactly what a user, on a device, will be sent',
    access: view,
    params: ById,
    query: Type.Object({ user: Id, device: Type.Optional(Id) }, strict),
    reply: ConfigurationPreview,
    cli: { noun: 'configuration', verb: 'preview' },
    failures: ['NOT_FOUND'],
  },
  previewConfigurationForLabel: {
    method: 'GET',
    path: '/api/v1/configurations/:id/label-preview',
    summary: 'Count which devices of a label can be sent a configuration, and which not and why',
    access: view,
    params: ById,
    query: Type.Object({ label: Id }, strict),
    reply: LabelPreview,
    cli: { noun: 'configuration', verb: 'preview-label' },
    failures: ['NOT_FOUND'],
  },
  listConfigurationVersions: {
    method: 'GET',
    path: '/api/v1/configurations/:id/versions',
    summary: 'List the versions of a configuration, newest first',
    access: view,
    params: ById,
    query: Type.Object(pageQuery, strict),
    reply: pageOf(ConfigurationVersionSummary),
    cli: { noun: 'configuration', verb: 'versions', columns: ['version', 'at', 'author', 'restoredFrom'] },
    failures: ['NOT_FOUND'],
  },
  readConfigurationVersion: {
    method: 'GET',
    path: '/api/v1/configurations/:id/versions/:version',
    summary: 'Show a version of a configuration',
    access: view,
    params: VersionParams,
    reply: ConfigurationVersion,
    cli: { noun: 'configuration', verb: 'version' },
    failures: ['NOT_FOUND'],
  },
  compareConfigurationVersions: {
    method: 'GET',
    path: '/api/v1/configurations/:id/compare',
    summary: 'Compare two versions of a configuration',
    access: view,
    params: ById,
    query: Type.Object({ from: Version, to: Version }, strict),
    reply: ConfigurationComparison,
    cli: { noun: 'configuration', verb: 'compare' },
    failures: ['NOT_FOUND'],
  },
  restoreConfigurationVersion: {
    method: 'POST',
    path: '/api/v1/configurations/:id/versions/:version/restore',
    summary: 'Save an earlier version again, as a new one',
    access: manage,
    params: VersionParams,
    reply: Configuration,
    ifMatch: 'required',
    cli: { noun: 'configuration', verb: 'restore' },
    failures: ['NOT_FOUND', 'CONFLICT', 'CHANGED', 'PRECONDITION_REQUIRED'],
  },
} as const satisfies EndpointTable
