/**
 * ItemOperations: fetches whole mail, in one document or as multipart.
 *
 * Document: MS-ASCMD 2.2.1.10 and 2.2.1.10.1 (multipart).
 * @module
 */
import { child, findAll, tag, textOf, writeWbxml } from '../../wire/wbxml.ts'
import type { WbxmlNode } from '../../wire/wbxml.ts'
import { document, statusOnly } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { bodyNode, mailNodes } from '../mail-nodes.ts'

const PROTOCOL_ERROR = 2
const NOT_FOUND = '6'
const MULTIPART_TYPE = 'application/vnd.ms-sync.multipart'

/** Answers an ItemOperations. */
export function itemOperations(context: CommandContext): Answer {
  const root = documentOf(context.body)
  if (root?.name !== 'ItemOperations:ItemOperations') return statusOnly('ItemOperations', PROTOCOL_ERROR)
  const parts: Buffer[] = []
  const fetched = findAll(root, 'ItemOperations:Fetch').map((fetch) => fetchOne(fetch, context, parts))
  const answer = tag(
    'ItemOperations:ItemOperations',
    tag('ItemOperations:Status', '1'),
    tag('ItemOperations:Response', ...fetched),
  )
  if (!context.multiPart) return document(answer)
  return { status: 200, headers: [['Content-Type', MULTIPART_TYPE]], body: multipart([writeWbxml(answer), ...parts]) }
}

/** Joins parts: count, then offset and length of each, then the parts; all numbers 32 bits, little-endian. */
function multipart(parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(4 + 8 * parts.length)
  head.writeInt32LE(parts.length, 0)
  let offset = head.length
  for (const [index, part] of parts.entries()) {
    head.writeInt32LE(offset, 4 + 8 * index)
    head.writeInt32LE(part.length, 8 + 8 * index)
    offset += part.length
  }
  return Buffer.concat([head, ...parts])
}

/** Parts begin at 1: part 0 is the document itself. */
function fetchOne(fetch: WbxmlNode, { mailbox, multiPart }: CommandContext, parts: Buffer[]): WbxmlNode {
  const collectionId = textOf(fetch, 'AirSync:CollectionId') ?? ''
  const serverId = textOf(fetch, 'AirSync:ServerId') ?? ''
  const mail = mailbox.folder(collectionId).find((each) => each.serverId === serverId)
  const ids = [tag('AirSync:CollectionId', collectionId), tag('AirSync:ServerId', serverId)]
  if (mail === undefined) return tag('ItemOperations:Fetch', tag('ItemOperations:Status', NOT_FOUND), ...ids)
  const body = bodyNode(mail, null)
  if (multiPart) {
    parts.push(Buffer.from(mail.body, 'utf8'))
    const data = child(body, 'AirSyncBase:Data')
    body.children.splice(0, body.children.length, ...body.children.filter((each) => each !== data))
    body.children.push(tag('ItemOperations:Part', String(parts.length)))
  }
  const properties = tag('ItemOperations:Properties', ...mailNodes(mail, body))
  return tag('ItemOperations:Fetch', tag('ItemOperations:Status', '1'), ...ids, properties)
}
