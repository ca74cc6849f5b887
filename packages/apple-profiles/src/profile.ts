/**
 * Configuration profiles: the wrapper that a device installs, with identifiers that stay the same from push to push.
 *
 * Document: Apple, Device Management, TopLevel and CommonPayloadKeys. A device replaces a profile of the same
 * PayloadIdentifier, and keeps an account whose PayloadIdentifier and PayloadUUID are unchanged; a new UUID would
 * delete the mail account and make it again, with a new sign-in and all mail synchronised anew.
 * @module
 */
import { build, type PlistValue as LibraryValue } from 'plist'
import { type Sha1, stableUuid } from './stable-uuid.ts'

/** What a property list of ours is made of. Numbers are whole. */
export type PlistValue = string | number | boolean | Uint8Array | readonly PlistValue[] | PlistDict
/** A dictionary; keys come out in the order of insertion. */
export interface PlistDict {
  readonly [key: string]: PlistValue
}

/** Thrown for input that cannot stand in a profile; `code` is closed, `message` says what to mend. */
export class ProfileError extends Error {
  override name = 'ProfileError'
  readonly code: 'IDENTIFIER' | 'TEXT' | 'NUMBER'
  constructor(code: ProfileError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Names a payload or a profile for ever. */
export interface PayloadIdentity {
  readonly identifier: string
  readonly uuid: string
}

/** What an identity is derived from. Ids: 1 to 128 of `A-Z a-z 0-9 _ -`. */
export interface PayloadOrigin {
  /** The kind of configuration, such as `exchange`. */
  readonly kind: string
  readonly configurationId: string
  readonly deviceId: string
  /** The payload within the profile, such as `eas`; null for the profile itself. */
  readonly role: string | null
}

/** Namespace of our UUIDs. Never to be changed: every mail account in the field would be made anew. */
const NAMESPACE = '9d1c6e0a-6f6b-4a57-8d3e-2f5b7a90c1e4'

/**
 * Identifier `core.<kind>.<configuration>.<device>[.<role>]`, and the UUID that follows from it.
 * @throws ProfileError IDENTIFIER: with a dot in an id, two origins could share one identifier
 */
export function payloadIdentity(origin: PayloadOrigin, sha1: Sha1): PayloadIdentity {
  const { kind, configurationId, deviceId, role } = origin
  const parts = [kind, configurationId, deviceId, ...(role === null ? [] : [role])]
  for (const part of parts) {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(part)) {
      const quoted = JSON.stringify(part.slice(0, 200))
      throw new ProfileError('IDENTIFIER', `${quoted} is no id of 1 to 128 letters, digits, hyphens and underscores`)
    }
  }
  const identifier = ['core', ...parts].join('.')
  return { identifier, uuid: stableUuid(NAMESPACE, identifier, sha1) }
}

/** A payload with its header; `keys` must not contain `Payload…` keys of the header. */
export function toPayload(type: string, identity: PayloadIdentity, displayName: string, keys: PlistDict): PlistDict {
  return {
    PayloadType: type,
    PayloadIdentifier: identity.identifier,
    PayloadUUID: identity.uuid,
    PayloadVersion: 1,
    PayloadDisplayName: displayName,
    ...keys,
  }
}

/** What the person sees of a profile, and what is in it. */
export interface ProfileParts {
  readonly identity: PayloadIdentity
  readonly displayName: string
  /** Left out of the profile when empty. */
  readonly description: string
  /** Payloads in the order in which the device should take them: an identity before the account that uses it. */
  readonly content: readonly PlistDict[]
}

/** The top level of a profile. The person may remove it: only supervised devices can forbid that. */
export function toProfile({ identity, displayName, description, content }: ProfileParts): PlistDict {
  return {
    PayloadType: 'Configuration',
    PayloadIdentifier: identity.identifier,
    PayloadUUID: identity.uuid,
    PayloadVersion: 1,
    PayloadDisplayName: displayName,
    ...(description === '' ? {} : { PayloadDescription: description }),
    PayloadContent: content,
  }
}

/**
 * The profile as an XML property list, unsigned, in UTF-8 text that ends in a newline. Same input, same bytes.
 * @throws ProfileError TEXT for characters that XML cannot carry, NUMBER for what is no safe whole number
 */
export function toPlist(profile: PlistDict): string {
  return `${build(libraryValue(profile, ''))}\n`
}

function libraryValue(value: PlistValue, path: string): LibraryValue {
  if (typeof value === 'string') return xmlText(value, path)
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    throw new ProfileError('NUMBER', `${path}: ${value} is no whole number that a property list can carry`)
  }
  if (value instanceof Uint8Array) return value
  if (isList(value)) return value.map((item, index) => libraryValue(item, `${path}[${index}]`))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [xmlText(key, path), libraryValue(item, `${path}/${key}`)]),
  )
}

function isList(value: readonly PlistValue[] | PlistDict): value is readonly PlistValue[] {
  return Array.isArray(value)
}

function xmlText(text: string, path: string): string {
  if (/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text)) return text
  throw new ProfileError('TEXT', `${path}: has a character that XML cannot carry; take it out`)
}
