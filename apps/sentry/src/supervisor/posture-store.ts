/**
 * The posture as the supervisor keeps it: to feed workers that start, and the copy on the disk.
 * @module
 */
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import { userKey } from '../snapshot/user-key.ts'

/** Entries in one piece. With the largest devices a piece stays below the bound of a line. */
const PIECE = 100

/** Where a posture stands in the life of Core's. */
export interface PosturePosition {
  readonly epoch: string
  readonly seq: number
}

/** What became of a change: `gap` when it does not follow what we have. */
export type DeltaOutcome = 'applied' | 'gap'

class Posture {
  readonly epoch: string
  seq: number
  mode: 'enforce' | 'report' = 'enforce'
  readonly devices = new Map<string, PolicyDevice>()
  readonly revoked = new Set<string>()
  readonly blockedUsers = new Map<string, string>()

  constructor(epoch: string, seq: number) {
    this.epoch = epoch
    this.seq = seq
  }

  apply(entry: PostureEntry): void {
    switch (entry.kind) {
      case 'device':
        this.devices.set(entry.device.id, entry.device)
        return
      case 'device-removed':
        this.devices.delete(entry.id)
        return
      case 'certificate':
        if (entry.revoked) this.revoked.add(entry.fingerprint)
        else this.revoked.delete(entry.fingerprint)
        return
      case 'user':
        if (entry.blocked) this.blockedUsers.set(userKey(entry.user), entry.user)
        else this.blockedUsers.delete(userKey(entry.user))
        return
      case 'mode':
        this.mode = entry.mode
        return
      default:
        entry satisfies never
    }
  }

  // Changes while this is being read are either still ahead in it, or come as a change of their own afterwards.
  *entries(): Generator<PostureEntry> {
    yield { kind: 'mode', mode: this.mode }
    for (const fingerprint of this.revoked) yield { kind: 'certificate', fingerprint, revoked: true }
    for (const user of this.blockedUsers.values()) yield { kind: 'user', user, blocked: true }
    for (const device of this.devices.values()) yield { kind: 'device', device }
  }
}

/** One posture in use, and one on its way. */
export class PostureStore {
  #current: Posture | null = null
  #incoming: Posture | null = null

  /** Null until a whole one has come. */
  get position(): PosturePosition | null {
    return this.#current
  }

  get devices(): number {
    return this.#current?.devices.size ?? 0
  }

  get mode(): 'enforce' | 'report' {
    return this.#current?.mode ?? 'enforce'
  }

  isToBeWiped(device: string): boolean {
    return this.#current?.devices.get(device)?.posture === 'wipe'
  }

  begin(epoch: string, seq: number): void {
    this.#incoming = new Posture(epoch, seq)
  }

  /** Pieces between `begin` and `end`. False: there was no beginning. */
  load(entries: readonly PostureEntry[]): boolean {
    for (const entry of entries) this.#incoming?.apply(entry)
    return this.#incoming !== null
  }

  /** The posture on its way takes the place of the one in use. False: there was no beginning. */
  end(seq: number): boolean {
    if (this.#incoming === null) return false
    this.#incoming.seq = seq
    this.#current = this.#incoming
    this.#incoming = null
    return true
  }

  /** A posture on its way that will not be ended. */
  abandon(): void {
    this.#incoming = null
  }

  delta(from: number, seq: number, entries: readonly PostureEntry[]): DeltaOutcome {
    if (this.#current === null || this.#incoming !== null || this.#current.seq !== from || seq < from) return 'gap'
    for (const entry of entries) this.#current.apply(entry)
    this.#current.seq = seq
    return 'applied'
  }

  /** Forgets everything. */
  drop(): void {
    this.#current = null
    this.#incoming = null
  }

  /** Everything in use, by pieces; it may change while it is being read, see `entries`. */
  *pieces(): Generator<PostureEntry[]> {
    let piece: PostureEntry[] = []
    for (const entry of this.#current?.entries() ?? []) {
      piece.push(entry)
      if (piece.length < PIECE) continue
      yield piece
      piece = []
    }
    if (piece.length > 0) yield piece
  }
}
