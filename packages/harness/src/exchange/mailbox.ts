/**
 * A user's mail, and what each device has seen of it.
 * @module
 */
import { randomUUID } from 'node:crypto'

/** Mail to be put into a mailbox. */
export interface NewMail {
  subject: string
  /** Default `post@example.com`. */
  from?: string
  /** Plain text; default empty. */
  body?: string
}

/** A mail as it lies in a folder. `number` grows through the whole mailbox. */
export interface Mail {
  number: number
  serverId: string
  folderId: string
  subject: string
  from: string
  to: string
  body: string
  date: Date
  read: boolean
}

/** Folders that every mailbox has; `type` as in MS-ASCMD 2.2.3.186.3. */
export const FOLDERS = [
  { id: '1', name: 'Inbox', type: 2 },
  { id: '2', name: 'Drafts', type: 3 },
  { id: '3', name: 'Deleted Items', type: 4 },
  { id: '4', name: 'Sent Items', type: 5 },
  { id: '5', name: 'Outbox', type: 6 },
  { id: '6', name: 'Calendar', type: 8 },
  { id: '7', name: 'Contacts', type: 9 },
] as const

/** Id of the inbox. */
export const INBOX = '1'
/** Id of Sent Items. */
export const SENT_ITEMS = '4'

/** How far a device has come in a folder: mail up to number `seen` was sent under `key`. */
export interface FolderPosition {
  key: number
  seen: number
}

/** What the server remembers of one device of one user. */
export class DeviceState {
  /** Offered in the first phase of Provision, not yet acknowledged. */
  temporaryPolicyKey: string | null = null
  policyKey: string | null = null
  /** From Settings or Provision, by tag name. */
  information: Record<string, string> = {}
  folderKey = 0
  /** Body of the last Sync that had one; an empty Sync repeats it. */
  lastSync: Uint8Array | null = null
  lastPing: { heartbeatSeconds: number; folderIds: string[] } | null = null
  /** ClientIds of mail that was sent. */
  readonly sent = new Set<string>()
  /** By folder, the newest last; the one before it is kept, because an answer may be lost on its way. */
  readonly positions = new Map<string, FolderPosition[]>()
}

/** All of a user. */
export class Mailbox {
  readonly user: string
  mails: Mail[] = []
  readonly devices = new Map<string, DeviceState>()
  readonly #waiting = new Set<() => void>()
  #count = 0

  constructor(user: string) {
    this.user = user
  }

  /** State of a device; ids compare without regard to case. */
  device(deviceId: string): DeviceState {
    const key = deviceId.toLowerCase()
    const state = this.devices.get(key) ?? new DeviceState()
    this.devices.set(key, state)
    return state
  }

  /** Mail of one folder that came after number `after`, oldest first. */
  folder(folderId: string, after = 0): Mail[] {
    return this.mails.filter((mail) => mail.folderId === folderId && mail.number > after)
  }

  /** Number of the newest mail of the mailbox; 0 when there was none. */
  get newest(): number {
    return this.#count
  }

  /** Takes a mail out for good. */
  remove(serverId: string): void {
    this.mails = this.mails.filter((mail) => mail.serverId !== serverId)
  }

  /** Puts mail into a folder and wakes whoever hangs. */
  add(folderId: string, mail: NewMail, to = this.user): Mail {
    this.#count += 1
    const added: Mail = {
      number: this.#count,
      serverId: `${folderId}:${String(this.#count)}`,
      folderId,
      subject: mail.subject,
      from: mail.from ?? 'post@example.com',
      to,
      body: mail.body ?? '',
      date: new Date(),
      read: false,
    }
    this.mails.push(added)
    for (const wake of this.#waiting) wake()
    return added
  }

  /** Waits for new mail in any folder; false when `signal` came first. */
  async change(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    return new Promise((resolve) => {
      const settle = (changed: boolean): void => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', abort)
        resolve(changed)
      }
      const wake = (): void => settle(true)
      const abort = (): void => settle(false)
      this.#waiting.add(wake)
      signal.addEventListener('abort', abort)
    })
  }
}

/** Whether a folder holds mail that the device was not sent; in a folder it never synchronised, mail after `baseline`. */
export function hasNews(mailbox: Mailbox, device: DeviceState, folderId: string, baseline: number): boolean {
  return mailbox.folder(folderId, device.positions.get(folderId)?.at(-1)?.seen ?? baseline).length > 0
}

/** A random unsigned 32-bit number that is not 0, as decimal text (MS-ASPROV 2.2.2.42). */
export function newPolicyKey(): string {
  return String(1 + (Number.parseInt(randomUUID().slice(0, 8), 16) % 0xffff_fffe))
}
