/**
 * Where to look at what the demonstration runs.
 * @module
 */
import type { Lab } from '@postern/harness/lab'

/** Lines for a person: addresses, files, people. */
export function whereToLook(lab: Lab): string[] {
  const { sentry } = lab
  const rows = [
    [
      'Sentry',
      `https://127.0.0.1:${String(sentry.port)} as ${lab.sentryName}, ${String(sentry.workers)} workers, pid ${String(sentry.pid)}`,
    ],
    ['metrics', `http://127.0.0.1:${String(sentry.localPort)}/metrics (also /healthz, /readyz)`],
    ['configuration', sentry.configFile],
    ['policy', `${sentry.policyFile} (edit it: it is watched)`],
    ['audit', sentry.auditFile],
    ['Exchange stand-in', `https://127.0.0.1:${String(lab.exchange.port)}`],
    ['Entra stand-in', `https://127.0.0.1:${String(lab.entra.port)}`],
    ...Object.values(lab.devices).map(({ id, user, easDeviceId }) => [
      'device',
      `${id}: ${user}, DeviceId ${easDeviceId}`,
    ]),
  ]
  return rows.map(([what = '', where = '']) => `${what.padEnd(18)} ${where}`)
}
