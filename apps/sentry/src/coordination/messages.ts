/**
 * What crosses between the supervisor and its workers. Both are ours and of one build; nothing here is untrusted.
 * @module
 */
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import type { WipeState } from '@postern/eas-policy/wipe'
import type { WorkerSettings } from '../config/settings.ts'
import type { SeenDevice } from '../pipeline/seen-devices.ts'

/** Exit code of a worker that could not bind its port: trying again will not help before somebody mends it. */
export const EXIT_CANNOT_LISTEN = 98

/** Something learned by one worker that all must know. Times in milliseconds since 1970. */
export type Fact =
  | {
      readonly kind: 'redirect'
      readonly user: string
      readonly host: string
      readonly port: number
      readonly until: number
    }
  | { readonly kind: 'versions'; readonly versions: string; readonly commands: string }
  | { readonly kind: 'wipe'; readonly device: string; readonly state: WipeState }

/** A question whose answer decides something; `true` means go on. */
export type Ask =
  | { readonly op: 'connection'; readonly connection: number; readonly address: string }
  | { readonly op: 'certificate'; readonly connection: number; readonly fingerprint: string }
  | { readonly op: 'rate'; readonly key: string }
  | { readonly op: 'hold'; readonly hold: number; readonly device: string; readonly user: string | null }

/** State of one mail server as a worker sees it. */
export interface ServerState {
  readonly server: string
  readonly live: boolean
  readonly reason: string | null
}

/** What a worker says. */
export type FromWorker =
  | { readonly op: 'ask'; readonly id: number; readonly ask: Ask }
  | { readonly op: 'closed'; readonly connection: number }
  | { readonly op: 'released'; readonly hold: number }
  | { readonly op: 'fact'; readonly fact: Fact }
  | { readonly op: 'listening'; readonly port: number }
  /** `load`: which whole posture it stands on; 0 for a policy file. */
  | { readonly op: 'applied'; readonly version: number; readonly load: number }
  | { readonly op: 'metrics'; readonly id: number; readonly values: readonly number[] }
  | { readonly op: 'servers'; readonly states: readonly ServerState[] }
  | { readonly op: 'seen'; readonly seen: readonly SeenDevice[] }
  | { readonly op: 'stopped' }

/** The policy file as read: every worker builds the same snapshot from it. */
export interface PolicyText {
  readonly text: string
  readonly writtenAt: number
}

/** Posture from Core. Pieces count when their end has come; `version` is Core's sequence number, `writtenAt` ms since 1970. */
export type PostureMessage =
  | { readonly op: 'posture-begin'; readonly load: number }
  | { readonly op: 'posture-entries'; readonly entries: readonly PostureEntry[] }
  | { readonly op: 'posture-end'; readonly version: number; readonly writtenAt: number }
  | {
      readonly op: 'posture-delta'
      readonly version: number
      readonly writtenAt: number
      readonly entries: readonly PostureEntry[]
    }
  | { readonly op: 'posture-confirmed'; readonly writtenAt: number }
  /** We may not serve any more: nothing is known from now on. */
  | { readonly op: 'posture-dropped' }

/** What the supervisor says; `start` comes first. `postureFollows`: listen when the first posture has come whole. */
export type ToWorker =
  | PostureMessage
  | {
      readonly op: 'start'
      readonly settings: WorkerSettings
      readonly policy: PolicyText | null
      readonly postureFollows: boolean
      readonly facts: readonly Fact[]
    }
  | { readonly op: 'settings'; readonly settings: WorkerSettings }
  | { readonly op: 'policy'; readonly policy: PolicyText }
  | { readonly op: 'answer'; readonly id: number; readonly value: boolean }
  | { readonly op: 'evict'; readonly hold: number }
  | { readonly op: 'fact'; readonly fact: Fact }
  | { readonly op: 'collect'; readonly id: number }
  | { readonly op: 'stop' }
