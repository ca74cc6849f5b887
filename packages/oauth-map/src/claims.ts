/**
 * What a Bearer token says about itself, read without verification and used only to deny.
 *
 * Documents: RFC 7515 7.1 (compact form), RFC 7519 4.1, Entra access token claims. Input is untrusted.
 * The tokens are issued for the mail server, and only the mail server can verify them. A token that agrees proves
 * nothing; a token that disagrees with the device's certificate is refused. So the reading is strict: whatever two
 * readers could understand differently is no token at all.
 * @module
 */
import { decodeBase64Url, isBase64UrlText } from './base64url.ts'
import { jsonMembers } from './json-members.ts'
import { parseResource } from './resource.ts'

/** Longest token that is read, characters. */
const MAX_TOKEN_LENGTH = 16_384

/** Identity in a token; null where the token has no such claim or an empty one. */
export interface TokenClaims {
  /** `aud`, one or several; empty when there is none. */
  readonly audiences: readonly string[]
  /** `tid` */
  readonly tenantId: string | null
  /** `oid` */
  readonly objectId: string | null
  /** `upn`, else `unique_name`, else `preferred_username`. */
  readonly user: string | null
  /** `appid` (v1 tokens), else `azp` (v2 tokens). */
  readonly appId: string | null
  /** `exp`, seconds since 1970. */
  readonly expiresAt: number | null
}

const TEXT_CLAIMS = ['upn', 'unique_name', 'preferred_username', 'tid', 'oid', 'appid', 'azp'] as const
const SINGLE_CLAIMS: ReadonlySet<string> = new Set([...TEXT_CLAIMS, 'aud', 'exp'])

/**
 * Reads a compact JWS: three parts, the last of which may be empty. Null for anything else, including a repeated
 * identity claim or one of the wrong type. Never throws.
 */
export function tokenClaims(jwt: string): TokenClaims | null {
  if (jwt.length > MAX_TOKEN_LENGTH) return null
  const [header, payload, signature, ...more] = jwt.split('.', 4)
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) return null
  // The signature is for the server to check; here it need only be made of the right letters.
  if (!isBase64UrlText(signature) || jsonPart(header) === null) return null
  const claims = jsonPart(payload)
  return claims === null ? null : claimsOf(claims)
}

/** Exchange Online's own application id, which its tokens may name as audience. */
export const EXCHANGE_APPLICATION_ID = '00000002-0000-0ff1-ce00-000000000000'

/**
 * Whether a token is meant for the destination: its resource with or without last slash, or Exchange's application
 * id, or the second name of the worldwide cloud where that is the destination. Every audience must be; none is no.
 */
export function audienceAccepted(claims: TokenClaims, destinationResource: string): boolean {
  const destination = parseResource(destinationResource)
  const accepted = new Set([destination, destination === WORLDWIDE ? WORLDWIDE_ALIAS : destination])
  return (
    claims.audiences.length > 0 &&
    claims.audiences.every((audience) => {
      if (audience === EXCHANGE_APPLICATION_ID) return true
      const resource = parseResource(audience)
      return resource !== null && accepted.has(resource)
    })
  )
}

const WORLDWIDE = 'https://outlook.office365.com'
const WORLDWIDE_ALIAS = 'https://outlook.office.com'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The members of one part; null when it is empty, not base64url of UTF-8, no object, or repeats a single claim. */
function jsonPart(part: string): Map<string, unknown> | null {
  const bytes = part === '' ? null : decodeBase64Url(part)
  if (bytes === null) return null
  let text
  try {
    text = utf8.decode(bytes)
  } catch {
    return null
  }
  const members = jsonMembers(text)
  if (members === null) return null
  const values = new Map<string, unknown>()
  for (const { name, value } of members) {
    if (values.has(name) && SINGLE_CLAIMS.has(name)) return null
    values.set(name, value)
  }
  return values
}

function claimsOf(values: ReadonlyMap<string, unknown>): TokenClaims | null {
  const audiences = audiencesOf(values.get('aud'))
  const expiresAt = values.get('exp') ?? null
  if (audiences === null || (expiresAt !== null && !isSeconds(expiresAt))) return null
  const texts = new Map<string, string | null>()
  for (const name of TEXT_CLAIMS) {
    const value = values.get(name) ?? ''
    if (typeof value !== 'string') return null
    texts.set(name, value === '' ? null : value)
  }
  const text = (name: (typeof TEXT_CLAIMS)[number]): string | null => texts.get(name) ?? null
  return {
    audiences,
    tenantId: text('tid'),
    objectId: text('oid'),
    user: text('upn') ?? text('unique_name') ?? text('preferred_username'),
    appId: text('appid') ?? text('azp'),
    expiresAt,
  }
}

function audiencesOf(value: unknown): string[] | null {
  if (value === undefined || value === null) return []
  const audiences: unknown[] = Array.isArray(value) ? value : [value]
  return audiences.every((audience) => typeof audience === 'string') ? audiences : null
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
