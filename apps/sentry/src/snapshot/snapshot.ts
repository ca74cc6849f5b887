/**
 * The posture as decisions read it: immutable, indexed, replaced by one assignment. A change of one device costs the
 * parts of the indexes that it touches, however many devices there are; see docs/decisions/0011-snapshot-versions.md.
 * @module
 */
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import type { PolicyDevice, PolicySnapshot } from '@postern/contract/policy-snapshot'
import { deviceKey } from '@postern/eas-query/device-key'
import { emptyShardedMap, type ShardedMap, type ShardedMapDraft } from './sharded-map.ts'
import { userKey } from './user-key.ts'

/** Lists are in the order of device ids, so that no decision depends on the order in which posture came. */
export interface Snapshot {
  readonly version: number
  readonly mode: 'enforce' | 'report'
  /** When it was last confirmed: the file written, or word from Core. Milliseconds since 1970. */
  readonly writtenAt: number
  /** Several devices with one certificate are a mistake further up: the strictest posture speaks. */
  deviceByCertificate(fingerprint: string): PolicyDevice | null
  devicesByEasKey(key: string): readonly PolicyDevice[]
  /** By {@link userKey}. */
  devicesByUser(key: string): readonly PolicyDevice[]
  isRevoked(fingerprint: string): boolean
  /** By {@link userKey}. */
  isUserBlocked(key: string): boolean
  isToBeWiped(deviceId: string): boolean
  /** The same, confirmed later. */
  confirmedAt(writtenAt: number): Snapshot
  /** Begins the next version. */
  draft(): SnapshotDraft
}

/** What a change was about, as held requests name themselves; see {@link subjects}. Null: it may concern all of them. */
export type ChangedSubjects = ReadonlySet<string> | null

/** Changes on the way to the next version. */
export interface SnapshotDraft {
  /** Applying an entry twice does no harm. */
  apply(entry: PostureEntry): void
  readonly changed: ChangedSubjects
  done(version: number, writtenAt: number): Snapshot
}

/** Names of what a decision looked up, one namespace for each kind of key. */
export const subjects = {
  certificate: (fingerprint: string): string => `c ${fingerprint}`,
  easKey: (key: string): string => `e ${key}`,
  user: (user: string): string => `u ${userKey(user)}`,
} as const

/** Nothing is known: every device is unknown. */
export function emptySnapshot(): Snapshot {
  return new Version(EMPTY, { version: 0, mode: 'enforce', writtenAt: 0 })
}

/** Indexes a parsed policy file. */
export function toSnapshot(policy: PolicySnapshot, writtenAt: number): Snapshot {
  const draft = emptySnapshot().draft()
  for (const entry of entriesOf(policy)) draft.apply(entry)
  return draft.done(policy.version, writtenAt)
}

function* entriesOf(policy: PolicySnapshot): Generator<PostureEntry> {
  yield { kind: 'mode', mode: policy.mode }
  for (const device of policy.devices) yield { kind: 'device', device }
  for (const fingerprint of policy.revokedCertificates) yield { kind: 'certificate', fingerprint, revoked: true }
  for (const user of policy.blockedUsers) yield { kind: 'user', user, blocked: true }
}

type Devices = readonly PolicyDevice[]

interface Indexes {
  readonly devices: ShardedMap<PolicyDevice>
  readonly byCertificate: ShardedMap<Devices>
  readonly byEasKey: ShardedMap<Devices>
  readonly byUser: ShardedMap<Devices>
  readonly revoked: ShardedMap<true>
  readonly blockedUsers: ShardedMap<true>
}

const EMPTY: Indexes = {
  devices: emptyShardedMap(),
  byCertificate: emptyShardedMap(),
  byEasKey: emptyShardedMap(),
  byUser: emptyShardedMap(),
  revoked: emptyShardedMap(),
  blockedUsers: emptyShardedMap(),
}

const NONE: Devices = []
const STRICTEST_FIRST: readonly PolicyDevice['posture'][] = ['wipe', 'block', 'allow']

class Version implements Snapshot {
  readonly version: number
  readonly mode: Snapshot['mode']
  readonly writtenAt: number
  readonly #indexes: Indexes

  constructor(indexes: Indexes, { version, mode, writtenAt }: Pick<Snapshot, 'version' | 'mode' | 'writtenAt'>) {
    this.#indexes = indexes
    this.version = version
    this.mode = mode
    this.writtenAt = writtenAt
  }

  deviceByCertificate(fingerprint: string): PolicyDevice | null {
    const owners = this.#indexes.byCertificate.at(fingerprint)
    if (owners === undefined) return null
    if (owners.length === 1) return owners[0] ?? null
    return STRICTEST_FIRST.map((posture) => owners.find((d) => d.posture === posture)).find(isThere) ?? null
  }

  devicesByEasKey(key: string): Devices {
    return this.#indexes.byEasKey.at(key) ?? NONE
  }

  devicesByUser(key: string): Devices {
    return this.#indexes.byUser.at(key) ?? NONE
  }

  isRevoked(fingerprint: string): boolean {
    return this.#indexes.revoked.has(fingerprint)
  }

