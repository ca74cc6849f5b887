/**
 * Ping: waits for mail in the folders it names; heartbeat and folders are remembered for the next, empty one.
 *
 * Document: MS-ASCMD 2.2.1.13, 2.2.3.88.1.
 * @module
 */
import { contentOf, findAll, tag, textOf } from '../../wire/wbxml.ts'
import type { WbxmlNode } from '../../wire/wbxml.ts'
import { document } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf, hang, wholeNumber } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { FOLDERS, hasNews } from '../mailbox.ts'

const EXPIRED = '1'
const CHANGES = '2'
const MISSING_PARAMETERS = '3'
const SYNTAX = '4'
const BAD_HEARTBEAT = '5'
const FOLDER_SYNC_NEEDED = '7'

/** Answers a Ping, late when all is well. */
export async function ping(context: CommandContext): Promise<Answer> {
  const { body, device, mailbox } = context
  const { min, max } = context.timing.heartbeat
  const root = body.length === 0 ? null : documentOf(body)
  if (body.length > 0 && root?.name !== 'Ping:Ping') return reply(SYNTAX)
  const wanted = merge(root, device.lastPing)
  if (wanted === null) return reply(MISSING_PARAMETERS)
  const { heartbeatSeconds, folderIds } = wanted
  if (heartbeatSeconds < min || heartbeatSeconds > max) {
    return reply(BAD_HEARTBEAT, tag('Ping:HeartbeatInterval', String(heartbeatSeconds < min ? min : max)))
  }
  if (folderIds.some((id) => !FOLDERS.some((folder) => folder.id === id))) return reply(FOLDER_SYNC_NEEDED)
  device.lastPing = wanted
  const baseline = mailbox.newest
  const changed = (): string[] => folderIds.filter((id) => hasNews(mailbox, device, id, baseline))
  if (!(await hang(context, heartbeatSeconds, () => changed().length > 0))) return reply(EXPIRED)
  return reply(CHANGES, tag('Ping:Folders', ...changed().map((id) => tag('Ping:Folder', id))))
}

interface PingParameters {
  heartbeatSeconds: number
  folderIds: string[]
}

/** What a request leaves out comes from the last Ping. */
function merge(root: WbxmlNode | null, last: PingParameters | null): PingParameters | null {
  const ids = root === null ? [] : findAll(root, 'Ping:Id').map(contentOf)
  const folderIds = ids.length > 0 ? ids : last?.folderIds
  const sent = root === null ? null : wholeNumber(textOf(root, 'Ping:HeartbeatInterval'))
  const heartbeatSeconds = sent ?? last?.heartbeatSeconds
  return folderIds === undefined || heartbeatSeconds === undefined ? null : { folderIds, heartbeatSeconds }
}

function reply(status: string, ...rest: WbxmlNode[]): Answer {
  return document(tag('Ping:Ping', tag('Ping:Status', status), ...rest))
}
