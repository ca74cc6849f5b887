/**
 * The procedure that the product exists for, walked with one phone.
 * @module
 */
import type { EasOutcome } from '@postern/harness/eas-account'
import type { EmailPlusPhone } from '@postern/harness/email-plus-phone'
import type { MailPhone } from '@postern/harness/mail-phone'
import type { Stage } from './stage.ts'
import type { Seen, Steps } from './steps.ts'

/** Either kind of phone. */
export type Phone = MailPhone | EmailPlusPhone

/** Who walks, and with which of the lab's devices. */
export interface Walker {
  phone: Phone
  /** Id of the device in Core. */
  device: string
  /** Whose mailbox it is. */
  user: string
}

/** A block during a held Ping must be seen within this many milliseconds. */
const BLOCK_LIMIT_MS = 1_000

/** Walks all steps; ends with the account wiped from the phone and the device still marked for it. */
export async function walk(steps: Steps, stage: Stage, walker: Walker): Promise<void> {
  await signIn(steps, stage, walker)
  await syncMail(steps, stage, walker)
  await blockAndUnblock(steps, stage, walker)
  await wipe(steps, stage, walker)
}

async function signIn(steps: Steps, stage: Stage, { phone }: Walker): Promise<void> {
  const name = (what: string): string => `${phone.kind}: ${what}`
  if (phone.kind === 'Email+') {
    await steps.run(name('instance discovery'), '400 invalid_instance from Sentry', async () => {
      const { status, body } = await phone.discover()
      return { seen: `${String(status)} ${String(body['error'])}`, holds: body['error'] === 'invalid_instance' }
    })
  } else {
    await steps.run(name('empty Bearer probe'), `401 naming ${phone.signInUrl}`, async () => {
      const { status, challenge } = await phone.probe()
      const uri = challenge?.authorizationUri ?? 'no authorization_uri'
      return { seen: `${String(status)} naming ${uri}`, holds: status === 401 && uri === phone.signInUrl }
    })
  }
  const expected = `302 to the IdP with ${stage.destinationResource}, token for ${phone.resource}`
  await steps.run(name('sign-in through Sentry'), expected, async () => {
    const { web, token } = await phone.signIn()
    const target = web.first.location
    const asked = target?.searchParams.get('resource') ?? 'no resource'
    const got = token === null ? `no code: ${web.page}` : token.ok ? (token.resource ?? 'no resource') : token.error
    const toIdp = web.first.status === 302 && stage.isIdentityProvider(target)
    return {
      seen: `${String(web.first.status)} to ${target?.hostname ?? 'nowhere'} with ${asked}, token for ${got}`,
      holds: toIdp && asked === stage.destinationResource && got === phone.resource,
    }
  })
}

async function syncMail(steps: Steps, stage: Stage, walker: Walker): Promise<void> {
  const { phone, user } = walker
  const name = (what: string): string => `${phone.kind}: ${what}`
  await steps.run(name('Provision'), 'FolderSync Status 142, two phases, a policy key', async () => {
    await phone.eas.options()
    const outcome = await phone.eas.folderSync()
    const asked = phone.log.events.some(({ what }) => what === 'FolderSync, Status 142')
    const phases = phone.log.events.filter(({ what }) => what === 'Provision, Status 1').length
    const key = phone.eas.policyKey === '0' ? 'no key' : 'a key'
    return {
      seen: `${asked ? 'Status 142, ' : ''}${String(phases)} phases, ${key}, then ${outcomeOf(outcome)}`,
      holds: asked && phases === 2 && key === 'a key' && outcome.status === '1',
    }
  })
  await steps.run(name('FolderSync'), 'Status 1 and an inbox', async () => {
    const outcome = await phone.eas.folderSync()
    const folders = phone.eas.folders.map((folder) => folder.name).join(', ')
    const inbox = phone.eas.folders.some(({ type }) => type === '2')
    return { seen: `${outcomeOf(outcome)}: ${folders}`, holds: outcome.status === '1' && inbox }
  })
  const subject = `Welcome to ${phone.kind}`
  await steps.run(name('Sync with a message'), `the mail ${JSON.stringify(subject)}`, async () => {
    stage.exchange.deliver(user, { subject, from: 'post@example.com', body: 'A first mail.' })
    const outcome = await phone.eas.sync()
    return { seen: `${outcomeOf(outcome)}, ${subjectsOf(phone)}`, holds: hasMail(phone, subject) }
  })
  await steps.run(name('Ping woken by new mail'), 'Ping Status 2, then the mail', async () => {
    const { answer } = await holdPing(stage, walker)
    const since = performance.now()
    stage.exchange.deliver(user, { subject: 'Wake up', from: 'post@example.com', body: 'New mail.' })
    const outcome = await answer
    const ms = performance.now() - since
    await phone.eas.react(outcome)
    const holds = outcome.status === '2' && hasMail(phone, 'Wake up')
    return { seen: `Ping ${outcomeOf(outcome)} after ${ms.toFixed(0)} ms, ${subjectsOf(phone)}`, holds, ms }
  })
}

