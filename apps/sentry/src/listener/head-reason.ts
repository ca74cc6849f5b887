/**
 * Form of a request head, before anybody looks at what it asks for: nothing in it may read two ways (A1 to A3).
 * @module
 */
import type { Reason } from '../decision/reasons.ts'
import type { HeaderFields } from './header-fields.ts'

/** Bytes of all names and values together; Entra tokens are 2 to 4 KiB and more. */
const MAX_HEAD_BYTES = 32_768
const MAX_FIELDS = 100
const MAX_AUTHORIZATION = 16_384
/** The authorize endpoint allows queries of 16 KiB; a path of ours is short. */
const MAX_TARGET = 17_408

/** Fields that have one value or none; a second one is how a proxy and a server come to disagree. */
const SINGLE = new Set([
  'authorization',
  'client-cert',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'ms-asacceptmultipart',
  'ms-asprotocolversion',
  'transfer-encoding',
  'user-agent',
  'x-ms-policykey',
])

/** What the head says about itself; `rawTransferEncoding`: whether the bytes on the wire were plain `chunked`. */
export interface Head {
  readonly method: string
  readonly target: string
  readonly httpVersion: string
  readonly fields: HeaderFields
  readonly rawTransferEncoding: boolean
}

/** The first thing wrong with a head, or null. */
export function headReason(head: Head): Reason | null {
  return sizeReason(head) ?? formReason(head)
}

function sizeReason({ target, fields }: Head): Reason | null {
  if (target.length > MAX_TARGET) return 'TARGET_TOO_LONG'
  if (fields.entries.length > MAX_FIELDS) return 'HEAD_TOO_LARGE'
  let bytes = 0
  for (const [name, value] of fields.entries) bytes += name.length + value.length + 4
  if (bytes > MAX_HEAD_BYTES) return 'HEAD_TOO_LARGE'
  return (fields.value('authorization') ?? '').length > MAX_AUTHORIZATION ? 'HEAD_TOO_LARGE' : null
}

function formReason({ target, httpVersion, fields, rawTransferEncoding }: Head): Reason | null {
  if (httpVersion !== '1.1') return 'HTTP_VERSION'
  if (!target.startsWith('/')) return 'TARGET_FORM'
  const seen = new Set<string>()
  for (const [name] of fields.entries) {
    if (SINGLE.has(name) && seen.has(name)) return 'HEADER_MALFORMED'
    seen.add(name)
  }
  const framing = seen.has('transfer-encoding')
  if (
    framing &&
    (seen.has('content-length') || !rawTransferEncoding || fields.value('transfer-encoding') !== 'chunked')
  ) {
    return 'TRANSFER_ENCODING'
  }
  if (seen.has('upgrade') || seen.has('http2-settings')) return 'UPGRADE_REFUSED'
  return connectionReason(fields)
}

// `Connection: Authorization` would make a proxy take away what the server needs (A2): only our own list is removed.
function connectionReason(fields: HeaderFields): Reason | null {
  for (const value of fields.values('connection')) {
    for (const option of value.split(',')) {
      const name = option.trim().toLowerCase()
      if (name !== '' && name !== 'close' && name !== 'keep-alive') return 'CONNECTION_HEADER'
    }
  }
  return null
}

/** Names that this Sentry answers to, in lower case. */
export type HostNames = ReadonlySet<string>

/** Host must be ours, with or without a port, and the name that TLS was made for (A30). */
export function hostReason(
  host: string | null,
  serverName: string | null | undefined,
  names: HostNames,
): Reason | null {
  if (host === null) return 'HEADER_MALFORMED'
  const name = hostName(host)
  if (name === null) return 'HEADER_MALFORMED'
  if (!names.has(name)) return 'HOST_UNKNOWN'
  if (serverName === undefined) return null
  const address = name.startsWith('[') || /^[\d.]+$/.test(name)
  if (serverName === null) return address ? null : 'SNI_MISMATCH' // RFC 6066, 3: an address is no server name
  return serverName.toLowerCase() === name ? null : 'SNI_MISMATCH'
}

function hostName(host: string): string | null {
  const match = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?$/.exec(host)
  return match?.[1]?.toLowerCase() ?? null
}
