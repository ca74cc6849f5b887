/**
 * The profile that gives one device its Exchange account: what the preview shows is what is sent.
 *
 * Pure: no I/O, no clock, no randomness; the same input gives the same bytes, so an update keeps the account.
 * @module
 */
import {
  EAS_ACCOUNT_TYPE,
  type DroppedKey,
  type EasAccountInput,
  type EasAccountRefusal,
  renderEasAccount,
} from '@postern/apple-profiles/eas-account'
import { compareOsVersions, type OsVersion, parseOsVersion } from '@postern/apple-profiles/os-version'
import { payloadIdentity, type PlistDict, toPayload, toPlist, toProfile } from '@postern/apple-profiles/profile'
import type { Sha1 } from '@postern/apple-profiles/stable-uuid'
import {
  type ChosenSentry,
  type ExchangeAddresses,
  exchangeAddresses,
  type ExchangeConfiguration,
  exchangeProblems,
  exchangeWarnings,
} from '@postern/contract/configurations/exchange'
import type { Problem } from '@postern/contract/problems'
import { startFilling } from './filled-fields.ts'
import { type DeviceFacts, type UserFacts, variableFacts } from './substitution.ts'

/** A payload that gives the device an identity; its `PayloadUUID` is `uuid`. */
export interface IdentityPayload {
  readonly uuid: string
  readonly payload: PlistDict
}

/** One account for one device. */
export interface ExchangeInput {
  /** `id`: 1 to 128 of `A-Z a-z 0-9 _ -`. */
  readonly configuration: ExchangeConfiguration & { readonly id: string }
  /** The one that `sentryProfileId` names; null when it names none. */
  readonly sentry: ChosenSentry | null
  readonly user: UserFacts
  readonly device: DeviceFacts
  readonly hash: Sha1
  /** By the name of the certificate enrollment setting. One that is missing is told in `missingIdentities`. */
  readonly identityPayloads?: ReadonlyMap<string, IdentityPayload>
}

/**
 * A profile, or why this device gets none. A profile with `missingIdentities` is for looking at only: a device refuses
 * an account whose identity is not in the same profile.
 */
export type RenderedExchange =
  | {
      readonly kind: 'profile'
      readonly plist: string
      readonly payload: PlistDict
      readonly missingIdentities: readonly string[]
      readonly warnings: readonly Problem[]
    }
  | {
      readonly kind: 'not-sendable'
      readonly reason: EasAccountRefusal | 'SENTRY_DOES_NOT_FIT' | 'EMAIL_ADDRESS_INVALID'
      readonly remedy: string
    }
  | { readonly kind: 'unresolved'; readonly variables: readonly string[] }

/**
 * @throws ContractError when a text of the configuration was never checked
 * @throws ProfileError IDENTIFIER when an id cannot stand in an identifier
 */
export function renderExchange(input: ExchangeInput): RenderedExchange {
  const { configuration, sentry, user, device } = input
  const problems = exchangeProblems(configuration, sentry)
  const addresses = exchangeAddresses(configuration, sentry)
  if (problems.length > 0 || addresses === null) {
    const told = problems.map(({ path, message }) => `${path}: ${message}`)
    return notSendable('SENTRY_DOES_NOT_FIT', told.join('; ') || 'serverAddress: give one, or choose a Sentry')
  }
  const filling = startFilling(variableFacts(user, device))
  const userName = filling.fill('userName', configuration.userName)
  const domain = filling.fill('domain', configuration.domain)
  const emailAddress = filling.fill('emailAddress', configuration.emailAddress)
  if (filling.unresolved().length > 0) return { kind: 'unresolved', variables: filling.unresolved() }
  if (emailAddress.length > 254 || !/^[^\s@]{1,64}@[^\s@]+$/.test(emailAddress)) {
    const remedy = `${JSON.stringify(emailAddress.slice(0, 300))} is no e-mail address; mend emailAddress, or the user`
    return notSendable('EMAIL_ADDRESS_INVALID', remedy)
  }
  const identities = identitiesOf(input)
  const person = { UserName: domain === '' ? userName : `${domain}\\${userName}`, EmailAddress: emailAddress }
  const keys = { ...person, ...accountKeys(configuration, addresses), ...identities.keys }
  const osVersion = parseOsVersion(device.osVersion ?? '')
  const account = renderEasAccount(keys, osVersion)
  if (account.kind === 'not-sendable') return account
  const profile = profileOf(input, identities.content, account.payload)
  const warnings = [
    ...exchangeWarnings(configuration, sentry),
    ...earlyOAuthWarnings(addresses, osVersion),
    ...account.dropped.map((dropped) => droppedWarning(dropped, device.osVersion)),
    ...identities.missing.map(missingWarning),
  ]
  const missingIdentities = identities.missing.map(({ name }) => name)
  return { kind: 'profile', plist: toPlist(profile), payload: profile, missingIdentities, warnings }
}

function notSendable(reason: 'SENTRY_DOES_NOT_FIT' | 'EMAIL_ADDRESS_INVALID', remedy: string): RenderedExchange {
  return { kind: 'not-sendable', reason, remedy }
}

