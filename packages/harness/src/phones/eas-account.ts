/**
 * A mail account on a phone: the ActiveSync conversation, and what the phone does by itself about each answer.
 *
 * Documents: MS-ASPROV 3.1.5.1 (provisioning and wipe, client side), MS-ASCMD 2.2.1 (commands).
 * How a request looks on the wire (plain or base64 query, User-Agent, certificate) is the carrier's.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { BearerChallenge } from './bearer-challenge.ts'
import * as documents from './eas-documents.ts'
import type { DeviceInformation, Folder, Message, WipeDirective } from './eas-documents.ts'
import { reactionTo, toOutcome } from './eas-outcome.ts'
import type { EasOutcome } from './eas-outcome.ts'
import type { PhoneHttp, PhoneReply } from './phone-http.ts'
import type { PhoneLog } from './phone-log.ts'

export type { EasOutcome } from './eas-outcome.ts'
export type { Folder, Message } from './eas-documents.ts'

/** One command on its way to the server. */
export interface EasPost {
  command: string
  /** Absent for Ping, Provision's first phase aside always present: MS-ASPROV 3.1.5.1. */
  policyKey: string | null
  body: Uint8Array | null
  accessToken: string
  signal?: AbortSignal
}

/** Puts commands on the wire in the phone's own manner. */
export interface EasCarrier {
  post(post: EasPost): Promise<PhoneReply>
  options(accessToken: string): Promise<PhoneReply>
}

/** What an account needs of its phone. */
export interface EasAccountOptions {
  carrier: EasCarrier
  log: PhoneLog
  /** The token in use; empty before sign-in. */
  accessToken: () => string
  /** Gets another token after a 401; false when that was not possible. */
  renew: (challenge: BearerChallenge | null) => Promise<boolean>
  device: DeviceInformation
}

/** `held`: the server refused this phone and it told its owner. `removed`: wiped; nothing of the account is left. */
export type AccountState = 'new' | 'ready' | 'held' | 'removed'

/** What came of a wipe: the directive that was obeyed, and the server's last word. */
export interface WipeRecord {
  directive: WipeDirective
  /** Status of the answer to the acknowledgement; null when it had none. */
  confirmed: string | null
}

const MAX_TURNS = 4

/** One account. Commands are sent one after another, but Ping, which may hang beside them. */
export class EasAccount {
  state: AccountState = 'new'
  policyKey = '0'
  folders: Folder[] = []
  messages: Message[] = []
  wipe: WipeRecord | null = null
  /** What the server offers, after `options()`. */
  versions: string[] = []
  readonly #options: EasAccountOptions
  #folderKey = '0'
  #syncKeys = new Map<string, string>()
  #pingCached = false

  constructor(options: EasAccountOptions) {
    this.#options = options
  }

  /** Everything a phone does once after sign-in: OPTIONS, folders (and Provision on the way), Settings, first Sync. */
  async setUp(): Promise<EasOutcome> {
    await this.options()
    const folders = await this.folderSync()
    if (folders.status !== '1') return folders
    await this.settings()
    return this.sync()
  }

  /** OPTIONS; notes the versions. */
  async options(): Promise<EasOutcome> {
    const reply = await this.#options.carrier.options(this.#options.accessToken())
    this.versions = (reply.headers['ms-asprotocolversions'] ?? '').split(',').filter((version) => version !== '')
    this.#options.log.note('eas', 'OPTIONS', reply.status, reply.ms)
    return toOutcome(reply)
  }