  isUserBlocked(key: string): boolean {
    return this.#indexes.blockedUsers.has(key)
  }

  isToBeWiped(deviceId: string): boolean {
    return this.#indexes.devices.at(deviceId)?.posture === 'wipe'
  }

  confirmedAt(writtenAt: number): Snapshot {
    return new Version(this.#indexes, { version: this.version, mode: this.mode, writtenAt })
  }

  draft(): SnapshotDraft {
    return new Draft(this.#indexes, this.mode)
  }
}

class Draft implements SnapshotDraft {
  readonly #devices: ShardedMapDraft<PolicyDevice>
  readonly #byCertificate: DeviceLists
  readonly #byEasKey: DeviceLists
  readonly #byUser: DeviceLists
  readonly #revoked: ShardedMapDraft<true>
  readonly #blockedUsers: ShardedMapDraft<true>
  readonly #changed = new Set<string>()
  #mode: Snapshot['mode']
  #modeChanged = false

  constructor(indexes: Indexes, mode: Snapshot['mode']) {
    this.#devices = indexes.devices.draft()
    this.#byCertificate = new DeviceLists(indexes.byCertificate)
    this.#byEasKey = new DeviceLists(indexes.byEasKey)
    this.#byUser = new DeviceLists(indexes.byUser)
    this.#revoked = indexes.revoked.draft()
    this.#blockedUsers = indexes.blockedUsers.draft()
    this.#mode = mode
  }

  get changed(): ChangedSubjects {
    return this.#modeChanged ? null : this.#changed
  }

  apply(entry: PostureEntry): void {
    switch (entry.kind) {
      case 'device':
        this.#remove(entry.device.id)
        this.#add(entry.device)
        return
      case 'device-removed':
        this.#remove(entry.id)
        return
      case 'certificate':
        mark(this.#revoked, entry.fingerprint, entry.revoked)
        this.#changed.add(subjects.certificate(entry.fingerprint))
        return
      case 'user':
        mark(this.#blockedUsers, userKey(entry.user), entry.blocked)
        this.#changed.add(subjects.user(entry.user))
        return
      case 'mode':
        this.#modeChanged ||= this.#mode !== entry.mode
        this.#mode = entry.mode
        return
      default:
        entry satisfies never
    }
  }

  done(version: number, writtenAt: number): Snapshot {
    const indexes = {
      devices: this.#devices.done(),
      byCertificate: this.#byCertificate.done(),
      byEasKey: this.#byEasKey.done(),
      byUser: this.#byUser.done(),
      revoked: this.#revoked.done(),
      blockedUsers: this.#blockedUsers.done(),
    }
    return new Version(indexes, { version, mode: this.#mode, writtenAt })
  }

  #add(device: PolicyDevice): void {
    this.#devices.set(device.id, device)
    for (const fingerprint of new Set(device.certificates)) this.#byCertificate.add(fingerprint, device)
    for (const key of new Set(device.easDeviceIds.map(deviceKey))) this.#byEasKey.add(key, device)
    this.#byUser.add(userKey(device.user), device)
    this.#concerns(device)
  }

  #remove(id: string): void {
    const device = this.#devices.at(id)
    if (device === undefined) return
    this.#devices.delete(id)
    for (const fingerprint of new Set(device.certificates)) this.#byCertificate.remove(fingerprint, id)
    for (const key of new Set(device.easDeviceIds.map(deviceKey))) this.#byEasKey.remove(key, id)
    this.#byUser.remove(userKey(device.user), id)
    this.#concerns(device)
  }

  #concerns(device: PolicyDevice): void {
    for (const fingerprint of device.certificates) this.#changed.add(subjects.certificate(fingerprint))
    for (const id of device.easDeviceIds) this.#changed.add(subjects.easKey(deviceKey(id)))
    this.#changed.add(subjects.user(device.user))
  }
}

/** An index with several devices a key; lists of this draft are its own until they are done. */
class DeviceLists {
  readonly #map: ShardedMapDraft<Devices>
  readonly #own = new Map<string, PolicyDevice[]>()

  constructor(map: ShardedMap<Devices>) {
    this.#map = map.draft()
  }

  add(key: string, device: PolicyDevice): void {
    this.#owned(key).push(device)
  }

  remove(key: string, id: string): void {
    const list = this.#owned(key)
    const at = list.findIndex((device) => device.id === id)
    if (at >= 0) list.splice(at, 1)
  }

  done(): ShardedMap<Devices> {
    for (const [key, list] of this.#own) {
      if (list.length === 0) this.#map.delete(key)
      else if (list.length > 1) list.sort(byId)
    }
    return this.#map.done()
  }

  #owned(key: string): PolicyDevice[] {
    const own = this.#own.get(key)
    if (own !== undefined) return own
    const list = [...(this.#map.at(key) ?? NONE)]
    this.#own.set(key, list)
    this.#map.set(key, list)
    return list
  }
}

function byId(a: PolicyDevice, b: PolicyDevice): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

function mark(map: ShardedMapDraft<true>, key: string, isSet: boolean): void {
  if (isSet) map.set(key, true)
  else map.delete(key)
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}
