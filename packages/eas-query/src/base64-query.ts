/**
 * The base64 form of the query: bytes to facts and back.
 *
 * Document: MS-ASHTTP 2.2.1.1.1.1. Numbers are little-endian. Input is untrusted and at most 1 KiB once decoded. Pure.
 * @module
 */
import { decodeQueryBase64, encodeQueryBase64 } from './base64.ts'
import { ByteReader } from './byte-reader.ts'
import { commandOfCode, EAS_COMMANDS } from './commands.ts'
import type { EasVersion } from './commands.ts'
import { deviceKeyOfBytes } from './device-key.ts'
import type { EasParameters, EasQuery } from './model.ts'
import { EasQueryError } from './query-error.ts'
import { decodeText, encodeText, nullIfEmpty } from './text.ts'

const MAX_BYTES = 1_024
const MAX_DEVICE_ID = 32

/** 12.1 is the first version that knows this form. */
const VERSION_BYTES = [
  [121, '12.1'],
  [140, '14.0'],
  [141, '14.1'],
  [160, '16.0'],
  [161, '16.1'],
] as const satisfies readonly (readonly [number, EasVersion])[]
const VERSION_OF_BYTE = new Map<number, EasVersion>(VERSION_BYTES)

/** MS-ASHTTP 2.2.1.1.1.1.3. Tags 2 and 5 belong to older versions and are refused. */
const TEXT_TAGS = [
  [0, 'attachmentName'],
  [1, 'collectionId'],
  [3, 'itemId'],
  [4, 'longId'],
  [6, 'occurrence'],
] as const
const TEXT_OF_TAG = new Map<number, (typeof TEXT_TAGS)[number][1]>(TEXT_TAGS)
const OPTIONS_TAG = 7
const USER_TAG = 8
const SAVE_IN_SENT = 0x01
const ACCEPT_MULTI_PART = 0x02

/** @throws EasQueryError, and nothing else. */
export function decodeBase64Query(raw: string): EasQuery {
  const reader = new ByteReader(decodeQueryBase64(raw, MAX_BYTES))
  const version = readVersion(reader)
  const commandAt = reader.offset
  const command = commandOfCode(reader.u8())
  if (command === null) throw new EasQueryError('EAS_QUERY_UNKNOWN_COMMAND', commandAt, version)
  const locale = reader.u16le()
  const device = readDevice(reader)
  const policyKey = readPolicyKey(reader)
  const typeAt = reader.offset
  const deviceType = nullIfEmpty(decodeText(reader.take(reader.u8()), typeAt))
  const { user, parameters } = readParameters(reader)
  return { encoding: 'base64', command, user, ...device, deviceType, version, policyKey, locale, parameters, extra: [] }
}

/**
 * The base64 text of a query, padded and not escaped. The query needs a command and a device id.
 * @throws EasQueryError EAS_QUERY_NOT_ENCODABLE for unknown plain parameters or a field over 255 bytes;
 *   EAS_QUERY_VERSION before 12.1.
 */
export function encodeBase64Query(query: EasQuery & { version: EasVersion }): string {
  if (query.command === null) throw new EasQueryError('EAS_QUERY_COMMAND_MISSING', 0)
  if (query.extra.length > 0) throw new EasQueryError('EAS_QUERY_NOT_ENCODABLE', 0)
  const version = VERSION_BYTES.find(([, name]) => name === query.version)
  if (version === undefined) throw new EasQueryError('EAS_QUERY_VERSION', 0)
  const key = query.policyKey === null ? [] : little(query.policyKey, 4)
  const bytes = [
    version[0],
    EAS_COMMANDS[query.command].code,
    ...little(query.locale ?? 0, 2),
    ...counted(deviceIdBytes(query)),
    ...counted(key),
    ...counted(encodeText(query.deviceType ?? '')),
    ...parameterBytes(query),
  ]
  if (bytes.length > MAX_BYTES) throw new EasQueryError('EAS_QUERY_TOO_LONG', 0)
  return encodeQueryBase64(Uint8Array.from(bytes))
}

