/**
 * `npm run demo`: the whole mail service on loopback, managed by Core; the documented procedure walked by an administrator
 * and then with both kinds of phone; then left running. `npm run demo -- --once` walks it and ends: 0 when every step held,
 * else 1.
 * @module
 */
import { once } from 'node:events'
import { startCoreLab } from '@postern/harness/core-lab'
import { administer } from './administer.ts'
import { closeBooks } from './books.ts'
import { live, makeWalkers } from './phones.ts'
import { whereToLook } from './show.ts'
import { toStage } from './stage.ts'
import { Steps } from './steps.ts'
import { walk } from './walk.ts'

const stayUp = !process.argv.includes('--once')
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const print = (line: string): void => {
  console.log(line)
}
const since = performance.now()
await using lab = await startCoreLab(stayUp ? { dir: '.demo' } : {})
print(`booted in ${(performance.now() - since).toFixed(0)} ms`)

const steps = new Steps(print)
const { administration, devices, sentry, sent } = await administer(steps, lab)
const stage = toStage(lab, administration, devices, sentry)
await using walkers = makeWalkers(stage, sent, { mail: 'ann-phone', emailPlus: 'bob-tablet' })
for (const walker of walkers.all) await walk(steps, stage, walker)
await closeBooks(steps, stage)
print(`${steps.summary()} in ${((performance.now() - since) / 1000).toFixed(1)} s`)
if (!steps.hold) process.exitCode = 1

if (stayUp && !stop.signal.aborted) {
  for (const line of whereToLook(stage)) print(line)
  await using others = makeWalkers(stage, sent, { mail: 'bob-phone', emailPlus: 'ann-tablet' })
  const living = live(stage, others, stop.signal, print)
  print('Everything stays up, and the two other devices keep syncing. Ctrl-C ends it.')
  await once(stop.signal, 'abort')
  await living
}
