/**
 * What every service may use. Services are functions: they hold the rules, take a change or the database, and know
 * nothing of HTTP.
 * @module
 */
import type { CoreConfig } from '../config/core-config.ts'
import type { Store } from '../database/store.ts'
import type { Wakeups } from '../database/wakeups.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { Vault } from '../secrets/vault.ts'

/** Fields of a message: named, never whole errors or requests. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** One JSON object a line; `problem` goes to standard error. */
export type Log = (level: 'info' | 'problem', event: string, fields?: LogFields) => void

/** The collaborators of one Core process. */
export interface Services {
  readonly config: CoreConfig
  readonly store: Store
  readonly vault: Vault
  readonly keys: KeyRing
  readonly wakeups: Wakeups
  readonly log: Log
  /** ms since 1970. */
  readonly now: () => number
}