  /** FolderSync from where the phone stands; provisions on the way when asked to. */
  async folderSync(): Promise<EasOutcome> {
    const outcome = await this.command('FolderSync', () => documents.folderSync(this.#folderKey))
    if (outcome.status !== '1' || outcome.document === null) return outcome
    const hierarchy = documents.readFolderSync(outcome.document)
    this.#folderKey = hierarchy.syncKey
    const gone = new Set([...hierarchy.deleted, ...hierarchy.changed.map(({ id }) => id)])
    this.folders = [...this.folders.filter(({ id }) => !gone.has(id)), ...hierarchy.changed]
    this.state = 'ready'
    return outcome
  }

  /** Both phases of Provision with the device's own words; obeys a wipe when the answer holds one. */
  async provision(): Promise<EasOutcome> {
    this.policyKey = '0'
    const first = await this.#send('Provision', documents.provision(this.#options.device))
    if (first.document === null) return first
    const offered = documents.readProvision(first.document)
    if (offered.wipe !== null) return this.#obey(offered.wipe, first)
    if (offered.policyKey === null) return first
    this.policyKey = offered.policyKey
    const second = await this.#send('Provision', documents.acknowledgePolicy(offered.policyKey))
    const granted = second.document === null ? null : documents.readProvision(second.document)
    if (granted?.wipe) return this.#obey(granted.wipe, second)
    this.policyKey = granted?.policyKey ?? '0'
    return second
  }

  /** Tells the server about the device, as after each set-up. */
  settings(): Promise<EasOutcome> {
    return this.command('Settings', () => documents.settings(this.#options.device))
  }

  /** Fetches what is new in a folder (default: the inbox) into `messages`. */
  async sync(folderId = this.inbox()): Promise<EasOutcome> {
    for (;;) {
      const key = this.#syncKeys.get(folderId) ?? '0'
      const outcome = await this.command('Sync', () => documents.sync(folderId, key))
      const part = outcome.document === null ? null : documents.readSync(outcome.document, folderId)
      if (part === null) return outcome
      // Status 3: the key is not the server's any more; start over (MS-ASCMD 2.2.3.177.17).
      if (part.status === '3' && key !== '0') {
        this.#syncKeys.delete(folderId)
        this.messages = this.messages.filter((message) => message.folderId !== folderId)
        continue
      }
      if (part.syncKey !== null) this.#syncKeys.set(folderId, part.syncKey)
      this.messages.push(...part.added)
      if (part.status !== '1' || (key !== '0' && !part.more))
        return { ...outcome, status: outcome.status ?? part.status }
    }
  }

  /**
   * Holds a Ping on the inbox and returns its answer as it came, without a reaction: `react` does that.
   *
   * `heartbeatSeconds` default 600. Once the server knows it, an empty body is sent, as phones do.
   */
  async ping(options: { heartbeatSeconds?: number; signal?: AbortSignal } = {}): Promise<EasOutcome> {
    const remembered = this.#pingCached && options.heartbeatSeconds === undefined
    const body = remembered ? null : documents.ping(options.heartbeatSeconds ?? 600, [this.inbox()])
    const outcome = await this.#send('Ping', body, options.signal)
    this.#pingCached = outcome.status === '1' || outcome.status === '2'
    return outcome
  }

  /** What the phone does after a Ping: 2 fetches mail, 7 starts with FolderSync. */
  async react(ping: EasOutcome): Promise<EasOutcome> {
    if (ping.status === '2') return this.sync()
    if (ping.status === '7') return this.folderSync()
    return ping
  }

  /** Sends a mail. An empty 200 is success, and then `status` is null. */
  sendMail(mail: { to: string; from: string; subject: string; text: string }): Promise<EasOutcome> {
    const clientId = randomUUID()
    return this.command('SendMail', () => documents.sendMail(clientId, mail))
  }

  /** Lives in the background: Ping, react, again; until aborted, held or removed. Waits where the server says so. */
  async live(signal: AbortSignal, heartbeatSeconds = 60): Promise<void> {
    while (!signal.aborted && this.state === 'ready') {
      const outcome = await this.react(await this.ping({ heartbeatSeconds, signal }))
      if (outcome.http === 200) continue
      await pause((outcome.retryAfterSeconds ?? 5) * 1000, signal)
    }
  }

  /** Sends any command and does what a phone does about the answer: sign in, provision, wipe, hold. */
  async command(name: string, body: () => Uint8Array | null): Promise<EasOutcome> {
    let outcome = await this.#send(name, body())
    const done = new Set<string>()
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const reaction = reactionTo(outcome)
      if (done.has(reaction)) break
      done.add(reaction)
      if (!(await this.#reactTo(reaction, outcome))) break
      outcome = await this.#send(name, body())
    }
    return outcome
  }

  /** The owner adds the account again: everything from the beginning. */
  startOver(): void {
    this.state = 'new'
    this.#forget()
  }

  /** Id of the inbox; `1` before the folders are known. */
  inbox(): string {
    return this.folders.find(({ type }) => type === '2')?.id ?? '1'
  }

  /** Does what the reaction says; true when the command is to be sent again. */
  async #reactTo(reaction: ReturnType<typeof reactionTo>, outcome: EasOutcome): Promise<boolean> {
    switch (reaction) {
      case 'authenticate':
        return this.#options.renew(outcome.challenge)
      case 'provision':
        return (await this.provision()).status === '1' && !this.#isGone()
      case 'wipe':
        await this.#answerWipe()
        return false
      case 'hold':
        this.state = 'held'
        this.#options.log.note('account', `held: ${outcome.status ?? String(outcome.http)}`)
        return false
      case 'none':
      case 'wait':
        return false
      default:
        return reaction satisfies never
    }
  }

  /** The client's half of the wipe: an empty Provision, the acknowledgement, and the account is gone. */
  async #answerWipe(): Promise<void> {
    const asked = await this.#send('Provision', documents.emptyProvision())
    const directive = asked.document === null ? null : documents.readProvision(asked.document).wipe
    if (directive !== null) await this.#obey(directive, asked)
  }

  async #obey(directive: WipeDirective, asked: EasOutcome): Promise<EasOutcome> {
    const done = await this.#send('Provision', documents.acknowledgeWipe(directive))
    this.wipe = { directive, confirmed: done.status }
    this.#forget()
    this.state = 'removed'
    this.#options.log.note('account', `removed by ${directive}`)
    return asked
  }

  #isGone(): boolean {
    return this.state === 'removed'
  }

  #forget(): void {
    this.policyKey = '0'
    this.folders = []
    this.messages = []
    this.#folderKey = '0'
    this.#syncKeys = new Map()
    this.#pingCached = false
  }

  async #send(command: string, body: Uint8Array | null, signal?: AbortSignal): Promise<EasOutcome> {
    const { carrier, log, accessToken } = this.#options
    const policyKey = command === 'Ping' ? null : this.policyKey
    const post = { command, policyKey, body, accessToken: accessToken() }
    const outcome = toOutcome(await carrier.post(signal === undefined ? post : { ...post, signal }))
    log.note(
      'eas',
      `${command}${outcome.status === null ? '' : `, Status ${outcome.status}`}`,
      outcome.http,
      outcome.ms,
    )
    return outcome
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}

/** What both kinds of phone are made with. */
export interface PhoneOptions {
  http: PhoneHttp
  user: string
  password: string
  deviceId: string
}
