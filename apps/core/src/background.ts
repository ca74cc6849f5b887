/**
 * What Core does by itself while it runs.
 * @module
 */
import { startTombstonePurge } from './feed/tombstones.ts'
import { startAssociationClock } from './services/associations/decide.ts'
import { startSyslog } from './services/audit/syslog-sender.ts'
import { startRenewal } from './services/certificates/renewal.ts'
import { startPostureClock } from './services/posture/clock.ts'
import type { Services } from './services/services.ts'
import { startHousekeeping } from './services/system/housekeeping.ts'
import { startHeartbeat } from './services/system/instances.ts'

/** Starts every background job of this process. Disposing ends them. */
export async function startBackground(services: Services): Promise<AsyncDisposable> {
  await using jobs = new AsyncDisposableStack()
  jobs.use(await startHeartbeat(services))
  jobs.use(startHousekeeping(services))
  jobs.use(startSyslog(services))
  jobs.use(startPostureClock(services))
  jobs.use(startAssociationClock(services))
  jobs.use(startRenewal(services))
  jobs.use(startTombstonePurge(services))
  return jobs.move()
}
