/**
 * `npm run demo`: the whole mail service on loopback, the procedure walked with both kinds of phone, then left running.
 * `npm run demo -- --once` walks it and ends: 0 when every step held, else 1.
 * @module
 */
import { once } from 'node:events'
import { startLab } from '@postern/harness/lab'
import { comeBack, makeWalkers } from './phones.ts'
import { whereToLook } from './show.ts'
import { Steps } from './steps.ts'
import { walk } from './walk.ts'

const stayUp = !process.argv.includes('--once')
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const print = (line: string): void => {
  console.log(line)
}
const since = performance.now()
await using lab = await startLab(stayUp ? { dir: '.demo' } : {})
print(`booted in ${(performance.now() - since).toFixed(0)} ms`)
for (const line of whereToLook(lab)) print(line)

const steps = new Steps(print)
await using walkers = makeWalkers(lab)
for (const walker of walkers.all) await walk(steps, lab, walker)
print(`${steps.summary()} in ${((performance.now() - since) / 1000).toFixed(1)} s`)
if (!steps.hold) process.exitCode = 1

if (stayUp && !stop.signal.aborted) {
  const living = comeBack(lab, walkers, stop.signal, print)
  print('Everything stays up, and both phones keep syncing. Ctrl-C ends it.')
  await once(stop.signal, 'abort')
  await living
}
