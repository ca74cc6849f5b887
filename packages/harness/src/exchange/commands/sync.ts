/**
 * Sync: first key, then what is new; hangs with Wait or HeartbeatInterval; an empty request repeats the last one.
 *
 * Document: MS-ASCMD 2.2.1.21, 2.2.3.177.17 (Status).
 * @module
 */
import { child, contentOf, findAll, isNode, tag, textOf } from '../../wire/wbxml.ts'
import type { WbxmlNode } from '../../wire/wbxml.ts'
import { document, empty, statusOnly } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf, hang, wholeNumber } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { FOLDERS, hasNews } from '../mailbox.ts'
import type { FolderPosition } from '../mailbox.ts'
import { bodyNode, mailNodes } from '../mail-nodes.ts'

const INVALID_KEY = '3'
const PROTOCOL_ERROR = 4
const UNKNOWN_FOLDER = '8'
const NOTHING_TO_REPEAT = 13
const BAD_WAIT = '14'
const WAIT_MINUTES = { min: 1, max: 59 }

/** Answers a Sync. */
export async function sync(context: CommandContext): Promise<Answer> {
  const bytes = context.body.length === 0 ? context.device.lastSync : context.body
  if (bytes === null) return statusOnly('Sync', NOTHING_TO_REPEAT)
  const root = documentOf(bytes)
  if (root?.name !== 'AirSync:Sync') return statusOnly('Sync', PROTOCOL_ERROR)
  context.device.lastSync = bytes
  const hold = holdOf(root, context)
  if (typeof hold !== 'number') return hold
  const asked = findAll(root, 'AirSync:Collection')
  const baseline = context.mailbox.newest
  const ids = asked.map((collection) => textOf(collection, 'AirSync:CollectionId') ?? '')
  const speaks = (): boolean =>
    asked.some((collection) => mustAnswer(collection, context)) ||
    ids.some((id) => hasNews(context.mailbox, context.device, id, baseline))
  // Nothing to say is said with nothing: 200 and a length of 0.
  if (!(await hang(context, hold, speaks))) return empty()
  const answers = asked.map((collection) => answerCollection(collection, context))
  return document(tag('AirSync:Sync', tag('AirSync:Collections', ...answers)))
}

/** Seconds to hang, 0 for none; or the answer to a wish that cannot be had. */
function holdOf(root: WbxmlNode, { timing: { heartbeat } }: CommandContext): number | Answer {
  const [wait, interval] = [child(root, 'AirSync:Wait'), child(root, 'AirSync:HeartbeatInterval')]
  if (wait !== null && interval !== null) return statusOnly('Sync', PROTOCOL_ERROR)
  const wish = wait ?? interval
  if (wish === null) return 0
  const { min, max } = wait === null ? heartbeat : WAIT_MINUTES
  const amount = wholeNumber(contentOf(wish)) ?? -1
  if (amount >= min && amount <= max) return wait === null ? amount : amount * 60
  const limit = tag('AirSync:Limit', String(amount < min ? min : max))
  return document(tag('AirSync:Sync', tag('AirSync:Status', BAD_WAIT), limit))
}

/** Whether a collection is answered even without news: a first key, a wrong key, or changes of the client's own. */
function mustAnswer(collection: WbxmlNode, context: CommandContext): boolean {
  const known = positionsOf(collection, context).at(-1)?.key
  return known === undefined || keyOf(collection) !== known || child(collection, 'AirSync:Commands') !== null
}

function answerCollection(collection: WbxmlNode, context: CommandContext): WbxmlNode {
  const id = textOf(collection, 'AirSync:CollectionId') ?? ''
  const key = keyOf(collection)
  if (!FOLDERS.some((folder) => folder.id === id)) return reply(id, UNKNOWN_FOLDER, key, [])
  if (key === 0) return start(id, context)
  const positions = positionsOf(collection, context)
  const from = positions.find((position) => position.key === key)
  if (from === undefined) return reply(id, INVALID_KEY, 0, [])
  const done = applyClientChanges(collection, context)
  const next: FolderPosition = { key: key + 1, seen: context.mailbox.newest }
  const news = context.mailbox.folder(id, from.seen)
  context.device.positions.set(id, [from, next])
  const limit = wholeNumber(textOf(collection, 'AirSyncBase:TruncationSize'))
  const added = news.map((mail) =>
    tag(
      'AirSync:Add',
      tag('AirSync:ServerId', mail.serverId),
      tag('AirSync:ApplicationData', ...mailNodes(mail, bodyNode(mail, limit))),
    ),
  )
  const commands = added.length === 0 ? [] : [tag('AirSync:Commands', ...added)]
  return reply(id, '1', next.key, [...done, ...commands])
}

function start(id: string, { device }: CommandContext): WbxmlNode {
  device.positions.set(id, [{ key: 1, seen: 0 }])
  return reply(id, '1', 1, [])
}

function reply(id: string, status: string, key: number, rest: WbxmlNode[]): WbxmlNode {
  return tag(
    'AirSync:Collection',
    tag('AirSync:SyncKey', String(key)),
    tag('AirSync:CollectionId', id),
    tag('AirSync:Status', status),
    ...rest,
  )
}

/** Reads marks and deletions of the client; what it fetches comes back as Responses. */
function applyClientChanges(collection: WbxmlNode, { mailbox }: CommandContext): WbxmlNode[] {
  const commands = child(collection, 'AirSync:Commands')?.children.filter(isNode) ?? []
  const responses: WbxmlNode[] = []
  for (const command of commands) {
    const serverId = textOf(command, 'AirSync:ServerId') ?? ''
    const mail = mailbox.mails.find((each) => each.serverId === serverId)
    if (command.name === 'AirSync:Delete') mailbox.remove(serverId)
    const read = textOf(command, 'Email:Read')
    if (command.name === 'AirSync:Change' && mail !== undefined && read !== null) mail.read = read === '1'
    if (command.name === 'AirSync:Fetch' && mail !== undefined) {
      const data = tag('AirSync:ApplicationData', ...mailNodes(mail, bodyNode(mail, null)))
      responses.push(tag('AirSync:Fetch', tag('AirSync:ServerId', serverId), tag('AirSync:Status', '1'), data))
    }
  }
  return responses.length === 0 ? [] : [tag('AirSync:Responses', ...responses)]
}

function positionsOf(collection: WbxmlNode, { device }: CommandContext): FolderPosition[] {
  return device.positions.get(textOf(collection, 'AirSync:CollectionId') ?? '') ?? []
}

function keyOf(collection: WbxmlNode): number {
  return wholeNumber(textOf(collection, 'AirSync:SyncKey')) ?? -1
}
