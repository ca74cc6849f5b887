/**
 * Provision: two phases, a temporary and a permanent policy key.
 *
 * Document: MS-ASPROV 3.1.5.1, 3.2.5.1.
 * @module
 */
import { child, contentOf, find, isNode, tag, textOf } from '../../wire/wbxml.ts'
import type { WbxmlNode } from '../../wire/wbxml.ts'
import { document, statusOnly } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { newPolicyKey } from '../mailbox.ts'

const POLICY_TYPE = 'MS-EAS-Provisioning-WBXML'
const PROTOCOL_ERROR = 2
const DEVICE_INFORMATION_REQUIRED = 165

/** Answers a Provision. */
export function provision(context: CommandContext): Answer {
  const root = documentOf(context.body)
  if (root?.name !== 'Provision:Provision') return statusOnly('Provision', PROTOCOL_ERROR)
  const information = find(root, 'Settings:DeviceInformation')
  if (information !== null) context.device.information = membersOf(information)
  const policy = find(root, 'Provision:Policy')
  // An acknowledgement of a wipe that this server never ordered is taken politely.
  if (policy === null) return statusOnly('Provision', find(root, 'Provision:Status') === null ? PROTOCOL_ERROR : 1)
  const key = textOf(policy, 'Provision:PolicyKey')
  if (key !== null) return acknowledge(context, key, textOf(policy, 'Provision:Status'))
  if (information === null && Number(context.version) >= 14.1)
    return statusOnly('Provision', DEVICE_INFORMATION_REQUIRED)
  return offer(context, textOf(policy, 'Provision:PolicyType'), information !== null)
}

/** Members of a `DeviceInformation/Set`, by local tag name. */
export function membersOf(information: WbxmlNode): Record<string, string> {
  const set = child(information, 'Settings:Set')
  const members = set === null ? [] : set.children.filter(isNode)
  return Object.fromEntries(members.map((each) => [each.name.split(':')[1] ?? '', contentOf(each)]))
}

function offer({ device }: CommandContext, type: string | null, informed: boolean): Answer {
  if (type !== POLICY_TYPE) return answer(policyNode('3', null, []), informed)
  device.temporaryPolicyKey = newPolicyKey()
  const rules = tag(
    'Provision:EASProvisionDoc',
    tag('Provision:DevicePasswordEnabled', '1'),
    tag('Provision:MinDevicePasswordLength', '4'),
  )
  return answer(policyNode('1', device.temporaryPolicyKey, [tag('Provision:Data', rules)]), informed)
}

function acknowledge({ device }: CommandContext, key: string, status: string | null): Answer {
  const applied = status === '1' || status === '2'
  if (key !== device.temporaryPolicyKey || !applied) return answer(policyNode('5', null, []), false)
  device.temporaryPolicyKey = null
  device.policyKey = newPolicyKey()
  return answer(policyNode('1', device.policyKey, []), false)
}

function policyNode(status: string, key: string | null, data: WbxmlNode[]): WbxmlNode {
  const keys = key === null ? [] : [tag('Provision:PolicyKey', key)]
  return tag(
    'Provision:Policy',
    tag('Provision:PolicyType', POLICY_TYPE),
    tag('Provision:Status', status),
    ...keys,
    ...data,
  )
}

function answer(policy: WbxmlNode, informed: boolean): Answer {
  const information = informed ? [tag('Settings:DeviceInformation', tag('Settings:Status', '1'))] : []
  return document(
    tag('Provision:Provision', ...information, tag('Provision:Status', '1'), tag('Provision:Policies', policy)),
  )
}
