/**
 * What the stand-in says: HTTP answers and the status-only documents of each command.
 *
 * Documents: MS-ASHTTP 2.2.2, MS-ASCMD 2.2.2 (common Status values).
 * @module
 */
import { tag, writeWbxml } from '../wire/wbxml.ts'
import type { WbxmlNode } from '../wire/wbxml.ts'

/** One HTTP answer. Header names may repeat; Content-Length is added when the answer is written. */
export interface Answer {
  status: number
  headers: [name: string, value: string][]
  body: Uint8Array
}

/** Content type of WBXML bodies, MS-ASHTTP 2.2.1.1.2.3. */
const WBXML_TYPE = 'application/vnd.ms-sync.wbxml'

/** Root and Status element by command. Commands that are not listed are answered 501. */
const STATUS_TAGS: ReadonlyMap<string, readonly [root: string, status: string]> = new Map([
  ['Sync', ['AirSync:Sync', 'AirSync:Status']],
  ['FolderSync', ['FolderHierarchy:FolderSync', 'FolderHierarchy:Status']],
  ['Ping', ['Ping:Ping', 'Ping:Status']],
  ['Provision', ['Provision:Provision', 'Provision:Status']],
  ['SendMail', ['ComposeMail:SendMail', 'ComposeMail:Status']],
  ['ItemOperations', ['ItemOperations:ItemOperations', 'ItemOperations:Status']],
  ['Settings', ['Settings:Settings', 'Settings:Status']],
])

/** An answer without a body. */
export function empty(status = 200, headers: Answer['headers'] = []): Answer {
  return { status, headers, body: new Uint8Array() }
}

/** 200 with a document. */
export function document(root: WbxmlNode): Answer {
  return { status: 200, headers: [['Content-Type', WBXML_TYPE]], body: writeWbxml(root) }
}

/** 200 with nothing but a Status in the command's own root; 501 for commands that the stand-in does not speak. */
export function statusOnly(command: string, status: number): Answer {
  const tags = STATUS_TAGS.get(command)
  if (tags === undefined) return empty(501)
  return document(tag(tags[0], tag(tags[1], String(status))))
}
