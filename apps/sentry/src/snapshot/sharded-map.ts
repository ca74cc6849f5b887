/**
 * A map whose next version shares almost everything with this one: keys are spread over a fixed number of shards, and a
 * change copies only the shards that it touches. Versions in use are never changed.
 * @module
 */

/** 100,000 keys make about 100 a shard: what one change copies. An empty map costs its list of shards only. */
const SHARDS = 1_024

type Shards<V> = readonly (ReadonlyMap<string, V> | undefined)[]

/** One version. */
export interface ShardedMap<V> {
  readonly size: number
  /** Undefined: not there. */
  at(key: string): V | undefined
  has(key: string): boolean
  /** Begins the next version. */
  draft(): ShardedMapDraft<V>
}

/** Changes on the way to a version. After `done` it must not be used any more. */
export interface ShardedMapDraft<V> {
  at(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  done(): ShardedMap<V>
}

/** A version without keys. */
export function emptyShardedMap<V>(): ShardedMap<V> {
  return new Version<V>(Array.from<undefined>({ length: SHARDS }), 0)
}

class Version<V> implements ShardedMap<V> {
  readonly size: number
  readonly #shards: Shards<V>

  constructor(shards: Shards<V>, size: number) {
    this.#shards = shards
    this.size = size
  }

  at(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  has(key: string): boolean {
    return this.#shards[shardOf(key)]?.has(key) === true
  }

  draft(): ShardedMapDraft<V> {
    return new Draft(this.#shards, this.size)
  }
}

class Draft<V> implements ShardedMapDraft<V> {
  #shards: (ReadonlyMap<string, V> | undefined)[]
  readonly #owned = new Map<number, Map<string, V>>()
  #copied = false
  #size: number

  constructor(shards: Shards<V>, size: number) {
    this.#shards = shards as (ReadonlyMap<string, V> | undefined)[] // copied before the first write
    this.#size = size
  }

  at(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  set(key: string, value: V): void {
    const shard = this.#own(shardOf(key))
    const before = shard.size
    shard.set(key, value)
    this.#size += shard.size - before
  }

  delete(key: string): void {
    const index = shardOf(key)
    if (this.#shards[index]?.has(key) !== true) return
    this.#own(index).delete(key)
    this.#size -= 1
  }

  done(): ShardedMap<V> {
    return new Version(this.#shards, this.#size)
  }

  #own(index: number): Map<string, V> {
    const owned = this.#owned.get(index)
    if (owned !== undefined) return owned
    if (!this.#copied) {
      this.#shards = [...this.#shards]
      this.#copied = true
    }
    const shard = new Map(this.#shards[index])
    this.#owned.set(index, shard)
    this.#shards[index] = shard
    return shard
  }
}

/** FNV-1a over UTF-16 units: cheap, and spreads ids that differ in their last character only. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return ((hash >>> 16) ^ hash) & (SHARDS - 1)
}