function accountKeys(configuration: ExchangeConfiguration, addresses: ExchangeAddresses): EasAccountInput {
  const { services, smime, perAppVpnUuid } = configuration
  return {
    Host: addresses.serverAddress,
    SSL: configuration.useSsl,
    OAuth: addresses.oauth !== null,
    OAuthSignInURL: addresses.oauth?.signInUrl,
    OAuthTokenRequestURL: addresses.oauth?.tokenRequestUrl,
    PreventMove: !configuration.allowMove,
    PreventAppSheet: configuration.useOnlyInMail,
    disableMailRecentsSyncing: !configuration.syncRecentAddresses,
    MailNumberOfPastDaysToSync: configuration.pastDaysOfMailToSync,
    allowMailDrop: configuration.allowMailDrop,
    EnableMail: services.mail.enabled,
    EnableContacts: services.contacts.enabled,
    EnableCalendars: services.calendars.enabled,
    EnableReminders: services.reminders.enabled,
    EnableNotes: services.notes.enabled,
    EnableMailUserOverridable: services.mail.userMayChange,
    EnableContactsUserOverridable: services.contacts.userMayChange,
    EnableCalendarsUserOverridable: services.calendars.userMayChange,
    EnableRemindersUserOverridable: services.reminders.userMayChange,
    EnableNotesUserOverridable: services.notes.userMayChange,
    ...(smime === null ? {} : smimeKeys(smime)),
    VPNUUID: perAppVpnUuid ?? undefined,
  }
}

function smimeKeys({ signing, encryption }: NonNullable<ExchangeConfiguration['smime']>): EasAccountInput {
  return {
    SMIMESigningEnabled: signing.enabled,
    SMIMESigningUserOverrideable: signing.userMayChange,
    SMIMESigningCertificateUUIDUserOverrideable: signing.userMayChooseCertificate,
    SMIMEEncryptByDefault: encryption.byDefault,
    SMIMEEncryptByDefaultUserOverrideable: encryption.userMayChange,
    SMIMEEncryptionCertificateUUIDUserOverrideable: encryption.userMayChooseCertificate,
    SMIMEEnableEncryptionPerMessageSwitch: encryption.perMessageSwitch,
  }
}

interface Identities {
  readonly keys: EasAccountInput
  readonly content: readonly PlistDict[]
  readonly missing: readonly { readonly path: string; readonly name: string }[]
}

// Two uses of one setting are one identity, and one payload.
function identitiesOf({ configuration, device, hash, identityPayloads }: ExchangeInput): Identities {
  const { identityCertificate, smime } = configuration
  const signing = smime?.signing.certificate ?? null
  const encryption = smime?.encryption.certificate ?? null
  const uuids = new Map<string, string>()
  const content: PlistDict[] = []
  const missing: { path: string; name: string }[] = []
  for (const { path, role, name } of [
    { path: 'identityCertificate', role: 'identity', name: identityCertificate },
    { path: 'smime.signing.certificate', role: 'smime-signing', name: signing },
    { path: 'smime.encryption.certificate', role: 'smime-encryption', name: encryption },
  ]) {
    if (name === null || uuids.has(name)) continue
    const given = identityPayloads?.get(name)
    if (given === undefined) missing.push({ path, name })
    else content.push(payloadOf(name, given))
    const origin = { kind: 'exchange', configurationId: configuration.id, deviceId: device.id, role }
    uuids.set(name, given?.uuid ?? payloadIdentity(origin, hash).uuid)
  }
  const keys = {
    PayloadCertificateUUID: uuids.get(identityCertificate ?? ''),
    SMIMESigningCertificateUUID: uuids.get(signing ?? ''),
    SMIMEEncryptionCertificateUUID: uuids.get(encryption ?? ''),
  }
  return { keys, content, missing }
}

// The account would name an identity that is not in the profile, and the device would refuse both.
function payloadOf(name: string, { uuid, payload }: IdentityPayload): PlistDict {
  if (payload['PayloadUUID'] === uuid) return payload
  throw new RangeError(`the payload of identity ${JSON.stringify(name)} has another PayloadUUID than it says`)
}

function profileOf(input: ExchangeInput, identities: readonly PlistDict[], account: PlistDict): PlistDict {
  const { configuration, device, hash } = input
  const origin = { kind: 'exchange', configurationId: configuration.id, deviceId: device.id }
  const displayName = configuration.name
  const payload = toPayload(EAS_ACCOUNT_TYPE, payloadIdentity({ ...origin, role: 'eas' }, hash), displayName, account)
  return toProfile({
    identity: payloadIdentity({ ...origin, role: null }, hash),
    displayName,
    description: configuration.description,
    content: [...identities, payload],
  })
}

function droppedWarning({ key, since }: DroppedKey, osVersion: string | null): Problem {
  return { path: `payload.${key}`, message: `is not sent: iOS ${osVersion ?? '?'} does not know it, ${since} does` }
}

function missingWarning({ path, name }: Identities['missing'][number]): Problem {
  return { path, message: `has no payload for ${JSON.stringify(name)} yet; it is made when the profile is sent` }
}

// Documented for the vendor's own gateway; whether it is the device's limit or the gateway's is not known.
function earlyOAuthWarnings(addresses: ExchangeAddresses, osVersion: OsVersion | null): Problem[] {
  if (addresses.oauth === null || osVersion === null || compareOsVersions(osVersion, [14, 6, 0]) >= 0) return []
  return [{ path: 'useOAuth', message: 'OAuth of native mail is documented for iOS 14.6 and later; update the device' }]
}
