/**
 * Where to look at what the demonstration runs.
 * @module
 */
import type { Stage } from './stage.ts'

/** Lines for a person: addresses, credentials, files, people. */
export function whereToLook({ lab, sentry, administration }: Stage): string[] {
  const { core, grounds } = lab
  const rows = [
    ['Core', `${core.adminUrl}/api/v1/ (signed in as ${administration.credentials.userName}; only for this demo)`],
    [
      'Sentry',
      `https://127.0.0.1:${String(sentry.port)} as ${lab.sentryName}, ${String(sentry.workers)} workers, pid ${String(sentry.pid)}`,
    ],
    ['metrics', `http://127.0.0.1:${String(sentry.localPort)}/metrics (also /healthz, /readyz)`],
    ['audit of Sentry', sentry.auditFile],
    ['data of Core', `${lab.dir}/core`],
    ['Exchange stand-in', `https://127.0.0.1:${String(grounds.exchange.port)}`],
    ['Entra stand-in', `https://127.0.0.1:${String(grounds.entra.port)}`],
    ...Object.values(grounds.devices).map(({ id, user, easDeviceId }) => [
      'device',
      `${id}: ${user}, DeviceId ${easDeviceId}`,
    ]),
  ]
  return rows.map(([what = '', where = '']) => `${what.padEnd(18)} ${where}`)
}
