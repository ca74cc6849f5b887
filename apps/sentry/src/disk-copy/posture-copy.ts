/**
 * The posture on the disk: a snapshot, and a journal of the changes since. Written behind the decisions, read at start.
 *
 * A journal that has outgrown its snapshot is folded into a new one, while changes go into both journals. The snapshot
 * may then hold changes that its journal brings again, which does no harm. See docs/decisions/0012-disk-copy.md.
 * @module
 */
import { rename, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { FeedMessage } from '@postern/contract/feed/feed-messages'
import { removeFiles, syncFolder } from '../registration/data-files.ts'
import type { PosturePosition, PostureStore } from '../supervisor/posture-store.ts'
import { checkedLine, CopyDamaged, LineFile, readCheckedLines } from './checked-lines.ts'

const SNAPSHOT = 'posture.ndjson'
const SNAPSHOT_DRAFT = 'posture.ndjson.next'
const JOURNAL = 'posture.journal'
const NEXT_JOURNAL = 'posture.journal.next'
/** All of them. */
const FILES = [SNAPSHOT, SNAPSHOT_DRAFT, JOURNAL, NEXT_JOURNAL]

/** A journal smaller than this is never folded. Bytes. */
const SMALL_JOURNAL = 65_536

/** What became of the copy at start. `unusable`: what is wrong with it; it was taken away. */
export type CopyFound =
  { readonly kind: 'none' } | { readonly kind: 'read' } | { readonly kind: 'unusable'; readonly problem: string }

/** Who hears of it. */
export interface PostureCopyHandlers {
  /** A whole posture is on the disk. */
  saved(): void
  /** The disk does not take the copy any more; told once. */
  failed(problem: string): void
}

/** One for each data directory. */
export class PostureCopy {
  readonly #dir: string
  readonly #store: PostureStore
  readonly #hear: PostureCopyHandlers
  #journal: LineFile | null = null
  #next: LineFile | null = null
  #snapshotBytes = 0
  #savedSeq: number | null = null
  /** The newest change that was appended in this life. */
  #appendedSeq = 0
  #folding: Promise<void> = Promise.resolve()
  #isFolding = false
  #life = 0
  #syncing = false
  #broken = false

  constructor(dir: string, store: PostureStore, hear: PostureCopyHandlers) {
    this.#dir = dir
    this.#store = store
    this.#hear = hear
  }

  /** What a restart would find; null while a whole posture is being written. Nothing waits for a disk that has failed. */
  get savedSeq(): number | null {
    return this.#broken ? Number.MAX_SAFE_INTEGER : this.#savedSeq
  }

  /** Fills the store. A line that a crash cut off is taken away; anything else that is wrong makes the copy unusable. */
  async load(): Promise<CopyFound> {
    try {
      const found = await stat(this.#file(SNAPSHOT)).catch(() => null)
      if (found === null) return { kind: 'none' }
      this.#snapshotBytes = found.size
      await this.#readSnapshot()
      this.#journal = await this.#readJournal()
      this.#savedSeq = this.#store.position?.seq ?? null
      return { kind: 'read' }
    } catch (error) {
      this.#store.drop()
      await removeFiles(this.#dir, FILES)
      return { kind: 'unusable', problem: error instanceof Error ? error.message : 'unreadable' }
    }
  }

  /** Writes the whole posture of the store, in the background; a copy of before is gone at once. */
  async replace(): Promise<void> {
    this.#life += 1
    this.#savedSeq = null
    this.#appendedSeq = 0
    this.#broken = false
    const old = this.#files()
    this.#journal = null
    this.#next = null
    await this.#attempt(async () => {
      await Promise.all(old.map((file) => file.close()))
      await this.#folding
      // Better no copy for a moment than one that lets a device back in which was blocked since.
      await removeFiles(this.#dir, FILES)
      this.#fold()
    })
  }

  /** Resolves when the change would survive the end of this process. */
  async append(delta: FeedMessage & { type: 'delta' }): Promise<void> {
    const line = checkedLine(delta)
    const life = this.#life
    await this.#attempt(async () => {
      await Promise.all(this.#files().map((file) => file.append(line)))
      if (life !== this.#life) return
      this.#appendedSeq = delta.seq
      if (this.#journal === null) return // the snapshot below it is not yet there
      this.#savedSeq = delta.seq
      if (this.#journal.size > Math.max(SMALL_JOURNAL, this.#snapshotBytes)) this.#fold()
      void this.#syncSoon()
    })
  }

  /** Waits for what is being written, and lets go of the files. */
  async close(): Promise<void> {
    await this.#folding
    await Promise.all(this.#files().map((file) => file.close()))
  }

  /** Journals that changes go into. */
  #files(): LineFile[] {
    return [this.#journal, this.#next].filter((file) => file !== null)
  }

  #fold(): void {
    const { position } = this.#store
    if (this.#isFolding || position === null || this.#broken) return
    this.#isFolding = true
    const life = this.#life
    // Made in this very moment, so that no change is in neither of the two.
    const next = new LineFile(this.#file(NEXT_JOURNAL), null)
    this.#next = next
    const from = { epoch: position.epoch, seq: position.seq }
    this.#folding = this.#attempt(() => this.#writeSnapshot(next, from, life)).finally(() => {
      this.#isFolding = false
    })
  }

  async #writeSnapshot(next: LineFile, { epoch, seq }: PosturePosition, life: number): Promise<void> {
    const head = next.append(checkedLine({ type: 'snapshot', epoch, seq, entries: 0 }))
    const draft = new LineFile(this.#file(SNAPSHOT_DRAFT), null)
    try {
      await draft.append(checkedLine({ type: 'snapshot', epoch, seq, entries: this.#store.devices }))
      for (const entries of this.#store.pieces()) {
        await draft.append(checkedLine({ type: 'entries', entries }))
        if (life !== this.#life) return
      }
      await draft.append(checkedLine({ type: 'snapshot-end', seq }))
      await draft.sync()
      await head
    } finally {
      await draft.close()
    }
    await next.sync()
    if (life !== this.#life) return
    await rename(this.#file(SNAPSHOT_DRAFT), this.#file(SNAPSHOT))
    await rename(this.#file(NEXT_JOURNAL), this.#file(JOURNAL))
    await syncFolder(this.#dir)
    if (life !== this.#life) return
    const old = this.#journal
    this.#journal = next
    this.#next = null
    this.#snapshotBytes = draft.size
    this.#savedSeq = Math.max(seq, this.#appendedSeq)
    this.#hear.saved()
    await old?.close()
  }

  /** One at a time, as often as changes come: a loss of power should not bring back much of what was before. */
  async #syncSoon(): Promise<void> {
    if (this.#syncing) return
    this.#syncing = true
    await this.#attempt(async () => {
      await this.#journal?.sync()
    })
    this.#syncing = false
  }

  // Half a copy could let a device back in: what cannot be written whole is taken away, and a restart waits for Core.
  async #attempt(work: () => Promise<void>): Promise<void> {
    const life = this.#life
    try {
      await work()
    } catch (error) {
      if (this.#broken || life !== this.#life) return
      this.#broken = true
      for (const file of this.#files()) void file.close()
      this.#journal = null
      this.#next = null
      this.#hear.failed(error instanceof Error ? error.message : 'unknown fault')
      await removeFiles(this.#dir, FILES).catch(() => undefined) // the disk that failed may not do this either
    }
  }

  #file(name: string): string {
    return join(this.#dir, name)
  }

  async #readSnapshot(): Promise<void> {
    let seq: number | null = null
    const end = await readCheckedLines(this.#file(SNAPSHOT), (message) => {
      const isFirst = this.#store.position === null && seq === null
      if (message.type === 'snapshot' && isFirst) {
        seq = message.seq
        this.#store.begin(message.epoch, message.seq)
      } else if (message.type === 'entries' && this.#store.load(message.entries)) return
      else if (message.type !== 'snapshot-end' || message.seq !== seq || !this.#store.end(message.seq)) {
        throw new CopyDamaged(`${SNAPSHOT} has its lines in no order`)
      }
    })
    if (end.torn || this.#store.position === null) throw new CopyDamaged(`${SNAPSHOT} is not whole`)
  }

  async #readJournal(): Promise<LineFile> {
    if (await this.#continues(NEXT_JOURNAL)) await rename(this.#file(NEXT_JOURNAL), this.#file(JOURNAL))
    await removeFiles(this.#dir, [NEXT_JOURNAL, SNAPSHOT_DRAFT])
    let lines = 0
    const { goodBytes, torn } = await readCheckedLines(this.#file(JOURNAL), (message) => {
      lines += 1
      if (lines === 1) this.#checkHead(message)
      else if (message.type === 'delta') this.#replay(message)
      else throw new CopyDamaged(`${JOURNAL} has a line that is no change`)
    })
    if (lines === 0) throw new CopyDamaged(`${JOURNAL} has no beginning`)
    if (torn) await truncate(this.#file(JOURNAL), goodBytes)
    return new LineFile(this.#file(JOURNAL), goodBytes)
  }

  #checkHead(message: FeedMessage): void {
    const { position } = this.#store
    const fits = message.type === 'snapshot' && message.epoch === position?.epoch && message.seq <= position.seq
    if (!fits) throw new CopyDamaged(`${JOURNAL} does not belong to ${SNAPSHOT}`)
  }

  #replay({ from, seq, entries }: FeedMessage & { type: 'delta' }): void {
    if (seq <= (this.#store.position?.seq ?? 0)) return // the snapshot has it already
    if (this.#store.delta(from, seq, entries) === 'gap') throw new CopyDamaged(`${JOURNAL} lacks a change`)
  }

  /** Whether a journal begins where the snapshot ends: the renaming of the two was cut off in the middle. */
  async #continues(name: string): Promise<boolean> {
    let head: FeedMessage | null = null
    const keep = (message: FeedMessage): void => {
      head ??= message
    }
    try {
      await readCheckedLines(this.#file(name), keep)
    } catch {
      return false // not there, or not whole: the older one has everything that it has
    }
    const { position } = this.#store
    return isSnapshotAt(head, position)
  }
}

function isSnapshotAt(message: FeedMessage | null, position: PosturePosition | null): boolean {
  return message?.type === 'snapshot' && message.epoch === position?.epoch && message.seq === position.seq
}
