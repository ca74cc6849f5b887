/**
 * What a command of the stand-in is given, and the waiting that Ping and Sync share.
 * @module
 */
import type { Answer } from './answer.ts'
import type { DeviceState, Mailbox } from './mailbox.ts'
import type { ExchangeQuery } from './query.ts'
import { WireError, readWbxml } from '../wire/wbxml.ts'
import type { WbxmlNode } from '../wire/wbxml.ts'

/** How long protocol time takes, and which heartbeats are taken. */
export interface Timing {
  /** Milliseconds that a second of a heartbeat lasts; 1,000 unless a test is in a hurry. */
  secondMs: number
  /** Permitted heartbeat, seconds. */
  heartbeat: { min: number; max: number }
}

/** One command of one device. */
export interface CommandContext {
  query: ExchangeQuery
  version: string
  body: Uint8Array
  contentType: string
  mailbox: Mailbox
  device: DeviceState
  /** Whether the client takes a multipart answer. */
  multiPart: boolean
  timing: Timing
  /** Aborted when the client is gone or the stand-in closes. */
  signal: AbortSignal
  /** Mailbox of any address; made when there is none. */
  mailboxOf: (address: string) => Mailbox
}

/** Answers a command. */
export type Command = (context: CommandContext) => Answer | Promise<Answer>

/** The document of a request, null when it is none. */
export function documentOf(body: Uint8Array): WbxmlNode | null {
  try {
    return readWbxml(body)
  } catch (cause) {
    if (cause instanceof WireError) return null
    throw cause
  }
}

/** Waits until `news` holds or `seconds` of protocol time are over; says whether it holds. */
export async function hang(context: CommandContext, seconds: number, news: () => boolean): Promise<boolean> {
  const timer = new AbortController()
  // Not AbortSignal.timeout: its timer lets the process end while a client still waits.
  const timeout = setTimeout(() => timer.abort(), seconds * context.timing.secondMs)
  const signal = AbortSignal.any([context.signal, timer.signal])
  try {
    while (!news()) if (!(await context.mailbox.change(signal))) return false
    return true
  } finally {
    clearTimeout(timeout)
  }
}

/** Whole seconds of a text; null when it is none. */
export function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
}
