/**
 * A configuration rendered for one user and device: the one place where it is done, for previews as for deliveries.
 * @module
 */
import { createHash } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { ConfigurationKind, RenderedConfiguration } from '@postern/contract/api/configurations'
import type { ChosenSentry } from '@postern/contract/configurations/exchange'
import { renderEmailPlus } from '@postern/mail-settings/email-plus'
import { renderExchange } from '@postern/mail-settings/exchange'
import type { DeviceFacts, UserFacts } from '@postern/mail-settings/substitution'
import type { Tables } from '../../database/tables.ts'
import { PLATFORMS, type Settings } from './kinds.ts'

type Columns<Name extends keyof Tables, Column extends keyof Tables[Name]> = Readonly<
  Selectable<Pick<Tables[Name], Column>>
>

/** What is read of a user to fill variables. */
export const USER_COLUMNS = [
  'user_name',
  'user_id',
  'email',
  'first_name',
  'last_name',
  'display_name',
  'custom1',
  'custom2',
  'custom3',
  'custom4',
] as const satisfies readonly (keyof Tables['users'])[]

/** A configuration on its way to devices. */
export interface Rendering {
  readonly id: string
  readonly stored: Settings
  readonly sentry: ChosenSentry | null
}

/** A device as far as a rendering must know it. */
export interface RenderedDevice {
  readonly facts: DeviceFacts
  readonly platform: string
  readonly state: string
}

/** What is sent, or why nothing is. The form is that of the contract. */
export function renderConfiguration(
  { id, stored, sentry }: Rendering,
  user: UserFacts,
  { facts, platform, state }: RenderedDevice,
): RenderedConfiguration {
  const refusal = refusalOf(stored.kind, platform, state)
  if (refusal !== null) return refusal
  const input = { sentry, user, device: facts }
  if (stored.kind === 'exchange') {
    const rendered = renderExchange({ ...input, configuration: { ...stored.settings, id }, hash: sha1 })
    if (rendered.kind !== 'profile') return toReply(rendered)
    const { kind, plist, missingIdentities, warnings } = rendered
    return { kind, plist, missingIdentities: [...missingIdentities], warnings: [...warnings] }
  }
  const rendered = renderEmailPlus({ ...input, configuration: stored.settings })
  if (rendered.kind !== 'settings') return toReply(rendered)
  const { kind, managedAppConfiguration, android, certificates, warnings } = rendered
  return {
    kind,
    managedAppConfiguration: { ...managedAppConfiguration },
    android: { packageName: android.packageName, restrictions: [...android.restrictions] },
    certificates: [...certificates],
    warnings: [...warnings],
  }
}

/** Facts of a user's row; what is empty is unknown. */
export function userFacts(row: Columns<'users', (typeof USER_COLUMNS)[number]>): UserFacts {
  return {
    email: known(row.email),
    userId: known(row.user_id),
    upn: known(row.user_name),
    firstName: known(row.first_name),
    lastName: known(row.last_name),
    displayName: known(row.display_name),
    custom: [row.custom1, row.custom2, row.custom3, row.custom4].map(known),
  }
}

/** A device's row as renderings take it. */
export function renderedDevice(
  row: Columns<'devices', 'udid' | 'serial' | 'os_version' | 'platform' | 'state'> & { readonly id: string },
): RenderedDevice {
  const { id, udid, serial, os_version: osVersion, platform, state } = row
  return { facts: { id, uuid: known(udid), serial: known(serial), osVersion: known(osVersion) }, platform, state }
}

function known(text: string): string | null {
  return text === '' ? null : text
}

// SHA-1 names things here (RFC 9562, version 5) and protects nothing.
function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest()
}

function refusalOf(kind: ConfigurationKind, platform: string, state: string): RenderedConfiguration | null {
  if (state === 'retired' || state === 'wiped') {
    return {
      kind: 'not-sendable',
      reason: 'DEVICE_NOT_IN_USE',
      remedy: `the device is ${state}; nothing is sent to it`,
    }
  }
  const takes: readonly string[] = PLATFORMS[kind]
  if (takes.includes(platform)) return null
  const remedy = `devices of platform ${platform} take no ${kind} configuration, only ${takes.join(' and ')} do`
  return { kind: 'not-sendable', reason: 'PLATFORM_DOES_NOT_FIT', remedy }
}

function toReply(
  rendered:
    | { readonly kind: 'not-sendable'; readonly reason: string; readonly remedy: string }
    | { readonly kind: 'unresolved'; readonly variables: readonly string[] },
): RenderedConfiguration {
  return rendered.kind === 'unresolved' ? { kind: rendered.kind, variables: [...rendered.variables] } : rendered
}
