/**
 * What the stand-in does with a request that no script takes: the checks in Exchange's order, then the command.
 *
 * Documents: MS-ASHTTP 2.2.3.1.2 (OPTIONS), 2.2.1.1.2 (headers), MS-ASCMD 2.2.2, MS-ASPROV 3.1.5.1.
 * @module
 */
import { empty, statusOnly } from './answer.ts'
import type { Answer } from './answer.ts'
import { checkBearer } from './bearer.ts'
import type { BearerRules, ClaimsDemands } from './bearer.ts'
import type { Command, Timing } from './command.ts'
import { folderSync } from './commands/folder-sync.ts'
import { itemOperations } from './commands/item-operations.ts'
import { ping } from './commands/ping.ts'
import { provision } from './commands/provision.ts'
import { sendMail } from './commands/send-mail.ts'
import { settings } from './commands/settings.ts'
import { sync } from './commands/sync.ts'
import type { DeviceState, Mailbox } from './mailbox.ts'
import type { ReceivedRequest } from './received.ts'

/** What the duty stands on. */
export interface Duty {
  versions: readonly string[]
  bearer: BearerRules
  demands: ClaimsDemands
  requirePolicy: boolean
  timing: Timing
  mailboxOf: (address: string) => Mailbox
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['Sync', sync],
  ['SendMail', sendMail],
  // Replies and forwards are taken and thrown away.
  ['SmartForward', () => empty()],
  ['SmartReply', () => empty()],
  ['FolderSync', folderSync],
  ['Settings', settings],
  ['Ping', ping],
  ['ItemOperations', itemOperations],
  ['Provision', provision],
])
/** MS-ASPROV 3.1.5.1: these carry no policy key. */
const WITHOUT_POLICY_KEY: ReadonlySet<string> = new Set(['Provision', 'Ping'])
const VERSION_NOT_SUPPORTED = 138
const NOT_PROVISIONED = 142
const INVALID_POLICY_KEY = 144

/** Answers a request; late when it hangs. */
export async function answerRequest(request: ReceivedRequest, duty: Duty, signal: AbortSignal): Promise<Answer> {
  const path = request.target.split('?')[0] ?? ''
  if (!/^\/microsoft-server-activesync\/?$/i.test(path)) return empty(404)
  if (request.method !== 'POST' && request.method !== 'OPTIONS') return empty(501)
  const user = checkBearer(request.headers['authorization'], duty.bearer, duty.demands)
  if ('status' in user) return user
  if (request.method === 'OPTIONS') return options(duty)
  if (request.query === null) return empty(400)
  return run(request, duty, duty.mailboxOf(user.upn), signal)
}

async function run(request: ReceivedRequest, duty: Duty, mailbox: Mailbox, signal: AbortSignal): Promise<Answer> {
  const { query, headers, body } = request
  const command = query === null ? undefined : COMMANDS.get(query.command)
  if (query === null || command === undefined) return empty(501)
  const version = query.version ?? headers['ms-asprotocolversion'] ?? ''
  if (version === '') return empty(400)
  if (!duty.versions.includes(version)) return statusOnly(query.command, VERSION_NOT_SUPPORTED)
  const device = mailbox.device(query.deviceId)
  const policyKey = query.policyKey ?? headers['x-ms-policykey'] ?? '0'
  const refused = WITHOUT_POLICY_KEY.has(query.command) || !duty.requirePolicy ? null : policyRefusal(policyKey, device)
  if (refused !== null) return statusOnly(query.command, refused)
  return command({
    query,
    version,
    body,
    contentType: headers['content-type'] ?? '',
    mailbox,
    device,
    multiPart: query.acceptMultiPart || headers['ms-asacceptmultipart'] === 'T',
    timing: duty.timing,
    signal,
    mailboxOf: duty.mailboxOf,
  })
}

function policyRefusal(key: string, device: DeviceState): number | null {
  if (device.policyKey === null || key === '0') return NOT_PROVISIONED
  return key === device.policyKey ? null : INVALID_POLICY_KEY
}

function options({ versions }: Duty): Answer {
  return empty(200, [
    ['Allow', 'OPTIONS,POST'],
    ['Public', 'OPTIONS,POST'],
    ['MS-ASProtocolVersions', versions.toSorted().join(',')],
    ['MS-ASProtocolCommands', [...COMMANDS.keys()].join(',')],
  ])
}
