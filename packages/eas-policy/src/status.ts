/**
 * The Status values that the gateway gives of its own, and the HTTP code that stands for each up to version 12.1.
 *
 * Document: MS-ASCMD 2.2.2 (common Status values, and the codes sent in their place to older clients).
 * @module
 */
import { isBefore14 } from '@postern/eas-query/commands'
import type { EasCommand, EasVersion } from '@postern/eas-query/commands'

/** One Status: its name, the HTTP code up to 12.1, and whether the client must provision in answer to it. */
export interface EasStatusRow {
  readonly name: string
  readonly http: number
  readonly asksToProvision: boolean
}

/** MS-ASCMD 2.2.2, in its order: what the gateway uses, no more. */
export const EAS_STATUSES = {
  101: { name: 'InvalidContent', http: 400, asksToProvision: false },
  102: { name: 'InvalidWBXML', http: 400, asksToProvision: false },
  108: { name: 'DeviceIdMissingOrInvalid', http: 400, asksToProvision: false },
  110: { name: 'ServerError', http: 500, asksToProvision: false },
  111: { name: 'ServerErrorRetryLater', http: 503, asksToProvision: false },
  126: { name: 'UserDisabledForSync', http: 403, asksToProvision: false },
  129: { name: 'DeviceIsBlockedForThisUser', http: 403, asksToProvision: false },
  130: { name: 'AccessDenied', http: 403, asksToProvision: false },
  131: { name: 'AccountDisabled', http: 403, asksToProvision: false },
  137: { name: 'CommandNotSupported', http: 501, asksToProvision: false },
  138: { name: 'VersionNotSupported', http: 400, asksToProvision: false },
  140: { name: 'RemoteWipeRequested', http: 449, asksToProvision: true },
  142: { name: 'DeviceNotProvisioned', http: 449, asksToProvision: true },
  143: { name: 'PolicyRefresh', http: 449, asksToProvision: true },
  144: { name: 'InvalidPolicyKey', http: 449, asksToProvision: true },
  177: { name: 'MaximumDevicesReached', http: 403, asksToProvision: false },
} as const satisfies Record<number, EasStatusRow>

/** A Status of the table. */
export type EasStatus = keyof typeof EAS_STATUSES

/** `OPTIONS` is a method and no command, but it is refused all the same. */
export type RefusedCommand = EasCommand | 'OPTIONS'

/**
 * The HTTP code that stands for a Status: for every client up to 12.1, and for later ones where the answer cannot
 * be WBXML (OPTIONS, GetAttachment).
 *
 * A wipe is announced by 449 only to a client that has sent the policy-key header, else by 403. Ping and OPTIONS
 * carry no policy key and never get 449; neither do clients from 14.0 on, which are asked by Status.
 */
export function httpFor(
  status: EasStatus,
  version: EasVersion,
  command: RefusedCommand,
  options: { readonly policyKeyHeaderSent: boolean },
): number {
  const row: EasStatusRow = EAS_STATUSES[status]
  if (!row.asksToProvision) return row.http
  if (!isBefore14(version) || command === 'Ping' || command === 'OPTIONS') return 403
  return status === 140 && !options.policyKeyHeaderSent ? 403 : row.http
}
