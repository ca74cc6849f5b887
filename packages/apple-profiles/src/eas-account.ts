/**
 * The payload `com.apple.eas.account` for one device: keys that its iOS does not know are left out and named, and an
 * account that would sign in past the Sentry is not made at all.
 *
 * Document: Apple, Device Management, ExchangeActiveSync. Pure: no I/O, no clock, no randomness.
 * @module
 */
import { EAS_ACCOUNT_KEYS, type EasAccountInput, type EasAccountKey, type EasKeyRow } from './eas-account-table.ts'
import { compareOsVersions, formatOsVersion, type OsVersion, parseOsVersion } from './os-version.ts'
import type { PlistDict, PlistValue } from './profile.ts'

export { EAS_ACCOUNT_KEYS, type EasAccountInput, type EasAccountKey, type EasKeyRow } from './eas-account-table.ts'

/** `PayloadType` of an Exchange account. */
export const EAS_ACCOUNT_TYPE = 'com.apple.eas.account'

/** A key that was asked for and is not in the payload, with the first iOS that would know it. */
export interface DroppedKey {
  readonly key: EasAccountKey
  readonly since: string
}

/** Why there is no payload for this device. Closed: every reason is one that a person can mend. */
export type EasAccountRefusal =
  'OS_TOO_OLD_FOR_OAUTH' | 'OS_VERSION_UNKNOWN' | 'OAUTH_INCOMPLETE' | 'HOST_MISSING' | 'NO_SERVICE_ENABLED'

/**
 * The payload without its `Payload…` header, which `toPayload` of `./profile` puts before it; or why there is none,
 * and what to do.
 */
export type EasAccountResult =
  | { readonly kind: 'payload'; readonly payload: PlistDict; readonly dropped: readonly DroppedKey[] }
  | { readonly kind: 'not-sendable'; readonly reason: EasAccountRefusal; readonly remedy: string }

/**
 * Keys come out in the order of the table. A value that equals the default of iOS is left out: it says nothing. With
 * an unknown version and no OAuth nothing is dropped, because iOS passes over keys that it does not know.
 * @param osVersion null when the device has not told it
 */
export function renderEasAccount(input: EasAccountInput, osVersion: OsVersion | null): EasAccountResult {
  const refusal = refusalOf(input, osVersion)
  if (refusal !== null) return refusal
  const payload: Record<string, PlistValue> = {}
  const dropped: DroppedKey[] = []
  for (const key of KEYS) {
    const row: EasKeyRow = EAS_ACCOUNT_KEYS[key]
    const value = input[key]
    if (value === undefined || value === row.initial) continue
    if (osVersion !== null && isOlder(osVersion, row.since)) dropped.push({ key, since: row.since })
    else payload[key] = value
  }
  return { kind: 'payload', payload, dropped }
}

const KEYS = (Object.keys(EAS_ACCOUNT_KEYS) as (keyof typeof EAS_ACCOUNT_KEYS)[]).filter(isSendable)

function isSendable(key: keyof typeof EAS_ACCOUNT_KEYS): key is EasAccountKey {
  const row: EasKeyRow = EAS_ACCOUNT_KEYS[key]
  return row.obsoleteFrom === undefined && row.secret === undefined
}

const SERVICES = ['EnableMail', 'EnableContacts', 'EnableCalendars', 'EnableReminders', 'EnableNotes'] as const

function refusalOf(input: EasAccountInput, osVersion: OsVersion | null): EasAccountResult | null {
  if (isBlank(input.Host)) return refuse('HOST_MISSING', 'give the account a server address')
  if (SERVICES.every((key) => input[key] === false)) {
    return refuse('NO_SERVICE_ENABLED', 'enable at least one of mail, contacts, calendars, reminders and notes')
  }
  if (input.OAuth !== true) return null
  if (isBlank(input.OAuthSignInURL) || isBlank(input.OAuthTokenRequestURL)) {
    return refuse('OAUTH_INCOMPLETE', 'give both OAuth URLs; without them the device would sign in past the Sentry')
  }
  // From iOS 12 a device knows OAuth but not the URLs: it would ask Autodiscover, and go to the mail service directly.
  const { since } = EAS_ACCOUNT_KEYS.OAuthSignInURL
  if (osVersion === null) {
    return refuse('OS_VERSION_UNKNOWN', `wait until the device has reported its iOS; OAuth needs ${since} or later`)
  }
  if (isOlder(osVersion, since)) {
    const has = formatOsVersion(osVersion)
    return refuse('OS_TOO_OLD_FOR_OAUTH', `update the device from iOS ${has} to ${since} or later, or use another app`)
  }
  return null
}

function refuse(reason: EasAccountRefusal, remedy: string): EasAccountResult {
  return { kind: 'not-sendable', reason, remedy }
}

function isOlder(version: OsVersion, since: string): boolean {
  const first = parseOsVersion(since)
  return first === null || compareOsVersions(version, first) < 0
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === ''
}
