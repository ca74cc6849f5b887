/**
 * Bytes of protocol document 5.2 and 5.5, written out: what a test sends and expects, from no encoder of ours.
 * @module
 */
import assert from 'node:assert/strict'
import type { Lab } from '@postern/harness/lab'

/** What `lab.eas` gives. */
export type Reply = Awaited<ReturnType<Lab['eas']>>

/** Bytes of hexadecimal text; spaces are for the eye. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** Status-only replies of 5.5 with Status 129. GetAttachment has none. */
export const BLOCKED_129 = {
  Sync: '03 01 6A 00 45 4E 03 31 32 39 00 01 01',
  FolderSync: '03 01 6A 00 00 07 56 4C 03 31 32 39 00 01 01',
  FolderCreate: '03 01 6A 00 00 07 53 4C 03 31 32 39 00 01 01',
  FolderDelete: '03 01 6A 00 00 07 54 4C 03 31 32 39 00 01 01',
  FolderUpdate: '03 01 6A 00 00 07 55 4C 03 31 32 39 00 01 01',
  MoveItems: '03 01 6A 00 00 05 45 4B 03 31 32 39 00 01 01',
  GetItemEstimate: '03 01 6A 00 00 06 45 4E 03 31 32 39 00 01 01',
  MeetingResponse: '03 01 6A 00 00 08 47 4B 03 31 32 39 00 01 01',
  ResolveRecipients: '03 01 6A 00 00 0A 45 47 03 31 32 39 00 01 01',
  ValidateCert: '03 01 6A 00 00 0B 45 4A 03 31 32 39 00 01 01',
  Ping: '03 01 6A 00 00 0D 45 47 03 31 32 39 00 01 01',
  Provision: '03 01 6A 00 00 0E 45 4B 03 31 32 39 00 01 01',
  Search: '03 01 6A 00 00 0F 45 4C 03 31 32 39 00 01 01',
  Settings: '03 01 6A 00 00 12 45 46 03 31 32 39 00 01 01',
  ItemOperations: '03 01 6A 00 00 14 45 4D 03 31 32 39 00 01 01',
  SendMail: '03 01 6A 00 00 15 45 52 03 31 32 39 00 01 01',
  SmartForward: '03 01 6A 00 00 15 46 52 03 31 32 39 00 01 01',
  SmartReply: '03 01 6A 00 00 15 47 52 03 31 32 39 00 01 01',
  Find: '03 01 6A 00 00 19 45 4A 03 31 32 39 00 01 01',
} as const

/** FolderSync answers. */
export const FOLDER_SYNC = {
  retryLater111: '03 01 6A 00 00 07 56 4C 03 31 31 31 00 01 01',
  userDisabled126: '03 01 6A 00 00 07 56 4C 03 31 32 36 00 01 01',
  blocked129: BLOCKED_129.FolderSync,
  accessDenied130: '03 01 6A 00 00 07 56 4C 03 31 33 30 00 01 01',
  wipeRequested140: '03 01 6A 00 00 07 56 4C 03 31 34 30 00 01 01',
} as const

/** Status 7: the folders must be asked for anew. */
export const PING_7 = '03 01 6A 00 00 0D 45 47 03 37 00 01 01'
/** A Ping of 60 seconds on folder 1. */
export const PING_REQUEST =
  '03 01 6A 00 00 0D 45 48 03 36 30 00 01 49 4A 4B 03 31 00 01 4C 03 45 6D 61 69 6C 00 01 01 01 01'

/** The conversation of 5.2; requests are the device's, answers the gateway's. */
export const WIPE = {
  emptyProvision: '03 01 6A 00 00 0E 05',
  directive: '03 01 6A 00 00 0E 45 4B 03 31 00 01 3B 01',
  acknowledgeSuccess: '03 01 6A 00 00 0E 45 7B 4B 03 31 00 01 01 01',
  acknowledged: '03 01 6A 00 00 0E 45 4B 03 31 00 01 01',
  acknowledgeFailure: '03 01 6A 00 00 0E 45 7B 4B 03 32 00 01 01 01',
  directiveAgain: '03 01 6A 00 00 0E 45 4B 03 32 00 01 3B 01',
  /** Old iOS: the Status beside the wipe element and not inside it, and RemoteWipe by name. */
  acknowledgeOldIos: '03 01 6A 00 00 0E 45 4B 03 31 00 01 0C 01',
} as const

/** Content type of every WBXML answer, MS-ASHTTP 2.2.1.1.2.3. */
export const WBXML_TYPE = 'application/vnd.ms-sync.wbxml'

/** Asserts an answer in the protocol, byte for byte. */
export function assertWbxml(reply: Reply, bytes: string): void {
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], WBXML_TYPE)
  assert.equal(reply.body.toString('hex'), hex(bytes).toString('hex'))
}
