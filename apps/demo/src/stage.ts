/**
 * What the walk of a phone needs of everything around it: the mail service, the Sentry, and an administrator's hand.
 * @module
 */
import type { Administration, CoreLab, DeviceIds } from '@postern/harness/core-lab'
import { DESTINATION_RESOURCE, ENTRA_NAMES } from '@postern/harness/lab-config'
import type { SentryProcess } from '@postern/harness/sentry-process'

/** See the module's text. Times in milliseconds. */
export interface Stage {
  readonly lab: CoreLab
  readonly administration: Administration
  readonly devices: DeviceIds
  readonly exchange: CoreLab['grounds']['exchange']
  readonly sentry: SentryProcess
  readonly destinationResource: string
  isIdentityProvider(url: URL | null): boolean
  block(device: string, note: string): Promise<void>
  unblock(device: string, note: string): Promise<void>
  /** Asks for fresh proof first, as Core wants it for a wipe. */
  wipe(device: string, note: string): Promise<void>
  /** Waits until the Sentry works by what was done last. */
  applied(): Promise<void>
}

/** Sets the stage. `device` of its methods is the id in Core. */
export function toStage(
  lab: CoreLab,
  administration: Administration,
  devices: DeviceIds,
  sentry: SentryProcess,
): Stage {
  const { client } = administration
  return {
    lab,
    administration,
    devices,
    exchange: lab.grounds.exchange,
    sentry,
    destinationResource: DESTINATION_RESOURCE,
    isIdentityProvider: (url) => url !== null && ENTRA_NAMES.includes(url.hostname),
    block: async (id, note) => {
      await client.call('blockDevice', { params: { id }, body: { note } })
    },
    unblock: async (id, note) => {
      await client.call('unblockDevice', { params: { id }, body: { note } })
    },
    wipe: async (id, note) => {
      await administration.stepUp()
      await client.call('wipeDevice', { params: { id }, body: { note } })
    },
    applied: () => administration.applied(),
  }
}
