/**
 * Who asks, and for what: certificate, token and query of an ActiveSync request, each read once.
 * @module
 */
import { type EasVersion, parseEasVersion } from '@postern/eas-query/commands'
import { decodeEasQuery, type EasQuery, EasQueryError } from '@postern/eas-query/query'
import { type TokenClaims, tokenClaims } from '@postern/oauth-map/claims'
import { type DeviceIdentity, judgeIdentity, readClientCertHeader } from '../identity/device-identity.ts'
import type { Exchange } from '../listener/exchange.ts'
import type { HeaderFields } from '../listener/header-fields.ts'
import type { Runtime } from '../config/runtime.ts'
import type { CertificateFinding } from '../decision/decide.ts'
import type { Reason } from '../decision/reasons.ts'

/** Something could not be read; the request ends here. */
export interface Unreadable {
  readonly reason: Reason
}

/** Whether reading failed. */
export function isUnreadable(result: object): result is Unreadable {
  return 'reason' in result && !('state' in result)
}

/** The certificate of the device: of the connection, or as a pinned balancer hands it on (6.4). */
export function findCertificate(
  fields: HeaderFields,
  identity: DeviceIdentity | null,
  runtime: Runtime,
  now: number,
): CertificateFinding | Unreadable {
  if (identity === null || !runtime.balancers.has(identity.fingerprint))
    return judgeIdentity(identity, runtime.trust, now)
  const handedOn = fields.value('client-cert')
  if (handedOn === null) return { state: 'absent' }
  const device = readClientCertHeader(handedOn, runtime.trust, now)
  return device === null ? { reason: 'CLIENT_CERT_HEADER' } : judgeIdentity(device, runtime.trust, now)
}

/** A Bearer token, and what it claims; `claims` null when it cannot be read. */
export interface BearerToken {
  readonly token: string
  readonly claims: TokenClaims | null
}

/** RFC 6750, 2.1: the characters a Bearer token has. */
const TOKEN_CHARACTERS = /^[A-Za-z0-9._~+/-]+=*$/

/** The Bearer token of a head; no other scheme is served. */
export function readBearer(fields: HeaderFields): BearerToken | Unreadable {
  const value = fields.value('authorization')
  if (value === null) return { reason: 'TOKEN_MISSING' }
  const space = value.indexOf(' ')
  const scheme = (space < 0 ? value : value.slice(0, space)).toLowerCase()
  if (scheme === 'basic') return { reason: 'TOKEN_BASIC' }
  const token = space < 0 ? '' : value.slice(space + 1).trim()
  if (scheme !== 'bearer' || token === '') return { reason: 'TOKEN_MISSING' }
  if (!TOKEN_CHARACTERS.test(token)) return { reason: 'TOKEN_UNREADABLE' }
  return { token, claims: tokenClaims(token) }
}

/** What is asked for. `policyKeySent`: whether the device named a policy key at all (missing is not 0). */
export interface EasRequest {
  readonly query: EasQuery
  readonly version: EasVersion | null
  readonly policyKeySent: boolean
}

/** Reads query and version; OPTIONS may come without either. */
export function readEasRequest(exchange: Exchange, rawQuery: string | null): EasRequest | Unreadable {
  const isPost = exchange.method === 'POST'
  let query: EasQuery
  try {
    const decoded = decodeEasQuery(rawQuery ?? '', { commandRequired: isPost })
    // The method leads: an OPTIONS that names a command must not become that command's POST on the way.
    query = isPost ? decoded : { ...decoded, command: null }
  } catch (error) {
    if (!(error instanceof EasQueryError)) throw error
    return { reason: error.code === 'EAS_QUERY_UNKNOWN_COMMAND' ? 'COMMAND_UNKNOWN' : 'QUERY_MALFORMED' }
  }
  const { fields } = exchange
  const written = fields.value('ms-asprotocolversion')
  const key = fields.value('x-ms-policykey')
  if (key !== null && !/^\d{1,64}$/.test(key)) return { reason: 'HEADER_MALFORMED' }
  if (query.encoding === 'base64' && contradicts(query, fields)) return { reason: 'VERSION_CONTRADICTION' }
  const version = query.version ?? (written === null ? null : parseEasVersion(written))
  if (isPost && version === null) return { reason: 'VERSION_MALFORMED' }
  return { query, version, policyKeySent: key !== null || query.policyKey !== null }
}

// One request must not say one thing to us and another to the server (T21).
function contradicts(query: EasQuery, fields: HeaderFields): boolean {
  const version = fields.value('ms-asprotocolversion')
  const key = fields.value('x-ms-policykey')
  const multiPart = fields.value('ms-asacceptmultipart')
  return (
    (version !== null && version !== query.version) ||
    (key !== null && Number(key) !== (query.policyKey ?? 0)) ||
    (multiPart !== null && (multiPart.toUpperCase() === 'T') !== (query.parameters.acceptMultiPart === true))
  )
}
