/**
 * A worker's posture: a snapshot taken in by pieces, changes, confirmations. Decisions see whole versions only.
 * @module
 */
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import { parsePolicyText } from '@postern/contract/policy-snapshot'
import type { PolicyText, PostureMessage } from '../coordination/messages.ts'
import {
  type ChangedSubjects,
  emptySnapshot,
  type Snapshot,
  type SnapshotDraft,
  toSnapshot,
} from '../snapshot/snapshot.ts'

/** What a message did; null: nothing that decisions could see. */
export interface PostureApplied {
  /** Requests under way to look at again; null: all of them. */
  readonly changed: ChangedSubjects
}

const NOBODY: PostureApplied = { changed: new Set() }

/** Takes messages in their order. */
export class PostureReceiver {
  #current: Snapshot | null = null
  #loading: { readonly load: number; readonly draft: SnapshotDraft } | null = null
  #load = 0

  /** Which whole posture the current one stands on; 0 for a policy file. */
  get load(): number {
    return this.#load
  }

  /** Null until a whole one was taken in. */
  get current(): Snapshot | null {
    return this.#current
  }

  /** A policy file, which replaces everything. The text was checked by whoever sent it. */
  file(policy: PolicyText): Snapshot {
    this.#current = toSnapshot(parsePolicyText(policy.text), policy.writtenAt)
    return this.#current
  }

  take(message: PostureMessage): PostureApplied | null {
    switch (message.op) {
      case 'posture-begin':
        this.#loading = { load: message.load, draft: emptySnapshot().draft() }
        return null
      case 'posture-entries':
        this.#take(message.entries)
        return null
      case 'posture-end':
        if (this.#loading === null) return null
        this.#current = this.#loading.draft.done(message.version, message.writtenAt)
        this.#load = this.#loading.load
        this.#loading = null
        return { changed: null }
      case 'posture-delta':
        this.#take(message.entries) // a snapshot on its way must not bring back what has changed since
        return this.#change(message.entries, message.version, message.writtenAt)
      case 'posture-confirmed':
        if (this.#current === null) return null
        this.#current = this.#current.confirmedAt(message.writtenAt)
        return NOBODY
      case 'posture-dropped':
        this.#current = null
        this.#loading = null
        return { changed: null }
      default:
        return message satisfies never
    }
  }

  #take(entries: readonly PostureEntry[]): void {
    for (const entry of entries) this.#loading?.draft.apply(entry)
  }

  #change(entries: readonly PostureEntry[], version: number, writtenAt: number): PostureApplied | null {
    if (this.#current === null) return null
    const draft = this.#current.draft()
    for (const entry of entries) draft.apply(entry)
    this.#current = draft.done(version, writtenAt)
    return { changed: draft.changed }
  }
}
