/**
 * A mail as elements of Sync and ItemOperations.
 *
 * Documents: MS-ASEMAIL 2.2.2, MS-ASAIRS 2.2.2.9 (Body).
 * @module
 */
import { tag } from '../wire/wbxml.ts'
import type { WbxmlNode } from '../wire/wbxml.ts'
import type { Mail } from './mailbox.ts'

/** Properties of a mail; `body` is its Body element. */
export function mailNodes(mail: Mail, body: WbxmlNode): WbxmlNode[] {
  return [
    tag('Email:To', mail.to),
    tag('Email:From', mail.from),
    tag('Email:Subject', mail.subject),
    tag('Email:DateReceived', mail.date.toISOString()),
    tag('Email:Read', mail.read ? '1' : '0'),
    tag('Email:MessageClass', 'IPM.Note'),
    body,
  ]
}

/** Body element with plain text, cut to `limit` bytes (null: whole). */
export function bodyNode(mail: Mail, limit: number | null): WbxmlNode {
  const bytes = Buffer.from(mail.body, 'utf8')
  const cut = limit !== null && bytes.length > limit
  // A cut inside of a character would not be UTF-8: streaming decoding leaves the started one out.
  const text = new TextDecoder().decode(cut ? bytes.subarray(0, limit) : bytes, { stream: true })
  return tag(
    'AirSyncBase:Body',
    tag('AirSyncBase:Type', '1'),
    tag('AirSyncBase:EstimatedDataSize', String(bytes.length)),
    ...(cut ? [tag('AirSyncBase:Truncated', '1')] : []),
    tag('AirSyncBase:Data', text),
  )
}
