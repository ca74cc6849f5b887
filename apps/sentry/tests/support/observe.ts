/**
 * Ways to look at a lab's Sentry from outside: the audit line of a reply, its workers, when a reload is in force.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Lab } from '@postern/harness/lab'
import type { AuditLine, SentryProcess } from '@postern/harness/sentry-process'

/** The audit line of one reply, found by the id that the device was given. */
export function auditOf(sentry: SentryProcess, reply: { headers: Record<string, string> }): Promise<AuditLine> {
  const id = reply.headers['x-request-id']
  return sentry.waitForAudit((line) => line.id === id)
}

/** Waits until `holds` is true, asking every 10 ms. Rejects after `timeoutMs` with `what`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await delay(10)
  }
}

/** How often an operational event was written so far. */
export function eventCount(sentry: SentryProcess, event: string): number {
  return `${sentry.stdout()}\n${sentry.stderr()}`.split(`"event":"${event}"`).length - 1
}

/** Does something and waits until it led to one more `event` and every worker has heard of it. */
export async function afterEvent(sentry: SentryProcess, event: string, act: () => unknown): Promise<void> {
  const before = eventCount(sentry, event)
  await act()
  await until(event, () => eventCount(sentry, event) > before)
  await sentry.metrics() // workers answer a scrape after what was sent to them before it
}

/** Longer than the watcher of files takes to find a change. Milliseconds. */
const WATCH_MS = 400

/** Changes files beside the configuration, then SIGHUP; waits until what both of these start is over. */
export async function changeAndHangUp(sentry: SentryProcess, change: () => Promise<unknown>): Promise<void> {
  await afterEvent(sentry, 'settings-applied', async () => {
    await change()
    sentry.signal('SIGHUP')
  })
  await delay(WATCH_MS)
  await sentry.metrics()
}

/** Replaces the configuration and waits until it is in force. */
export function reconfigure(lab: Pick<Lab, 'sentry'>, config: object): Promise<void> {
  return afterEvent(lab.sentry, 'settings-applied', () => lab.sentry.writeConfig(config))
}

/** Process ids of the workers, lowest first. */
export async function workerPids({ pid }: SentryProcess): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
    .sort((a, b) => a - b)
}

/** Runs `act` while one worker alone can serve: the others are stopped, and go on afterwards. */
export async function servedBy<T>(sentry: SentryProcess, worker: number, act: () => Promise<T>): Promise<T> {
  const pids = await workerPids(sentry)
  const others = pids.filter((_, index) => index !== worker)
  if (others.length === pids.length) throw new RangeError(`there is no worker ${worker}`)
  for (const other of others) process.kill(other, 'SIGSTOP')
  try {
    return await act()
  } finally {
    for (const other of others) process.kill(other, 'SIGCONT')
  }
}
