/**
 * What the operator is told of settings that came into force: laboratory, open doors, certificates out of their time.
 * @module
 */
import type { Log } from '../config/log.ts'
import type { Settings } from '../config/settings.ts'
import { certificateDoubts, listDoubts } from '../config/settings-doubts.ts'

/** `before` null: at start, when everything is told; afterwards doubts only. `now`: ms since 1970. */
export function tellOfSettings(settings: Settings, now: number, log: Log, before: Settings | null): void {
  const { config } = settings
  if (before === null && config.lab) {
    const warning = 'name resolution comes from "hosts"; never run like this in production'
    log('problem', 'LAB-MODE', { warning, hosts: config.hosts })
  }
  if (before === null && config.policy.unknownDevices === 'allow') {
    log('problem', 'unknown-devices-allowed', { warning: 'any device that signs in gets mail' })
  }
  for (const { path, message } of [...certificateDoubts(settings, now), ...listDoubts(settings, now)]) {
    log('problem', 'certificate-warning', { path, message })
  }
}
