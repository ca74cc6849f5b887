/**
 * A Sentry that works by what Core says: it dials out, applies documents and posture, keeps a copy of both on its disk,
 * and reports back. There is no inbound management.
 * @module
 */
import type { FeedMessage } from '@postern/contract/feed/feed-messages'
import { FEED_SCHEMA } from '@postern/contract/feed/feed-schema'
import { messageOf } from '../config/check-material.ts'
import type { Log } from '../config/log.ts'
import { CoreCopy } from '../disk-copy/core-copy.ts'
import { PostureCopy } from '../disk-copy/posture-copy.ts'
import { FeedBroken, FeedClient, type FeedPosition } from '../feed/feed-client.ts'
import type { ReportTimer } from '../feed/report-timer.ts'
import { IdentityKeeper } from '../registration/identity-keeper.ts'
import { dropRegistration, keyFingerprint, type Registration } from '../registration/registration.ts'
import { SENTRY_VERSION } from '../version.ts'
import { AssociationBook } from './association-book.ts'
import { CoreContact } from './core-contact.ts'
import { Documents } from './documents.ts'
import type { ReportParts } from './gateway-report.ts'
import { startLocalListener } from './local-listener.ts'
import { metricsText } from './metrics-text.ts'
import { PostureDesk } from './posture-desk.ts'
import { readDisk } from './read-disk.ts'
import { PostureStore } from './posture-store.ts'
import { startReports } from './report-post.ts'
import { tellOfSettings } from './settings-notes.ts'
import { WorkerHost, type WorkerHostOptions } from './worker-host.ts'

/** How it is started. `random`: 0 to 1. */
export interface RegisteredOptions extends WorkerHostOptions {
  readonly random: () => number
}

/** A running Sentry. Disposing it drains and stops. */
export interface RegisteredSupervisor extends AsyncDisposable {
  /** Rejects when devices cannot be served at all; resolves when Core has ended the registration. */
  readonly ended: Promise<void>
  /** Opens the audit file anew, after it was moved away. */
  reopen(): void
}

/** Workers get this long to answer a scrape, and a report. Milliseconds. */
const COLLECT_MS = 1_000
const REPORT_COLLECT_MS = 100
const AGE_CHECK_MS = 1_000
const RENEWAL_CHECK_MS = 60_000
/** New ticket keys this often. Milliseconds. */
const TICKET_ROTATION_MS = 3_600_000

/** Starts it; devices can connect when it has a document and a posture, from the disk or from Core. @throws Error */
export async function startRegistered(
  registration: Registration,
  options: RegisteredOptions,
): Promise<RegisteredSupervisor> {
  const { gateway, dir } = registration
  const copy = new CoreCopy(dir)
  const contact = new CoreContact(gateway.core, await copy.contact(options.now()), options.log)
  const supervisor = new Running(registration, options, copy, contact)
  await supervisor.start()
  return supervisor
}

class Running implements RegisteredSupervisor {
  readonly ended: Promise<void>
  readonly #end = Promise.withResolvers<undefined>()
  readonly #options: RegisteredOptions
  readonly #log: Log
  readonly #startedAt: number
  readonly #keeper: IdentityKeeper
  readonly #copy: CoreCopy
  readonly #contact: CoreContact
  readonly #documents: Documents
  readonly #store = new PostureStore()
  readonly #postureCopy: PostureCopy
  readonly #desk: PostureDesk
  readonly #book = new AssociationBook()
  readonly #cleanup = new AsyncDisposableStack()
  #host: WorkerHost | null = null
  #feed: FeedClient | null = null
  #reports: ReportTimer | null = null
  #localPort = 0
  #streamEpoch = ''
  #wantsSnapshot = false
  #isRevoked = false
  #stopped: Promise<void> | null = null