async function blockAndUnblock(steps: Steps, stage: Stage, walker: Walker): Promise<void> {
  const { phone, device, user } = walker
  const name = (what: string): string => `${phone.kind}: ${what}`
  await steps.run(name('block during a held Ping'), `Ping Status 7 in under ${String(BLOCK_LIMIT_MS)} ms`, async () => {
    const { answer } = await holdPing(stage, walker)
    const since = performance.now()
    await stage.block(device, 'Lost in a taxi')
    const outcome = await answer
    const ms = performance.now() - since
    const seen = `Ping ${outcomeOf(outcome)} after ${ms.toFixed(0)} ms`
    return { seen, holds: outcome.status === '7' && ms < BLOCK_LIMIT_MS, ms }
  })
  await steps.run(name('next command is refused'), 'Status 129', async () => {
    const outcome = await phone.eas.folderSync()
    return { seen: outcomeOf(outcome), holds: outcome.status === '129' }
  })
  await steps.run(name('refresh is refused'), '400 invalid_grant', async () => {
    const token = await phone.refresh()
    if (token.ok) return { seen: `${String(token.status)} and a token`, holds: false }
    return { seen: `${String(token.status)} ${token.error}`, holds: token.error === 'invalid_grant' }
  })
  await steps.run(name('audit explains the block'), 'refuse, BLOCKED_BY_HAND', () =>
    explained(stage, device, 'BLOCKED_BY_HAND'),
  )
  await steps.run(name('unblock, and mail flows again'), 'a fresh token and Sync Status 1', async () => {
    await stage.unblock(device, 'Found again')
    stage.exchange.deliver(user, { subject: 'Back again', from: 'post@example.com', body: 'Unblocked.' })
    await stage.applied()
    const token = await phone.refresh()
    const outcome = await phone.eas.folderSync()
    const synced = outcome.status === '1' ? await phone.eas.sync() : outcome
    const seen = `${token.ok ? 'a token' : token.error}, ${outcomeOf(synced)}, ${subjectsOf(phone)}`
    return { seen, holds: token.ok && hasMail(phone, 'Back again') }
  })
}

async function wipe(steps: Steps, stage: Stage, { phone, device }: Walker): Promise<void> {
  const name = (what: string): string => `${phone.kind}: ${what}`
  await steps.run(name('account-only wipe'), 'Status 140, directive, acknowledgement confirmed', async () => {
    await stage.wipe(device, 'The employee left')
    await stage.applied()
    const outcome = await phone.eas.folderSync()
    const { wipe: done, state } = phone.eas
    const told = done === null ? 'no directive' : `${done.directive}, answered ${done.confirmed ?? 'nothing'}`
    const holds = outcome.status === '140' && done?.directive === 'AccountOnlyRemoteWipe' && done.confirmed === '1'
    return { seen: `${outcomeOf(outcome)}, ${told}, account ${state}`, holds: holds && state === 'removed' }
  })
  await steps.run(name('account added again'), 'Status 129', async () => {
    phone.eas.startOver()
    const outcome = await phone.eas.folderSync()
    return { seen: outcomeOf(outcome), holds: outcome.status === '129' }
  })
  await steps.run(name('audit explains the wipe'), 'refuse, WIPE_REQUESTED', () =>
    explained(stage, device, 'WIPE_REQUESTED'),
  )
}

/** Starts a Ping and waits until it hangs at the server; `answer` is what comes of it. */
async function holdPing(stage: Stage, { phone }: Walker): Promise<{ answer: Promise<EasOutcome> }> {
  const before = stage.exchange.receivedCount
  const answer = phone.eas.ping({ heartbeatSeconds: 300 })
  answer.catch(() => undefined) // told by whoever awaits `answer`
  await stage.exchange.waitForRequest((request) => {
    return request.command === 'Ping' && stage.exchange.received.indexOf(request) >= before
  })
  return { answer }
}

/** The device's last decision in the audit file, once it names `reason`; lines are written a moment after the answer. */
async function explained(stage: Stage, device: string, reason: string): Promise<Seen> {
  const { id } = await stage.sentry.waitForAudit((line) => line.device === device && line.reasons.includes(reason))
  const lines = (await stage.sentry.auditLines()).filter((line) => line.device === device)
  const last = lines.at(-1)
  if (last === undefined) return { seen: `only ${id}`, holds: false }
  return {
    seen: `${last.event} ${last.command ?? ''}: ${last.decision}, ${last.reasons.join(' ')}`,
    holds: last.decision === 'refuse' && last.reasons.includes(reason),
  }
}

function outcomeOf(outcome: { http: number; status: string | null }): string {
  return outcome.status === null ? `HTTP ${String(outcome.http)}` : `Status ${outcome.status}`
}

function hasMail(phone: Phone, subject: string): boolean {
  return phone.eas.messages.some((message) => message.subject === subject)
}

function subjectsOf(phone: Phone): string {
  return `mail: ${phone.eas.messages.map(({ subject }) => JSON.stringify(subject)).join(', ') || 'none'}`
}
