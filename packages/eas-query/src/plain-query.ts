/**
 * The plain form of the query: text to facts and back.
 *
 * Document: MS-ASHTTP 2.2.1.1.1.2. Names are compared without regard to ASCII case and in any order; a name that comes
 * twice, however it is written, is refused, because proxy and server would take different ones. Pure.
 * @module
 */
import { commandOfName, foldAscii } from './commands.ts'
import type { EasCommand } from './commands.ts'
import { deviceKey, isAlphanumeric } from './device-key.ts'
import type { EasParameters, EasQuery } from './model.ts'
import { EasQueryError } from './query-error.ts'
import { encodeText, isUnreserved, nullIfEmpty, percentDecode, percentEncode } from './text.ts'

const MAX_DEVICE_ID = 32

/** Canonical spelling of the parameters that hold text of their own, in the order in which they are written. */
const TEXT_PARAMETERS = [
  ['AttachmentName', 'attachmentName'],
  ['CollectionId', 'collectionId'],
  ['ItemId', 'itemId'],
  ['LongId', 'longId'],
  ['Occurrence', 'occurrence'],
] as const

const KNOWN_NAMES = new Set(
  ['Cmd', 'User', 'DeviceId', 'DeviceType', ...TEXT_PARAMETERS.map(([name]) => name), 'SaveInSent'].map(foldAscii),
)

/** One `name=value` as it stood in the query. `at` is the index of its value. */
interface PlainParameter {
  readonly name: string
  readonly value: string
  readonly at: number
}

/** Whether the query has a parameter `Cmd`, however its name is written. Never throws. */
export function hasCommandParameter(raw: string): boolean {
  return raw.split('&').some((part) => part.includes('=') && foldedNameOf(part) === 'cmd')
}

/**
 * Whether a query without `Cmd` reads as parameters at all. Base64 has no `&`, and `=` only at its end. Never throws.
 */
export function hasParameters(raw: string): boolean {
  const sign = raw.indexOf('=')
  if (sign === -1) return raw === '' || raw.includes('&')
  const padding = foldAscii(raw.slice(sign)).replaceAll('%3d', '').replaceAll('=', '')
  return padding !== '' || KNOWN_NAMES.has(foldedNameOf(raw))
}

/** @throws EasQueryError, and nothing else; its offset is an index into `raw`. */
export function decodePlainQuery(raw: string, commandRequired: boolean): EasQuery {
  const all = readParameters(raw)
  const deviceId = readDeviceId(all.get('deviceid'), commandRequired, raw.length)
  return {
    encoding: 'plain',
    command: readCommand(all.get('cmd'), commandRequired),
    user: readUser(all.get('user')),
    deviceId,
    deviceKey: deviceId === null ? null : deviceKey(deviceId),
    deviceType: nullIfEmpty(all.get('devicetype')?.value ?? ''),
    version: null,
    policyKey: null,
    locale: null,
    parameters: commandParameters(all),
    extra: [...all].filter(([folded]) => !KNOWN_NAMES.has(folded)).map(([, { name, value }]) => [name, value] as const),
  }
}

/**
 * The canonical plain text of a query: Cmd, User, DeviceId, DeviceType, then the parameters of the command, then
 * unknown ones in their order. Version, policy key and AcceptMultiPart have no place here; they are headers.
 * @throws EasQueryError EAS_QUERY_REPEATED where an unknown parameter bears a known name or comes twice.
 */
export function encodePlainQuery(query: EasQuery): string {
  const taken = new Set(KNOWN_NAMES)
  for (const [name] of query.extra) {
    const folded = foldAscii(name)
    if (taken.has(folded)) throw new EasQueryError('EAS_QUERY_REPEATED', 0)
    taken.add(folded)
  }
  const { parameters } = query
  const known: readonly (readonly [name: string, value: string | null | undefined])[] = [
    ['Cmd', query.command],
    ['User', query.user],
    ['DeviceId', query.deviceId],
    ['DeviceType', query.deviceType],
    ...TEXT_PARAMETERS.map(([name, key]) => [name, parameters[key]] as const),
    ['SaveInSent', flagText(parameters.saveInSent)],
  ]
  return [...known, ...query.extra].flatMap(([name, value]) => pairText(name, value)).join('&')
}

function flagText(flag: boolean | undefined): string | undefined {
  if (flag === undefined) return undefined
  return flag ? 'T' : 'F'
}

function pairText(name: string, value: string | null | undefined): string[] {
  return value === null || value === undefined ? [] : [`${percentEncode(name)}=${percentEncode(value)}`]
}

/** Keyed by folded name, in order. */
function readParameters(raw: string): Map<string, PlainParameter> {
  const all = new Map<string, PlainParameter>()
  if (raw === '') return all
  let start = 0
  for (const part of raw.split('&')) {
    const sign = part.indexOf('=')
    if (sign < 1) throw new EasQueryError('EAS_QUERY_PARAMETER', start)
    const name = percentDecode(part.slice(0, sign), start)
    const folded = foldAscii(name)
    if (!isName(name)) throw new EasQueryError('EAS_QUERY_PARAMETER', start)
    if (all.has(folded)) throw new EasQueryError('EAS_QUERY_REPEATED', start)
    const at = start + sign + 1
    all.set(folded, { name, value: percentDecode(part.slice(sign + 1), at), at })
    start += part.length + 1
  }
  return all
}

/** Plain ASCII names only: a server that trims or folds more than we do must not find `Cmd` in ours. */
function isName(name: string): boolean {
  return name !== '' && encodeText(name).every(isUnreserved)
}

function foldedNameOf(part: string): string {
  const sign = part.indexOf('=')
  try {
    return foldAscii(percentDecode(sign === -1 ? part : part.slice(0, sign), 0))
  } catch (error) {
    if (error instanceof EasQueryError) return ''
    throw error
  }
}

function readCommand(parameter: PlainParameter | undefined, required: boolean): EasCommand | null {
  if (parameter === undefined) {
    if (required) throw new EasQueryError('EAS_QUERY_COMMAND_MISSING', 0)
    return null
  }
  const command = commandOfName(parameter.value)
  if (command === null) throw new EasQueryError('EAS_QUERY_UNKNOWN_COMMAND', parameter.at)
  return command
}

function readDeviceId(parameter: PlainParameter | undefined, required: boolean, end: number): string | null {
  if (parameter === undefined) {
    if (required) throw new EasQueryError('EAS_QUERY_DEVICE_ID', end)
    return null
  }
  const { value, at } = parameter
  if (value === '' || value.length > MAX_DEVICE_ID || !isAlphanumeric(encodeText(value))) {
    throw new EasQueryError('EAS_QUERY_DEVICE_ID', at)
  }
  return value
}

function readUser(parameter: PlainParameter | undefined): string | null {
  if (parameter === undefined) return null
  if (parameter.value === '') throw new EasQueryError('EAS_QUERY_VALUE', parameter.at)
  return parameter.value
}

function commandParameters(all: ReadonlyMap<string, PlainParameter>): EasParameters {
  const parameters: EasParameters = {}
  for (const [name, key] of TEXT_PARAMETERS) {
    const parameter = all.get(foldAscii(name))
    if (parameter !== undefined) parameters[key] = parameter.value
  }
  const save = all.get('saveinsent')
  if (save === undefined) return parameters
  if (save.value !== 'T' && save.value !== 'F') throw new EasQueryError('EAS_QUERY_VALUE', save.at)
  return { ...parameters, saveInSent: save.value === 'T' }
}
