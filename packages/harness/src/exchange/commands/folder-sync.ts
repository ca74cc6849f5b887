/**
 * FolderSync: the same few folders for everybody.
 *
 * Document: MS-ASCMD 2.2.1.5.
 * @module
 */
import { tag, textOf } from '../../wire/wbxml.ts'
import { document, statusOnly } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf, wholeNumber } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { FOLDERS } from '../mailbox.ts'

const INVALID_KEY = 9
const MALFORMED = 10

/** Answers a FolderSync. One client sends it without a body after Provision; that is taken for key 0. */
export function folderSync({ body, device }: CommandContext): Answer {
  const root = body.length === 0 ? tag('FolderHierarchy:FolderSync') : documentOf(body)
  if (root?.name !== 'FolderHierarchy:FolderSync') return statusOnly('FolderSync', MALFORMED)
  const key = wholeNumber(textOf(root, 'FolderHierarchy:SyncKey') ?? '0')
  if (key !== 0 && key !== device.folderKey) return statusOnly('FolderSync', INVALID_KEY)
  const added = key === 0 ? FOLDERS : []
  if (key === 0) device.folderKey = 1
  const folders = added.map(({ id, name, type }) =>
    tag(
      'FolderHierarchy:Add',
      tag('FolderHierarchy:ServerId', id),
      tag('FolderHierarchy:ParentId', '0'),
      tag('FolderHierarchy:DisplayName', name),
      tag('FolderHierarchy:Type', String(type)),
    ),
  )
  return document(
    tag(
      'FolderHierarchy:FolderSync',
      tag('FolderHierarchy:Status', '1'),
      tag('FolderHierarchy:SyncKey', String(device.folderKey)),
      tag('FolderHierarchy:Changes', tag('FolderHierarchy:Count', String(folders.length)), ...folders),
    ),
  )
}
