/**
 * What a Sentry tells Core: how it is, what it applied or refused, whom it saw. At least every `REPORT_SECONDS`, and
 * soon after something changed.
 * @module
 */
import Type, { type Static } from 'typebox'
import { Fingerprint } from '../policy-snapshot.ts'
import { parseDocument } from '../problems.ts'

const strict = { additionalProperties: false } as const
const Text = (maxLength: number) => Type.Union([Type.String({ maxLength }), Type.Null()])
const Time = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** A Sentry that has nothing to say reports this often all the same. Seconds. */
export const REPORT_SECONDS = 10
/** Associations in one report at most; more go into the next. */
export const MAX_ASSOCIATIONS = 500
/** Body of a report at most. Bytes. */
export const MAX_REPORT_BYTES = 2_097_152

/** One user on one mail client as the Sentry saw it (product description 5.3). Times in ms since 1970. */
export const AssociationReport = Type.Object(
  {
    /** From the token, else the certificate, else the query; null when nobody was named. */
    user: Text(320),
    easDeviceId: Type.String({ minLength: 1, maxLength: 64 }),
    deviceType: Text(64),
    userAgent: Text(256),
    protocolVersion: Text(16),
    certificate: Type.Union([Fingerprint, Type.Null()]),
    /** Id of the device that the decision took it for; null: unlinked. */
    device: Text(128),
    decision: Type.Enum(['allow', 'refuse', 'report']),
    reasons: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 64 }),
    /** What a wipe of this device has come to; null: none under way. */
    wipe: Type.Union([
      Type.Object({ phase: Type.Enum(['directive-sent', 'acknowledged']), at: Time }, strict),
      Type.Null(),
    ]),
    firstSeen: Time,
    lastSeen: Time,
    requests: Count,
  },
  strict,
)
export type AssociationReport = Static<typeof AssociationReport>

/** The document that the Sentry works by, and what was wrong with a newer one. */
const ConfigState = Type.Object(
  {
    /** Null: none was ever applied. */
    applied: Text(128),
    refused: Type.Union([
      Type.Object(
        {
          etag: Type.String({ minLength: 1, maxLength: 128 }),
          problems: Type.Array(
            Type.Object({ path: Type.String({ maxLength: 500 }), message: Type.String({ maxLength: 1_000 }) }, strict),
            { maxItems: 50 },
          ),
        },
        strict,
      ),
      Type.Null(),
    ]),
  },
  strict,
)

/** Counts since the Sentry started, and gauges of now. */
const GatewayCounts = Type.Object(
  { connections: Count, held: Count, requests: Count, allowed: Count, refused: Count },
  strict,
)

/** One report. */
export const GatewayReport = Type.Object(
  {
    schema: Type.Integer({ minimum: 1, maximum: 1_000 }),
    version: Type.String({ minLength: 1, maxLength: 64 }),
    /** When this process started. */
    startedAt: Time,
    config: ConfigState,
    posture: Type.Object({ epoch: Text(64), seq: Count }, strict),
    /** Empty: it should get traffic. */
    notReady: Type.Array(Type.String({ maxLength: 500 }), { maxItems: 32 }),
    counts: GatewayCounts,
    servers: Type.Array(
      Type.Object({ server: Type.String({ maxLength: 260 }), live: Type.Boolean(), reason: Text(200) }, strict),
      {
        maxItems: 64,
      },
    ),
    associations: Type.Array(AssociationReport, { maxItems: MAX_ASSOCIATIONS }),
  },
  strict,
)
export type GatewayReport = Static<typeof GatewayReport>

/** @throws ContractError naming every field, rule and remedy (50 at most). */
export function parseGatewayReport(input: unknown): GatewayReport {
  return parseDocument('report', GatewayReport, input, [])
}
