/**
 * The WBXML documents that a phone writes and reads, through the harness's own codec. Pure.
 *
 * Documents: MS-ASCMD 2.2.1 (commands), MS-ASPROV 2.2.2 and 3.1.5.1 (Provision, wipe), MS-ASWBXML (tokens).
 * @module
 */
import { child, contentOf, find, findAll, readWbxml, tag, textOf, writeWbxml } from '../wire/wbxml.ts'
import type { WbxmlNode } from '../wire/wbxml.ts'

export type { WbxmlNode } from '../wire/wbxml.ts'

/** Members of settings:DeviceInformation/Set, by tag. */
export type DeviceInformation = Partial<
  Record<'Model' | 'IMEI' | 'FriendlyName' | 'OS' | 'OSLanguage' | 'UserAgent', string>
>

/** A folder of the account; `type` as in MS-ASCMD 2.2.3.186.3 (2 is the inbox). */
export interface Folder {
  id: string
  name: string
  type: string
}

/** A mail as the phone shows it in a list. */
export interface Message {
  folderId: string
  serverId: string
  subject: string
  from: string
}

/** Which of the two wipes the server asked for. */
export type WipeDirective = 'AccountOnlyRemoteWipe' | 'RemoteWipe'

const POLICY_TYPE = 'MS-EAS-Provisioning-WBXML'
const WINDOW = '25'

/** FolderSync with a key ('0' at first). */
export function folderSync(syncKey: string): Uint8Array {
  return writeWbxml(tag('FolderHierarchy:FolderSync', tag('FolderHierarchy:SyncKey', syncKey)))
}

/** First phase: DeviceInformation and the policy asked for. */
export function provision(device: DeviceInformation): Uint8Array {
  return writeWbxml(
    tag(
      'Provision:Provision',
      deviceInformation(device),
      tag('Provision:Policies', tag('Provision:Policy', tag('Provision:PolicyType', POLICY_TYPE))),
    ),
  )
}

/** Second phase: the policy was applied in full. */
export function acknowledgePolicy(temporaryKey: string): Uint8Array {
  const policy = tag(
    'Provision:Policy',
    tag('Provision:PolicyType', POLICY_TYPE),
    tag('Provision:PolicyKey', temporaryKey),
    tag('Provision:Status', '1'),
  )
  return writeWbxml(tag('Provision:Provision', tag('Provision:Policies', policy)))
}

/** What a phone sends after Status 140: Provision with nothing in it. */
export function emptyProvision(): Uint8Array {
  return writeWbxml(tag('Provision:Provision'))
}

/** The phone did what it was told (Status 1). */
export function acknowledgeWipe(directive: WipeDirective): Uint8Array {
  return writeWbxml(tag('Provision:Provision', tag(`Provision:${directive}`, tag('Provision:Status', '1'))))
}

/** Settings: the device's own words, and a question for the user's addresses. */
export function settings(device: DeviceInformation): Uint8Array {
  return writeWbxml(
    tag('Settings:Settings', deviceInformation(device), tag('Settings:UserInformation', tag('Settings:Get'))),
  )
}

/** Sync of one folder; with key '0' it only asks for the first key. */
export function sync(folderId: string, syncKey: string): Uint8Array {
  const changes = [
    tag('AirSync:DeletesAsMoves', '1'),
    tag('AirSync:GetChanges', '1'),
    tag('AirSync:WindowSize', WINDOW),
    tag(
      'AirSync:Options',
      tag('AirSync:FilterType', '5'),
      tag('AirSyncBase:BodyPreference', tag('AirSyncBase:Type', '1'), tag('AirSyncBase:TruncationSize', '512')),
    ),
  ]
  const collection = tag(
    'AirSync:Collection',
    tag('AirSync:SyncKey', syncKey),
    tag('AirSync:CollectionId', folderId),
    ...(syncKey === '0' ? [] : changes),
  )
  return writeWbxml(tag('AirSync:Sync', tag('AirSync:Collections', collection)))
}

