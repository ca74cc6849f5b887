/**
 * How a command is refused: inside the protocol where the client understands that, by HTTP code where it does not.
 *
 * Documents: MS-ASCMD 2.2.3.177 (where Status stands in each response) and 2.2.2; MS-ASWBXML 2.1.2.1 (code pages).
 * 401, 403 and 500 make a client search for another server, which may lead it past the gateway; a Status does not.
 * @module
 */
import { EAS_COMMANDS, isBefore14 } from '@postern/eas-query/commands'
import type { EasCommand, EasVersion } from '@postern/eas-query/commands'
import { EAS_STATUSES, httpFor } from './status.ts'
import type { EasStatus, RefusedCommand } from './status.ts'

/** Content-Type of every body made here. */
export const WBXML_CONTENT_TYPE = 'application/vnd.ms-sync.wbxml'

/** An answer of the gateway's own. A `wbxml` one carries `WBXML_CONTENT_TYPE`. */
export type Refusal =
  | { readonly kind: 'wbxml'; readonly httpStatus: 200; readonly body: Uint8Array }
  | { readonly kind: 'http'; readonly httpStatus: number }

interface StatusPlace {
  readonly page: number
  readonly root: number
  readonly status: number
}

/**
 * Code page, root token and Status token of each response. MoveItems: the document allows Status under the root.
 * MeetingResponse: the document has it under Result only; under the root is our reading. GetAttachment's response
 * is the attachment itself, so it has no place for a Status.
 */
const STATUS_PLACES = {
  Sync: { page: 0x00, root: 0x05, status: 0x0e },
  SendMail: { page: 0x15, root: 0x05, status: 0x12 },
  SmartForward: { page: 0x15, root: 0x06, status: 0x12 },
  SmartReply: { page: 0x15, root: 0x07, status: 0x12 },
  GetAttachment: null,
  FolderSync: { page: 0x07, root: 0x16, status: 0x0c },
  FolderCreate: { page: 0x07, root: 0x13, status: 0x0c },
  FolderDelete: { page: 0x07, root: 0x14, status: 0x0c },
  FolderUpdate: { page: 0x07, root: 0x15, status: 0x0c },
  MoveItems: { page: 0x05, root: 0x05, status: 0x0b },
  GetItemEstimate: { page: 0x06, root: 0x05, status: 0x0e },
  MeetingResponse: { page: 0x08, root: 0x07, status: 0x0b },
  Search: { page: 0x0f, root: 0x05, status: 0x0c },
  Settings: { page: 0x12, root: 0x05, status: 0x06 },
  Ping: { page: 0x0d, root: 0x05, status: 0x07 },
  ItemOperations: { page: 0x14, root: 0x05, status: 0x0d },
  Provision: { page: 0x0e, root: 0x05, status: 0x0b },
  ResolveRecipients: { page: 0x0a, root: 0x05, status: 0x07 },
  ValidateCert: { page: 0x0b, root: 0x05, status: 0x0a },
  Find: { page: 0x19, root: 0x05, status: 0x0a },
} as const satisfies Record<EasCommand, StatusPlace | null>

/** Ping Status 7: the folder hierarchy is out of date. The FolderSync that follows gets the real answer. */
const PING_FOLDER_SYNC_NEEDED = 7

/**
 * The refusal of one command. `policyKeyHeaderSent`: whether the request had X-MS-PolicyKey (matters up to 12.1).
 *
 * A Ping that ought to provision gets Ping Status 7 in every version: Ping carries no policy key, so Status 140 and
 * 142 to 144 mean nothing to it.
 */
export function refusal(
  command: RefusedCommand,
  version: EasVersion,
  status: EasStatus,
  options: { readonly policyKeyHeaderSent: boolean },
): Refusal {
  const byHttp: Refusal = { kind: 'http', httpStatus: httpFor(status, version, command, options) }
  if (command === 'OPTIONS') return byHttp
  if (EAS_STATUSES[status].asksToProvision && !EAS_COMMANDS[command].carriesPolicyKey) {
    return inProtocol(pingStatusBody(PING_FOLDER_SYNC_NEEDED))
  }
  const body = isBefore14(version) ? null : statusOnlyBody(command, status)
  return body === null ? byHttp : inProtocol(body)
}

/** A 200 with a WBXML body. */
export function inProtocol(body: Uint8Array): Refusal {
  return { kind: 'wbxml', httpStatus: 200, body }
}

/**
 * A response that is its root and a Status. `status` is an integer from 0 to 999. Null for GetAttachment.
 * @throws RangeError for another number: that is a fault of the caller.
 */
export function statusOnlyBody(command: EasCommand, status: number): Uint8Array | null {
  const place: StatusPlace | null = STATUS_PLACES[command]
  if (place === null) return null
  return Uint8Array.of(...documentStart(place), ...textElement(place.status, status, 999), END)
}

/**
 * A Ping response. `status` is 1 to 8 of Ping's own values or a common one; `heartbeat` (seconds, 1 to 3540) goes
 * with Status 5.
 * @throws RangeError for a number outside these ranges.
 */
export function pingStatusBody(status: number, heartbeat?: number): Uint8Array {
  const { page, root, status: token } = STATUS_PLACES.Ping
  const interval = heartbeat === undefined ? [] : textElement(PING_HEARTBEAT_INTERVAL, heartbeat, 3_540)
  return Uint8Array.of(...documentStart({ page, root }), ...textElement(token, status, 999), ...interval, END)
}

const END = 0x01
const SWITCH_PAGE = 0x00
const INLINE_STRING = 0x03
const HAS_CONTENT = 0x40
const PING_HEARTBEAT_INTERVAL = 0x08
/** WBXML 1.3, unknown public id, UTF-8, no string table. */
const HEADER = [0x03, 0x01, 0x6a, 0x00] as const

/** A document starts on page 0, so only other pages are switched to. */
function documentStart(place: { readonly page: number; readonly root: number }): number[] {
  const pageSwitch = place.page === 0 ? [] : [SWITCH_PAGE, place.page]
  return [...HEADER, ...pageSwitch, place.root | HAS_CONTENT]
}

function textElement(token: number, value: number, most: number): number[] {
  if (!Number.isInteger(value) || value < 0 || value > most) throw new RangeError(`not an integer from 0 to ${most}`)
  const digits = [...String(value)].map((digit) => digit.charCodeAt(0))
  return [token | HAS_CONTENT, INLINE_STRING, ...digits, 0x00, END]
}
