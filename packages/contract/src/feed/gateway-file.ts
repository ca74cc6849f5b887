/**
 * What one machine knows of itself: `gateway.json` in a registered Sentry's data directory, written by `enroll`.
 * @module
 */
import Type, { type Static } from 'typebox'
import { parseDocument } from '../problems.ts'

const strict = { additionalProperties: false } as const
const Host = Type.String({ minLength: 1, maxLength: 253 })
const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const Address = Type.Object({ host: Host, port: Port }, strict)

/** Keys, certificates and what Core said last lie beside it under fixed names. */
export const GatewayFile = Type.Object(
  {
    /** `https://host:port` of Core's feed listener. */
    core: Type.String({ minLength: 1, maxLength: 2_048, pattern: '^https://[^/?#@]+$' }),
    /** Where phones connect. */
    listen: Address,
    /** Metrics and health; a loopback address. */
    local: Address,
    /** Relative names refer to the data directory. */
    auditFile: Type.String({ minLength: 1, maxLength: 4_096 }),
    /** Only for a laboratory: name resolution of its own. */
    lab: Type.Optional(Type.Boolean()),
    hosts: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 64 }))),
  },
  strict,
)
export type GatewayFile = Static<typeof GatewayFile>

/** @throws ContractError naming every field, rule and remedy (50 at most). */
export function parseGatewayFile(input: unknown): GatewayFile {
  return parseDocument('gateway file', GatewayFile, input, [])
}
