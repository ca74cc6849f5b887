/**
 * Settings: takes a device's description, tells a user's addresses.
 *
 * Document: MS-ASCMD 2.2.1.18.
 * @module
 */
import { child, tag } from '../../wire/wbxml.ts'
import type { WbxmlNode } from '../../wire/wbxml.ts'
import { document, statusOnly } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { membersOf } from './provision.ts'

const PROTOCOL_ERROR = 2

/** Answers a Settings. */
export function settings({ body, device, mailbox, version }: CommandContext): Answer {
  const root = documentOf(body)
  if (root?.name !== 'Settings:Settings') return statusOnly('Settings', PROTOCOL_ERROR)
  const parts: WbxmlNode[] = []
  const information = child(root, 'Settings:DeviceInformation')
  if (information !== null) {
    device.information = membersOf(information)
    parts.push(tag('Settings:DeviceInformation', tag('Settings:Status', '1')))
  }
  if (child(root, 'Settings:UserInformation') !== null) {
    const addresses = addressesOf(mailbox.user, Number(version))
    parts.push(tag('Settings:UserInformation', tag('Settings:Status', '1'), tag('Settings:Get', addresses)))
  }
  return document(tag('Settings:Settings', tag('Settings:Status', '1'), ...parts))
}

/** From 14.1 on, addresses belong to an account. */
function addressesOf(user: string, version: number): WbxmlNode {
  const smtp = tag('Settings:SMTPAddress', user)
  if (version < 14.1) return tag('Settings:EmailAddresses', smtp)
  const addresses = tag('Settings:EmailAddresses', smtp, tag('Settings:PrimarySmtpAddress', user))
  return tag('Settings:Accounts', tag('Settings:Account', tag('Settings:UserDisplayName', user), addresses))
}
