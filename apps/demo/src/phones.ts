/**
 * The two phones of the demonstration, and their quiet life after it.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Lab } from '@postern/harness/lab'
import type { Walker } from './walk.ts'

/** Both walkers; disposing them closes their connections. */
export interface Walkers extends AsyncDisposable {
  all: Walker[]
}

/** New mail for one of the phones this often, and a phone that was refused tries again. Milliseconds. */
const MAIL_EVERY_MS = 5_000
/** An audit line is written a moment after its answer. Milliseconds. */
const AUDIT_MS = 100

/** Ann with iOS Mail, Bob with Email+. */
export function makeWalkers(lab: Lab): Walkers {
  const mail = { phone: lab.mailPhone('ann-phone'), device: 'ann-phone', user: lab.devices['ann-phone'].user }
  const plus = { phone: lab.emailPlusPhone('bob-tablet'), device: 'bob-tablet', user: lab.devices['bob-tablet'].user }
  return {
    all: [mail, plus],
    [Symbol.asyncDispose]: async () => {
      mail.phone.close()
      plus.phone.close()
      await Promise.resolve()
    },
  }
}

/** Allows both devices again, sets their accounts up anew and lets them live until `signal` says so. */
export async function comeBack(
  lab: Lab,
  walkers: Walkers,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  await Promise.all(walkers.all.map((walker) => liveWith(lab, walker, signal, print)))
}

async function liveWith(lab: Lab, walker: Walker, signal: AbortSignal, print: (line: string) => void): Promise<void> {
  const { phone, device, user } = walker
  await lab.policy.posture(device, 'allow')
  await lab.policy.applied()
  phone.eas.startOver()
  const over = (): boolean => signal.aborted
  let told = SYNCING
  const tell = (words: string): void => {
    if (words !== told) print(`${phone.kind} (${user}): ${words}`)
    told = words
  }
  while (!over()) {
    const since = (await lab.sentry.auditLines()).length
    const ended = await keepSyncing(lab, walker, signal, () => tell(SYNCING)).then(
      () => phone.eas.state,
      (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
    )
    if (over()) return
    await delay(AUDIT_MS)
    tell(`${(await refusalOf(lab, walker, since)) ?? ended}; it goes on trying`)
    await delay(MAIL_EVERY_MS, undefined, { signal }).catch(() => undefined)
    phone.eas.startOver()
  }
}

const SYNCING = 'keeps syncing'

/** Why Sentry refused the device last, if it did so since the audit file had `since` lines. */
async function refusalOf(lab: Lab, { device }: Walker, since: number): Promise<string | null> {
  const lines = (await lab.sentry.auditLines()).slice(since)
  const last = lines.findLast((line) => line.device === device && line.decision === 'refuse')
  return last === undefined ? null : `blocked: ${last.reasons.join(' ')}`
}

async function keepSyncing(lab: Lab, { phone, user }: Walker, signal: AbortSignal, syncing: () => void): Promise<void> {
  const { token } = await phone.signIn()
  if (token?.ok !== true) throw new Error(`no token: ${token?.error ?? 'the sign-in page stayed'}`)
  await phone.eas.setUp()
  if (phone.eas.state === 'ready') syncing()
  let count = 0
  const post = setInterval(() => {
    count += 1
    lab.exchange.deliver(user, {
      subject: `Mail ${String(count)}`,
      from: 'post@example.com',
      body: 'Every five seconds.',
    })
  }, MAIL_EVERY_MS)
  try {
    await phone.eas.live(signal)
  } finally {
    clearInterval(post)
  }
}