function readVersion(reader: ByteReader): EasVersion {
  const at = reader.offset
  const version = VERSION_OF_BYTE.get(reader.u8())
  if (version === undefined) throw new EasQueryError('EAS_QUERY_VERSION', at)
  return version
}

function readDevice(reader: ByteReader): Pick<EasQuery, 'deviceId' | 'deviceKey' | 'deviceIdBytes'> {
  const at = reader.offset
  const bytes = reader.take(reader.u8())
  const { text, key } = deviceKeyOfBytes(bytes)
  // The text form goes upstream, so bytes that become more than 32 hex digits have no id there.
  if (bytes.length === 0 || text.length > MAX_DEVICE_ID) throw new EasQueryError('EAS_QUERY_DEVICE_ID', at)
  const isText = text.length === bytes.length
  return { deviceId: text, deviceKey: key, ...(isText ? {} : { deviceIdBytes: bytes }) }
}

function readPolicyKey(reader: ByteReader): number | null {
  const at = reader.offset
  const length = reader.u8()
  if (length === 0) return null
  if (length !== 4) throw new EasQueryError('EAS_QUERY_POLICY_KEY_LENGTH', at)
  return reader.u32le()
}

function readParameters(reader: ByteReader): Pick<EasQuery, 'user' | 'parameters'> {
  const parameters: EasParameters = {}
  const seen = new Set<number>()
  let user: string | null = null
  while (reader.left > 0) {
    const at = reader.offset
    const tag = reader.u8()
    if (seen.has(tag)) throw new EasQueryError('EAS_QUERY_REPEATED', at)
    seen.add(tag)
    const value = reader.take(reader.u8())
    const name = TEXT_OF_TAG.get(tag)
    if (name !== undefined) parameters[name] = decodeText(value, at)
    else if (tag === OPTIONS_TAG) Object.assign(parameters, readOptions(value, at))
    else if (tag === USER_TAG) user = readUser(value, at)
    else throw new EasQueryError('EAS_QUERY_UNKNOWN_TAG', at)
  }
  return { user, parameters }
}

function readOptions(value: Uint8Array, at: number): EasParameters {
  const mask = value[0]
  if (mask === undefined || value.length > 1 || mask > (SAVE_IN_SENT | ACCEPT_MULTI_PART)) {
    throw new EasQueryError('EAS_QUERY_VALUE', at)
  }
  return {
    ...((mask & SAVE_IN_SENT) === 0 ? {} : { saveInSent: true }),
    ...((mask & ACCEPT_MULTI_PART) === 0 ? {} : { acceptMultiPart: true }),
  }
}

function readUser(value: Uint8Array, at: number): string {
  const user = decodeText(value, at)
  if (user === '') throw new EasQueryError('EAS_QUERY_VALUE', at)
  return user
}

function deviceIdBytes(query: EasQuery): Uint8Array {
  if (query.deviceId === null) throw new EasQueryError('EAS_QUERY_DEVICE_ID', 0)
  return query.deviceIdBytes ?? encodeText(query.deviceId)
}

function parameterBytes({ parameters, user }: EasQuery): number[] {
  const texts = TEXT_TAGS.flatMap(([tag, name]) => {
    const value = parameters[name]
    return value === undefined ? [] : [tag, ...counted(encodeText(value))]
  })
  const mask =
    (parameters.saveInSent === true ? SAVE_IN_SENT : 0) | (parameters.acceptMultiPart === true ? ACCEPT_MULTI_PART : 0)
  const options = mask === 0 ? [] : [OPTIONS_TAG, 1, mask]
  return [...texts, ...options, ...(user === null ? [] : [USER_TAG, ...counted(encodeText(user))])]
}

function counted(bytes: Uint8Array | readonly number[]): number[] {
  if (bytes.length > 0xff) throw new EasQueryError('EAS_QUERY_NOT_ENCODABLE', 0)
  return [bytes.length, ...bytes]
}

function little(value: number, length: 2 | 4): number[] {
  if (!Number.isInteger(value) || value < 0 || value >= 0x100 ** length) {
    throw new EasQueryError('EAS_QUERY_NOT_ENCODABLE', 0)
  }
  return Array.from({ length }, (_, index) => Math.floor(value / 0x100 ** index) % 0x100)
}