/** Ping on folders of mail. */
export function ping(heartbeatSeconds: number, folderIds: string[]): Uint8Array {
  const folders = folderIds.map((id) => tag('Ping:Folder', tag('Ping:Id', id), tag('Ping:Class', 'Email')))
  return writeWbxml(
    tag('Ping:Ping', tag('Ping:HeartbeatInterval', String(heartbeatSeconds)), tag('Ping:Folders', ...folders)),
  )
}

/** SendMail with the mail as MIME. */
export function sendMail(
  clientId: string,
  mail: { to: string; from: string; subject: string; text: string },
): Uint8Array {
  const head = [`From: ${mail.from}`, `To: ${mail.to}`, `Subject: ${mail.subject}`, 'MIME-Version: 1.0']
  const mime = [...head, 'Content-Type: text/plain; charset=utf-8', '', mail.text, ''].join('\r\n')
  return writeWbxml(
    tag(
      'ComposeMail:SendMail',
      tag('ComposeMail:ClientId', clientId),
      tag('ComposeMail:SaveInSentItems'),
      tag('ComposeMail:Mime', Buffer.from(mime)),
    ),
  )
}

/** Reads any answer. @throws what the codec throws for bytes that are no WBXML. */
export function readAnswer(bytes: Uint8Array): WbxmlNode {
  return readWbxml(bytes)
}

/** The Status right under the root, or null. */
export function rootStatus(root: WbxmlNode): string | null {
  const status = child(root, `${root.name.split(':')[0] ?? ''}:Status`)
  return status === null ? null : contentOf(status)
}

/** A FolderSync answer: the new key, folders added or changed, ids of those deleted. */
export function readFolderSync(root: WbxmlNode): { syncKey: string; changed: Folder[]; deleted: string[] } {
  const named = (name: string): WbxmlNode[] => findAll(root, `FolderHierarchy:${name}`)
  const text = (node: WbxmlNode, name: string): string => textOf(node, `FolderHierarchy:${name}`) ?? ''
  return {
    syncKey: text(root, 'SyncKey') || '0',
    changed: [...named('Add'), ...named('Update')].map((node) => ({
      id: text(node, 'ServerId'),
      name: text(node, 'DisplayName'),
      type: text(node, 'Type'),
    })),
    deleted: named('Delete').map((node) => text(node, 'ServerId')),
  }
}

/** A Provision answer: the key it offers and the wipe it orders. */
export function readProvision(root: WbxmlNode): { policyKey: string | null; wipe: WipeDirective | null } {
  const orders = (['AccountOnlyRemoteWipe', 'RemoteWipe'] as const).filter((name) => find(root, `Provision:${name}`))
  return { policyKey: textOf(root, 'Provision:PolicyKey'), wipe: orders[0] ?? null }
}

/** One folder's part of a Sync answer; null when the answer speaks of no folder. */
export function readSync(
  root: WbxmlNode,
  folderId: string,
): { status: string; syncKey: string | null; added: Message[]; more: boolean } | null {
  const collection = findAll(root, 'AirSync:Collection').find(
    (node) => textOf(node, 'AirSync:CollectionId') === folderId,
  )
  if (collection === undefined) return null
  const commands = child(collection, 'AirSync:Commands')
  const added = commands === null ? [] : findAll(commands, 'AirSync:Add')
  return {
    status: textOf(collection, 'AirSync:Status') ?? '1',
    syncKey: textOf(collection, 'AirSync:SyncKey'),
    added: added.map((node) => ({
      folderId,
      serverId: textOf(node, 'AirSync:ServerId') ?? '',
      subject: textOf(node, 'Email:Subject') ?? '',
      from: textOf(node, 'Email:From') ?? '',
    })),
    more: child(collection, 'AirSync:MoreAvailable') !== null,
  }
}

function deviceInformation(device: DeviceInformation): WbxmlNode {
  const members = Object.entries(device).map(([name, value]) => tag(`Settings:${name}`, value))
  return tag('Settings:DeviceInformation', tag('Settings:Set', ...members))
}
