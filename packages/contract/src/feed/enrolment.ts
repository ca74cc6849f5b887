/**
 * How a Sentry comes to an identity: a one-time token, a key that never leaves its machine, a certificate from Core.
 *
 * The token carries Core's service CA, so that the very first connection is verified as strictly as every later one.
 * @module
 */
import Type, { type Static } from 'typebox'
import { parseDocument } from '../problems.ts'

const strict = { additionalProperties: false } as const
const Pem = Type.String({ minLength: 1, maxLength: 16_384 })

/** Where a Sentry speaks to Core. Only `enrol` is served without a client certificate, and it takes a token. */
export const FEED_PATHS = {
  enrol: '/sentry/v1/enrol',
  renew: '/sentry/v1/renew',
  feed: '/sentry/v1/feed',
  report: '/sentry/v1/report',
} as const

/** Every feed listener has this DNS name in its certificate, whatever the machine is called: the CA is the pin. */
export const FEED_SERVER_NAME = 'core.postern.internal'

/** How long a token is good for. Seconds. */
export const ENROLMENT_TOKEN_SECONDS = 3_600

/** Query of the feed: what the Sentry has. `schemas` is a comma list, `etag`, `epoch` and `seq` are empty at first. */
export const FEED_QUERY = { schemas: 'schemas', version: 'version', etag: 'etag', epoch: 'epoch', seq: 'seq' } as const

/** `csr` is PKCS#10 in PEM; only its public key counts. */
export const EnrolRequest = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 4_096 }),
    csr: Pem,
    version: Type.String({ minLength: 1, maxLength: 64 }),
    schemas: Type.Array(Type.Integer({ minimum: 1, maximum: 1_000 }), { minItems: 1, maxItems: 32 }),
  },
  strict,
)
export type EnrolRequest = Static<typeof EnrolRequest>

/** Renewal comes over the certificate that it replaces. */
const RenewRequest = Type.Object({ csr: Pem }, strict)
type RenewRequest = Static<typeof RenewRequest>

/** The identity. `notAfter` and `renewAfter`: ms since 1970. */
export const GatewayIdentity = Type.Object(
  {
    sentryId: Type.String({ minLength: 1, maxLength: 64 }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    certificatePem: Pem,
    /** Service CAs to trust from now on: a rotation names the old one and the new one. */
    authoritiesPem: Type.Array(Pem, { minItems: 1, maxItems: 4 }),
    notAfter: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    renewAfter: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  },
  strict,
)
export type GatewayIdentity = Static<typeof GatewayIdentity>

/** @throws ContractError */
export function parseEnrolRequest(input: unknown): EnrolRequest {
  return parseDocument('enrolment', EnrolRequest, input, [])
}

/** @throws ContractError */
export function parseRenewRequest(input: unknown): RenewRequest {
  return parseDocument('renewal', RenewRequest, input, [])
}

/** @throws ContractError */
export function parseGatewayIdentity(input: unknown): GatewayIdentity {
  return parseDocument('identity', GatewayIdentity, input, [])
}

/** A token taken apart. `secret`: 43 characters, 256 bits; `authority`: DER of the service CA, base64url. */
export interface EnrolmentToken {
  readonly secret: string
  readonly authority: string
}

/** `pse1.<secret>.<authority>`. */
export function formatEnrolmentToken(token: EnrolmentToken): string {
  return `pse1.${token.secret}.${token.authority}`
}

/** Null: it is no enrolment token. */
export function parseEnrolmentToken(text: string): EnrolmentToken | null {
  const match = /^pse1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{100,3000})$/.exec(text.trim())
  return match?.[1] === undefined || match[2] === undefined ? null : { secret: match[1], authority: match[2] }
}