  constructor(registration: Registration, options: RegisteredOptions, copy: CoreCopy, contact: CoreContact) {
    this.ended = this.#end.promise
    this.ended.catch(() => undefined) // whoever started us looks at it
    this.#options = options
    this.#log = options.log
    this.#startedAt = options.now()
    this.#keeper = new IdentityKeeper(registration, options.now, options.log, () => this.#feed?.redial())
    this.#copy = copy
    this.#contact = contact
    this.#documents = new Documents(registration)
    this.#postureCopy = new PostureCopy(registration.dir, this.#store, {
      saved: () => this.#reports?.soon(),
      failed: (problem) => {
        this.#log('problem', 'disk-copy-failed', { problem, remedy: 'look at the disk; a restart will wait for Core' })
      },
    })
    this.#desk = new PostureDesk(
      this.#store,
      {
        broadcast: (message) => this.#host?.broadcast(message),
        deliver: (worker, message) => this.#host?.deliver(worker, message) ?? Promise.resolve(),
      },
      contact.heardAt,
    )
  }

  async start(): Promise<void> {
    const { gateway } = this.#keeper.registration
    const local = await startLocalListener(gateway.local.host, gateway.local.port, {
      metrics: () => this.#metrics(),
      readiness: () => this.#readiness(),
      notes: () => [this.#contact.words(this.#documents.staleAfterSeconds)],
    })
    this.#cleanup.use(local)
    this.#localPort = local.port
    const { posture } = await readDisk(this.#copy, this.#postureCopy, this.#documents, this.#log)
    if (posture) this.#tellOfPosture('disk')
    this.#startWorkers()
    if (this.#host === null) this.#tellOfWaiting()
    this.#every(AGE_CHECK_MS, () => {
      this.#checkTimes()
    })
    this.#every(RENEWAL_CHECK_MS, () => void this.#keeper.renewWhenDue())
    this.#every(TICKET_ROTATION_MS, () => this.#host?.rotateTickets())
    void this.#keeper.renewWhenDue()
    this.#reports = this.#startReports()
    this.#feed = new FeedClient({
      client: () => this.#keeper.client,
      position: () => this.#position(),
      message: (message) => this.#take(message),
      lost: (why) => {
        this.#store.abandon()
        this.#contact.lost(why, this.#documents.staleAfterSeconds)
      },
      revoked: (why) => this.#revoke(why),
      version: SENTRY_VERSION,
      random: this.#options.random,
    })
  }

  #startReports(): ReportTimer {
    return startReports({
      log: this.#log,
      book: this.#book,
      client: () => this.#keeper.client,
      isConnected: () => this.#contact.connected,
      parts: () => this.#reportParts(),
      now: this.#options.now,
      revoked: (why) => {
        this.#revoke(why)
      },
    })
  }

  #every(ms: number, act: () => void): void {
    const timer = setInterval(act, ms)
    this.#cleanup.defer(() => {
      clearInterval(timer)
    })
  }

  #tellOfWaiting(): void {
    const { identity, keyPem } = this.#keeper.registration
    const lacks = [
      ...(this.#documents.etag === null ? ['configuration'] : []),
      ...(this.#store.position === null ? ['posture'] : []),
    ]
    const { sentryId, name } = identity
    this.#log('info', 'waiting-for-configuration', { sentryId, name, fingerprint: keyFingerprint(keyPem), lacks })
  }

  #tellOfPosture(from: 'disk' | 'core'): void {
    const { devices, mode, position } = this.#store
    this.#log('info', 'posture-read', { from, devices, mode, seq: position?.seq ?? 0 })
  }

  /** Once there is a document and a posture. */
  #startWorkers(): void {
    const settings = this.#documents.settings(this.#options.now())
    if (this.#host !== null || settings === null || this.#store.position === null || this.#stopped !== null) return
    tellOfSettings(settings, this.#options.now(), this.#log, null)
    this.#host = new WorkerHost(settings, this.#options, {
      policy: () => null,
      postureFollows: true,
      welcomed: (worker) => void this.#desk.send(worker),
      applied: (worker, load, version) => {
        this.#desk.progressed(worker, load, version)
        this.#reports?.soon()
      },
      gone: (worker) => {
        this.#desk.gone(worker)
      },
      seen: (seen) => {
        if (this.#book.note(seen)) this.#reports?.soon()
      },
    })
    this.#host.listen(this.#localPort).then(
      () => this.#reports?.soon(),
      (error: unknown) => {
        this.#end.reject(error instanceof Error ? error : new Error('no worker could start'))
      },
    )
  }

  #position(): FeedPosition {
    const { position } = this.#store
    const known = this.#wantsSnapshot ? null : position
    return { etag: this.#documents.etag, epoch: known?.epoch ?? null, seq: known?.seq ?? null }
  }

  async #take(message: FeedMessage): Promise<void> {
    const now = this.#options.now()
    this.#contact.heard(now)
    this.#copy.heard(now)
    switch (message.type) {
      case 'hello':
        this.#hello(message, now)
        return
      case 'config':
        await this.#config(message.etag, message.document)
        return
      case 'snapshot':
        this.#store.begin(message.epoch, message.seq)
        return
      case 'entries':
        if (!this.#store.load(message.entries)) throw new FeedBroken('entries came before their snapshot')
        return
      case 'snapshot-end':
        if (!this.#store.end(message.seq)) throw new FeedBroken('a snapshot ended that never began')
        await this.#replaced(now)
        return
      case 'delta':
        await this.#delta(message, now)
        return
      case 'ping':
        this.#desk.confirmed(now)
        return
      case 'bye':
        return
      default:
        message satisfies never
    }
  }

  #hello({ schema, coreVersion, epoch }: FeedMessage & { type: 'hello' }, now: number): void {
    if (schema !== FEED_SCHEMA) throw new FeedBroken(`Core speaks schema ${schema}, and this Sentry ${FEED_SCHEMA}`)
    this.#streamEpoch = epoch
    this.#contact.opened(coreVersion)
    this.#desk.confirmed(now)
    this.#reports?.soon()
  }

  async #config(etag: string, document: unknown): Promise<void> {
    const before = this.#host?.settings ?? null
    const outcome = await this.#documents.take(etag, document, before)
    const settings = this.#documents.settings(this.#options.now())
    if (outcome === 'refused') {
      const problems = this.#documents.state.refused?.problems ?? []
      this.#log('problem', 'settings-rejected', { etag, problems, keeping: this.#documents.etag })
    } else if (outcome === 'applied' && settings !== null) {
      this.#host?.apply(settings)
      if (this.#host !== null) tellOfSettings(settings, this.#options.now(), this.#log, before)
      this.#log('info', 'settings-applied', { etag })
      await this.#copy.keepDocument({ etag, document }).catch((error: unknown) => {
        this.#log('problem', 'disk-copy-failed', { problem: messageOf(error), remedy: 'look at the disk' })
      })
      this.#startWorkers()
    }
    this.#reports?.soon()
  }

  async #replaced(now: number): Promise<void> {
    this.#wantsSnapshot = false
    this.#tellOfPosture('core')
    this.#desk.confirmed(now)
    this.#host?.facts.keepWipes((device) => this.#store.isToBeWiped(device))
    this.#desk.sendToAll()
    await this.#postureCopy.replace()
    this.#startWorkers()
    this.#reports?.soon()
  }

  async #delta(message: FeedMessage & { type: 'delta' }, now: number): Promise<void> {
    const isOurs = this.#store.position?.epoch === this.#streamEpoch
    if (!isOurs || this.#store.delta(message.from, message.seq, message.entries) === 'gap') {
      this.#wantsSnapshot = true
      throw new FeedBroken('a change does not follow what we have; asking for all of it')
    }
    this.#host?.facts.keepWipes((device) => this.#store.isToBeWiped(device))
    this.#desk.delta(message, now) // first, so that a block does not wait for the disk
    await this.#postureCopy.append(message)
    this.#reports?.soon()
  }

  #checkTimes(): void {
    const now = this.#options.now()
    const { staleAfterSeconds } = this.#documents
    if (staleAfterSeconds !== null) this.#contact.checkAge(now, staleAfterSeconds)
    const settings = this.#documents.settings(now)
    if (this.#host === null || settings === null || settings.certPem === this.#host.settings.certPem) return
    this.#host.apply(settings) // the first certificate has ended, and the reserve takes over
    this.#log('info', 'reserve-certificate', {})
  }

  async #reportParts(): Promise<Omit<ReportParts, 'associations'>> {
    const { position } = this.#store
    // Before the counters are collected: what was applied meanwhile is the next report's.
    const seq = Math.min(this.#desk.applied ?? 0, this.#postureCopy.savedSeq ?? 0)
    return {
      startedAt: this.#startedAt,
      config: this.#documents.state,
      posture: { epoch: position?.epoch ?? null, seq },
      notReady: this.#readiness(),
      values: (await this.#host?.counters(REPORT_COLLECT_MS)) ?? [],
      servers: this.#host?.servers() ?? [],
    }
  }

  async #metrics(): Promise<string> {
    const host = this.#host
    const values = host === null ? [] : await host.counters(COLLECT_MS)
    const age = this.#contact.heardAt === 0 ? 0 : (this.#options.now() - this.#contact.heardAt) / 1_000
    return metricsText(
      values,
      { workers: host?.size ?? 0, ready: this.#readiness().length === 0 ? 1 : 0, policy_rejected: 0 },
      {
        core_connected: this.#contact.connected ? 1 : 0,
        core_contact_age_seconds: Math.max(0, age),
        associations_dropped: this.#book.dropped,
      },
    )
  }

  #readiness(): string[] {
    const { staleAfterSeconds } = this.#documents
    const now = this.#options.now()
    const isStale = staleAfterSeconds !== null && this.#contact.isStale(now, staleAfterSeconds)
    return [
      ...(this.#documents.etag === null ? ['no configuration has come from Core yet'] : []),
      ...(this.#store.position === null ? ['no posture has come from Core yet'] : []),
      ...(this.#host?.notReady() ?? ['no worker is listening']),
      ...(isStale ? ['no word from Core for longer than staleAfterSeconds'] : []),
    ]
  }

  // An honest Sentry stops at once; what is left on its disk opens nothing (docs/decisions/0013-revoked-sentry.md).
  #revoke(why: string): boolean {
    if (this.#keeper.hasEnded) return false
    if (this.#isRevoked) return true
    this.#isRevoked = true
    this.#host?.broadcast({ op: 'posture-dropped' })
    this.#store.drop()
    this.#log('problem', 'registration-revoked', { why, remedy: 'enrol this machine again, if it may serve' })
    this.#stopped ??= this.#stop()
    this.#stopped.then(
      () => {
        this.#end.resolve(undefined)
      },
      (error: unknown) => {
        this.#end.reject(error instanceof Error ? error : new Error('could not stop'))
      },
    )
    return true
  }

  reopen(): void {
    if (this.#host !== null) this.#host.apply(this.#host.settings)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    if (this.#isRevoked) await dropRegistration(this.#keeper.registration.dir)
    await this.#host?.stop()
    await this.#reports?.[Symbol.asyncDispose]()
    await this.#feed?.[Symbol.asyncDispose]()
    await this.#postureCopy.close()
    await this.#copy.close(this.#isRevoked ? 0 : this.#contact.heardAt)
    if (this.#isRevoked) await dropRegistration(this.#keeper.registration.dir) // what was on its way to the disk
    this.#keeper[Symbol.dispose]()
    await this.#cleanup.disposeAsync()
    this.#log('info', 'stopped', {})
  }
}
