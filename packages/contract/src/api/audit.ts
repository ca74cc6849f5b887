/**
 * Endpoints: the audit log. Nothing here changes it: rows are written by what they tell of, and never edited or removed.
 * @module
 */
import Type, { type Static } from 'typebox'
import { Instant, orNull, pageOf, pageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

const Seq = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const Text = Type.String({ minLength: 1, maxLength: 200 })
const Mac = Type.String({
  pattern: '^[0-9a-f]{64}$',
  title: 'Code',
  description: 'Chains the row to the one before it',
})

/** One row of the audit log. */
export const AuditEntry = Type.Object(
  {
    seq: Type.Integer({ minimum: 1, title: 'Number', description: 'Counts from 1 without gaps' }),
    at: Instant,
    actor: Type.Object(
      {
        kind: Type.String({ description: 'administrator, token, sentry or system (Core itself)' }),
        id: orNull(Type.String()),
        name: Type.String(),
      },
      strict,
    ),
    sessionId: orNull(Type.String()),
    remote: orNull(Type.String({ title: 'Address', description: 'Where the request came from' })),
    requestId: orNull(Type.String()),
    action: Type.String({ description: 'noun.verb, such as label.create' }),
    object: Type.Object({ kind: Type.String(), id: orNull(Type.String()), name: orNull(Type.String()) }, strict),
    before: Type.Unknown({ description: 'What was there; secrets are replaced by (secret)' }),
    after: Type.Unknown({ description: 'What is there now' }),
    note: orNull(Type.String()),
    mac: Mac,
  },
  strict,
)
export type AuditEntry = Static<typeof AuditEntry>

const filters = {
  actor: Type.Optional(Type.String({ ...Text, description: 'Id or name of who did it' })),
  action: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9.-]{1,100}$', description: 'An action, or how it begins: `label.`' }),
  ),
  objectKind: Type.Optional(Text),
  objectId: Type.Optional(Text),
  since: Type.Optional(Type.String({ ...Instant, description: 'From this time on' })),
  until: Type.Optional(Type.String({ ...Instant, description: 'Before this time' })),
}

/** Which rows; every filter that is given must fit. */
export const AuditFilter = Type.Object(filters, strict)
export type AuditFilter = Static<typeof AuditFilter>

/** How the chain of rows is broken. */
export const AuditProblem = Type.Object(
  {
    seq: Type.Integer({ minimum: 0, title: 'Number', description: 'Where it shows first' }),
    kind: Type.Enum(['changed', 'removed', 'reordered', 'truncated'], {
      description:
        'changed: not what Core wrote, or not written by Core. removed: rows are missing before others. ' +
        'reordered: a genuine row in another place. truncated: rows are missing at the end',
    }),
    message: Type.String(),
  },
  strict,
)
export type AuditProblem = Static<typeof AuditProblem>

/** What verifying found. `rows`: how many were read. */
export const AuditVerdict = Type.Object(
  {
    ok: Type.Boolean(),
    rows: Type.Integer({ minimum: 0 }),
    head: Type.Object({ seq: Type.Integer({ minimum: 0 }), mac: orNull(Mac) }, strict),
    problem: orNull(AuditProblem),
  },
  strict,
)
export type AuditVerdict = Static<typeof AuditVerdict>

const Anchor = Type.Object(
  {
    anchor: Type.Optional(
      Type.Object(
        { seq: Seq, mac: Mac },
        {
          ...strict,
          description:
            'Number and code of a row that was exported before. Whoever can write the database can also set the whole ' +
            'log back to an earlier state; only what was kept elsewhere shows that',
        },
      ),
    ),
  },
  strict,
)

const syslogSettings = {
  enabled: Type.Boolean({ description: 'Off: nothing is sent; what happens meanwhile is sent when it is on again' }),
  host: Type.String({ minLength: 1, maxLength: 253, pattern: '^[A-Za-z0-9._:-]+$', description: 'Name or address' }),
  port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'Usually 6514 with TLS' }),
  tls: Type.Boolean({ title: 'TLS', description: 'RFC 5425. Off: plain TCP (RFC 6587), also with octet counting' }),
  plainOverNetwork: Type.Boolean({
    title: 'Plain over a network',
    description: 'Declares that plain TCP to another machine is meant; what is sent names people',
  }),
  caPem: orNull(
    Type.String({
      maxLength: 65_536,
      title: 'CA certificates',
      description: "PEM of who signed the receiver's certificate; null: the public ones",
    }),
  ),
  facility: Type.Integer({ minimum: 0, maximum: 23, description: '13: log audit' }),
}

/** Where the audit log is sent. */
export const SyslogSettings = Type.Object(syslogSettings, strict)
export type SyslogSettings = Static<typeof SyslogSettings>

/** Settings with how sending goes. */
export const Syslog = Type.Object(
  {
    settings: orNull(SyslogSettings),
    version: Type.Integer({ minimum: 0, description: '0: never set' }),
    status: Type.Object(
      {
        sentSeq: Type.Integer({ minimum: 0, title: 'Sent', description: 'Number of the last row that went out' }),
        waiting: Type.Integer({ minimum: 0, description: 'Rows that have not gone out yet' }),
        sentAt: orNull(Instant),
        problem: orNull(Type.String({ description: 'Why sending does not go on' })),
        problemAt: orNull(Instant),
      },
      strict,
    ),
  },
  strict,
)
export type Syslog = Static<typeof Syslog>

/** See the module's comment. */
export const auditEndpoints = {
  listAudit: {
    method: 'GET',
    path: '/api/v1/audit',
    summary: 'List the audit log, newest first',
    access: 'audit:view',
    query: Type.Object({ ...pageQuery, ...filters }, strict),
    reply: pageOf(AuditEntry),
    cli: {
      noun: 'audit',
      verb: 'list',
      columns: ['seq', 'at', 'actor.name', 'action', 'object.kind', 'object.name', 'note'],
    },
    failures: [],
  },
  exportAudit: {
    method: 'GET',
    path: '/api/v1/audit/export',
    summary: 'Export the audit log as JSON lines, oldest first',
    access: 'audit:view',
    query: AuditFilter,
    reply: 'stream',
    media: 'application/x-ndjson',
    cli: { noun: 'audit', verb: 'export' },
    failures: [],
  },
  verifyAudit: {
    method: 'POST',
    path: '/api/v1/audit/verification',
    summary: 'Verify that no row of the audit log was changed, removed or moved',
    access: 'audit:view',
    body: Anchor,
    reply: AuditVerdict,
    cli: { noun: 'audit', verb: 'verify' },
    failures: [],
  },
  readSyslog: {
    method: 'GET',
    path: '/api/v1/audit/syslog',
    summary: 'Show where the audit log is sent and how that goes',
    access: 'audit:manage',
    reply: Syslog,
    cli: { noun: 'audit-syslog', verb: 'show' },
    failures: [],
  },
  updateSyslog: {
    method: 'PUT',
    path: '/api/v1/audit/syslog',
    summary: 'Say where the audit log is sent (RFC 5424)',
    access: 'audit:manage',
    body: Type.Object(
      {
        ...syslogSettings,
        resendFrom: Type.Optional(
          Type.Integer({ ...Seq, title: 'Resend from', description: 'Send again from this row on; 1: everything' }),
        ),
      },
      strict,
    ),
    reply: Syslog,
    ifMatch: 'required',
    cli: { noun: 'audit-syslog', verb: 'set' },
    failures: [],
  },
} as const satisfies EndpointTable
