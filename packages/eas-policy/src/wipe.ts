/**
 * The account-only wipe as a conversation between the gateway and one device.
 *
 * Document: MS-ASPROV 3.1.5.1.2 and 3.2.5.1.2 (account-only remote wipe), MS-ASCMD 2.2.2 (Status 140).
 * A pure state machine: time comes in, the answer and the next state come out. The full wipe, which resets a whole
 * phone, is not here.
 * @module
 */
import type { EasCommand, EasVersion } from '@postern/eas-query/commands'
import { inProtocol, refusal, statusOnlyBody } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { EasStatus } from './status.ts'
import { readWipeReport } from './wipe-acknowledgement.ts'

/** How long a device may leave the directive unanswered before the wipe counts as failed. Seconds; one day. */
export const WIPE_TIMEOUT_SECONDS = 86_400

/** Where a wipe stands. `at` is milliseconds since 1970: first directive, acknowledgement, or expiry. */
export type WipeState =
  | { readonly phase: 'pending' }
  | { readonly phase: 'directive-sent'; readonly at: number }
  | { readonly phase: 'acknowledged'; readonly at: number }
  | { readonly phase: 'timed-out'; readonly at: number }

/** One request of the device. */
export interface WipeInput {
  readonly command: EasCommand
  readonly version: EasVersion
  /** Body of a Provision request, whole; null for every other command. */
  readonly body: Uint8Array | null
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whether the request came with a certificate of the device that is to be wiped. */
  readonly certificateMatches: boolean
}

/** What happened, for the audit line. `foreign-certificate` is an alarm. */
export type WipeEvent =
  | 'announced'
  | 'directive-sent'
  | 'acknowledged'
  | 'device-failed'
  | 'undecodable'
  | 'blocked'
  | 'foreign-certificate'
  | 'unsupported-version'

/** The outcome of one request. `timedOut`: the wipe expired with this request, whatever else happened. */
export interface WipeStep {
  readonly state: WipeState
  readonly answer: Refusal
  readonly event: WipeEvent
  readonly timedOut: boolean
}

/** Whether a client of this version understands the account-only wipe (16.1 only); others are blocked instead. */
export function wipeSupported(version: EasVersion): boolean {
  return version === '16.1'
}

/** A directive left unanswered for the whole time becomes `timed-out`; every other state stays. */
export function expireWipe(state: WipeState, now: number, timeoutSeconds = WIPE_TIMEOUT_SECONDS): WipeState {
  if (state.phase !== 'directive-sent' || now - state.at < timeoutSeconds * 1_000) return state
  return { phase: 'timed-out', at: now }
}

/**
 * Answers one request of a device that is to be wiped. Nothing is ever let through. Before the acknowledgement every
 * command is told to provision and each Provision gets the directive; after it, or after the time is up, commands
 * are blocked, and only a Provision after the time is up still gets the directive. A repeated directive does not
 * start the time again.
 */
export function stepWipe(state: WipeState, input: WipeInput, timeoutSeconds = WIPE_TIMEOUT_SECONDS): WipeStep {
  const current = expireWipe(state, input.now, timeoutSeconds)
  const timedOut = current !== state
  const step = (next: WipeState, answer: Refusal, event: WipeEvent): WipeStep => ({
    state: next,
    answer,
    event,
    timedOut,
  })
  const refuse = (status: EasStatus, event: WipeEvent): WipeStep =>
    step(current, refusal(input.command, input.version, status, { policyKeyHeaderSent: true }), event)

  if (!input.certificateMatches) return refuse(130, 'foreign-certificate')
  if (!wipeSupported(input.version)) return refuse(129, 'unsupported-version')
  if (current.phase === 'acknowledged') return refuse(129, 'blocked')
  if (input.command !== 'Provision') {
    return current.phase === 'timed-out' ? refuse(129, 'blocked') : refuse(140, 'announced')
  }
  const report = readWipeReport(input.body)
  const sent: WipeState = current.phase === 'pending' ? { phase: 'directive-sent', at: input.now } : current
  switch (report) {
    case 'undecodable':
      return refuse(102, 'undecodable')
    case 'none':
      return step(sent, inProtocol(directive(1)), 'directive-sent')
    case 'failed':
      return step(sent, inProtocol(directive(2)), 'device-failed')
    case 'succeeded':
      return step({ phase: 'acknowledged', at: input.now }, inProtocol(ACKNOWLEDGED), 'acknowledged')
    default:
      return report satisfies never
  }
}

const ACCOUNT_ONLY_REMOTE_WIPE = 0x3b
const END = 0x01
const ACKNOWLEDGED = provisionStatus(1)

/** `<Provision><Status>n</Status><AccountOnlyRemoteWipe/></Provision>`: the empty tag before the root's end. */
function directive(status: 1 | 2): Uint8Array {
  return Uint8Array.of(...provisionStatus(status).subarray(0, -1), ACCOUNT_ONLY_REMOTE_WIPE, END)
}

function provisionStatus(status: number): Uint8Array {
  const body = statusOnlyBody('Provision', status)
  if (body === null) throw new TypeError('Provision has a place for a Status')
  return body
}
