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

/** New mail for one of the phones this often. Milliseconds. */
const MAIL_EVERY_MS = 5_000

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
  while (!over()) {
    const ended = await keepSyncing(lab, walker, signal).then(
      () => `stands at ${phone.eas.state}`,
      (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
    )
    if (over()) return
    print(`${phone.kind} (${user}): ${ended}; it tries again in five seconds`)
    await delay(MAIL_EVERY_MS, undefined, { signal }).catch(() => undefined)
    phone.eas.startOver()
  }
}

async function keepSyncing(lab: Lab, { phone, user }: Walker, signal: AbortSignal): Promise<void> {
  const { token } = await phone.signIn()
  if (token?.ok !== true) throw new Error(`no token: ${token?.error ?? 'the sign-in page stayed'}`)
  await phone.eas.setUp()
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
