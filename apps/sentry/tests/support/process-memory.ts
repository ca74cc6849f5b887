/**
 * What a Sentry's workers occupy, as the kernel counts it.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** Process ids of a Sentry's workers: the children of its supervisor. */
export async function workerPids(supervisor: number): Promise<number[]> {
  const file = `/proc/${String(supervisor)}/task/${String(supervisor)}/children`
  const text = await readFile(file, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** Resident memory of a Sentry's workers together, bytes. */
export async function workersRss(supervisor: number): Promise<number> {
  const sizes = await Promise.all((await workerPids(supervisor)).map(rssOf))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** The same when nothing moves any more: the least of `samples` readings, 50 ms apart. */
export async function settledRss(supervisor: number, samples = 20): Promise<number> {
  let least = Infinity
  for (let count = 0; count < samples; count += 1) {
    await delay(50)
    least = Math.min(least, await workersRss(supervisor))
  }
  return least
}

async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8')
  const line = status.split('\n').find((each) => each.startsWith('VmRSS:')) ?? ''
  return Number(line.split(/\s+/)[1]) * 1_024
}
