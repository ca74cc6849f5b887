/**
 * Which command a request means: plain and base64 queries, read by the stand-in's own eyes.
 *
 * Documents: MS-ASHTTP 2.2.1.1.1.1 (base64), 2.2.1.1.1.2 (plain).
 * @module
 */

/** A request's query. Fields that it does not carry are null; `policyKey` and `version` only come with base64. */
export interface ExchangeQuery {
  command: string
  user: string | null
  /** As sent; bytes that are no text are upper-case hex. */
  deviceId: string
  deviceType: string
  version: string | null
  policyKey: string | null
  acceptMultiPart: boolean
  saveInSent: boolean
  encoding: 'plain' | 'base64'
}

// MS-ASHTTP 2.2.1.1.1.1.2
const COMMAND_BY_CODE: ReadonlyMap<number, string> = new Map([
  [0, 'Sync'],
  [1, 'SendMail'],
  [2, 'SmartForward'],
  [3, 'SmartReply'],
  [4, 'GetAttachment'],
  [9, 'FolderSync'],
  [10, 'FolderCreate'],
  [11, 'FolderDelete'],
  [12, 'FolderUpdate'],
  [13, 'MoveItems'],
  [14, 'GetItemEstimate'],
  [15, 'MeetingResponse'],
  [16, 'Search'],
  [17, 'Settings'],
  [18, 'Ping'],
  [19, 'ItemOperations'],
  [20, 'Provision'],
  [21, 'ResolveRecipients'],
  [22, 'ValidateCert'],
  [23, 'Find'],
])
const OPTIONS_TAG = 7
const USER_TAG = 8
const SAVE_IN_SENT = 0x01
const ACCEPT_MULTI_PART = 0x02

/** Reads the part behind `?`; null when it is neither of the two forms, or says something twice. */
export function readQuery(raw: string): ExchangeQuery | null {
  return /(^|&)cmd=/i.test(raw) ? readPlain(raw) : readBase64(raw)
}

function readPlain(raw: string): ExchangeQuery | null {
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(raw)) {
    if (fields.has(name.toLowerCase())) return null
    fields.set(name.toLowerCase(), value)
  }
  const [command, deviceId, deviceType] = [fields.get('cmd'), fields.get('deviceid'), fields.get('devicetype')]
  if (command === undefined || deviceId === undefined || deviceId === '' || deviceType === undefined) return null
  return {
    command,
    user: fields.get('user') ?? null,
    deviceId,
    deviceType,
    version: null,
    policyKey: null,
    acceptMultiPart: false,
    saveInSent: fields.get('saveinsent') === 'T',
    encoding: 'plain',
  }
}

function readBase64(raw: string): ExchangeQuery | null {
  if (!/^[A-Za-z0-9+/%]+={0,2}$/.test(raw)) return null
  const bytes = Buffer.from(decodeURIComponent(raw), 'base64')
  const fields = splitFields(bytes)
  const command = COMMAND_BY_CODE.get(bytes[1] ?? -1)
  if (fields === null || command === undefined) return null
  const { deviceId, policyKey, deviceType, parameters } = fields
  const options = parameters.get(OPTIONS_TAG)?.[0] ?? 0
  const isText = deviceId.every((byte) => byte >= 0x20 && byte < 0x7f)
  return {
    command,
    user: parameters.get(USER_TAG)?.toString('utf8') ?? null,
    deviceId: isText ? deviceId.toString('latin1') : deviceId.toString('hex').toUpperCase(),
    deviceType: deviceType.toString('utf8'),
    version: ((bytes[0] ?? 0) / 10).toFixed(1),
    policyKey: policyKey.length === 4 ? String(policyKey.readUInt32LE()) : null,
    acceptMultiPart: (options & ACCEPT_MULTI_PART) !== 0,
    saveInSent: (options & SAVE_IN_SENT) !== 0,
    encoding: 'base64',
  }
}

interface Base64Fields {
  deviceId: Buffer
  policyKey: Buffer
  deviceType: Buffer
  parameters: Map<number, Buffer>
}

/** Everything behind version, command and locale: four length-prefixed fields, then tag, length and value. */
function splitFields(bytes: Buffer): Base64Fields | null {
  let at = 4
  const sized = (): Buffer | null => {
    const length = bytes[at]
    if (length === undefined || at + 1 + length > bytes.length) return null
    const part = bytes.subarray(at + 1, at + 1 + length)
    at += 1 + length
    return part
  }
  const [deviceId, policyKey, deviceType] = [sized(), sized(), sized()]
  if (deviceId === null || policyKey === null || deviceType === null) return null
  if (deviceId.length === 0 || ![0, 4].includes(policyKey.length)) return null
  const parameters = new Map<number, Buffer>()
  while (at < bytes.length) {
    const number = bytes[at] ?? 0
    at += 1
    const value = sized()
    if (value === null || parameters.has(number)) return null
    parameters.set(number, value)
  }
  return { deviceId, policyKey, deviceType, parameters }
}
