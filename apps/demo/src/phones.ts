/**
 * The two phones of the demonstration, set up with what Core would send them, and their quiet life after it.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EmailPlusPhone } from '@postern/harness/email-plus-phone'
import { type DeviceName, PEOPLE } from '@postern/harness/lab-config'
import { MailPhone } from '@postern/harness/mail-phone'
import type { Administered } from './administer.ts'
import type { Stage } from './stage.ts'
import type { Walker } from './walk.ts'

/** Both walkers; disposing them closes their connections. */
export interface Walkers extends AsyncDisposable {
  all: Walker[]
}

/** New mail for one of the phones this often, and a phone that was refused tries again. Milliseconds. */
const MAIL_EVERY_MS = 5_000
/** An audit line is written a moment after its answer. Milliseconds. */
const AUDIT_MS = 100

/** Which device carries which mail client. */
export interface Cast {
  readonly mail: DeviceName
  readonly emailPlus: DeviceName
}

/** One device with iOS Mail, set up by the profile; one with Email+, set up by the pairs. */
export function makeWalkers(stage: Stage, sent: Administered['sent'], cast: Cast): Walkers {
  const ann = person(stage, cast.mail)
  const bob = person(stage, cast.emailPlus)
  const mail = new MailPhone({
    ...ann.phone,
    host: fromPlist(sent.exchangePlist, 'Host'),
    oauthSignInUrl: fromPlist(sent.exchangePlist, 'OAuthSignInURL'),
    oauthTokenRequestUrl: fromPlist(sent.exchangePlist, 'OAuthTokenRequestURL'),
  })
  const pair = (key: string): string => sent.emailPlus[key] ?? ''
  const plus = new EmailPlusPhone({
    ...bob.phone,
    deviceId: pair('email_device_id'),
    pairs: {
      eas_min_allowed_auth_mode: pair('eas_min_allowed_auth_mode'),
      modern_auth_authority_url: pair('modern_auth_authority_url'),
      modern_auth_resource_url: pair('modern_auth_resource_url'),
      email_login_certificate: pair('email_login_certificate'),
      email_exchange_host: pair('email_exchange_host'),
    },
  })
  return {
    all: [
      { phone: mail, device: ann.device, user: ann.phone.user },
      { phone: plus, device: bob.device, user: bob.phone.user },
    ],
    [Symbol.asyncDispose]: async () => {
      mail.close()
      plus.close()
      await Promise.resolve()
    },
  }
}

function person({ lab, devices }: Stage, name: DeviceName) {
  const { user, easDeviceId, identity } = lab.grounds.devices[name]
  const password = PEOPLE.find(({ upn }) => upn === user)?.password ?? ''
  return { device: devices[name], phone: { net: lab.grounds.net, user, password, deviceId: easDeviceId, identity } }
}

/** A text of a profile's payload; empty when it is not there, and the phone then says what it misses. */
function fromPlist(plist: string, key: string): string {
  return new RegExp(`<key>${key}</key>\\s*<string>([^<]*)</string>`).exec(plist)?.[1] ?? ''
}

/** Lets both devices live until `signal` says so; each tells when something changes for it. */
export async function live(
  stage: Stage,
  walkers: Walkers,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  await Promise.all(walkers.all.map((walker) => liveWith(stage, walker, signal, print)))
}

async function liveWith(
  stage: Stage,
  walker: Walker,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const { phone, user } = walker
  phone.eas.startOver()
  const over = (): boolean => signal.aborted
  let told = SYNCING
  const tell = (words: string): void => {
    if (words !== told) print(`${phone.kind} (${user}): ${words}`)
    told = words
  }
  while (!over()) {
    const since = (await stage.sentry.auditLines()).length
    const ended = await keepSyncing(stage, walker, signal, () => tell(SYNCING)).then(
      () => phone.eas.state,
      (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
    )
    if (over()) return
    await delay(AUDIT_MS)
    tell(`${(await refusalOf(stage, walker, since)) ?? ended}; it goes on trying`)
    await delay(MAIL_EVERY_MS, undefined, { signal }).catch(() => undefined)
    phone.eas.startOver()
  }
}

const SYNCING = 'keeps syncing'

/** Why Sentry refused the device last, if it did so since the audit file had `since` lines. */
async function refusalOf(stage: Stage, { device }: Walker, since: number): Promise<string | null> {
  const lines = (await stage.sentry.auditLines()).slice(since)
  const last = lines.findLast((line) => line.device === device && line.decision === 'refuse')
  return last === undefined ? null : `blocked: ${last.reasons.join(' ')}`
}

async function keepSyncing(
  stage: Stage,
  { phone, user }: Walker,
  signal: AbortSignal,
  syncing: () => void,
): Promise<void> {
  const { token } = await phone.signIn()
  if (token?.ok !== true) throw new Error(`no token: ${token?.error ?? 'the sign-in page stayed'}`)
  await phone.eas.setUp()
  if (phone.eas.state === 'ready') syncing()
  let count = 0
  const post = setInterval(() => {
    count += 1
    stage.exchange.deliver(user, {
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
