/**
 * The base64 form of a request's query, as a phone writes it; written apart from Sentry's own decoder on purpose.
 *
 * Document: MS-ASHTTP 2.2.1.1.1.1 (protocol version, command, locale, device id, policy key, device type, parameters).
 * @module
 */

/** Command codes of MS-ASHTTP 2.2.1.1.1.1.2. */
const CODES: Record<string, number> = {
  Sync: 0,
  SendMail: 1,
  SmartForward: 2,
  SmartReply: 3,
  FolderSync: 9,
  FolderCreate: 10,
  FolderDelete: 11,
  FolderUpdate: 12,
  MoveItems: 13,
  GetItemEstimate: 14,
  MeetingResponse: 15,
  Search: 16,
  Settings: 17,
  Ping: 18,
  ItemOperations: 19,
  Provision: 20,
  ResolveRecipients: 21,
  ValidateCert: 22,
  Find: 23,
}

/** What goes into a base64 query. */
export interface QueryFields {
  /** `16.1` and the like. */
  version: string
  /** A command's name, or its code. */
  command: string | number
  /** Windows locale; default 0x0409. */
  locale?: number
  /** Text, or raw bytes. */
  deviceId: string | Uint8Array
  /** Unsigned 32-bit; null: the key is left out (length 0). */
  policyKey: number | null
  deviceType: string
  /** Parameters by tag (0 AttachmentName, 1 CollectionId, 3 ItemId, 4 LongId, 6 Occurrence, 7 Options, 8 User), in order. */
  parameters?: [tag: number, value: string | Uint8Array][]
}

/** Writes the query, padded, in the standard alphabet. @throws RangeError for a value that does not fit its field. */
export function writeBase64Query(fields: QueryFields): string {
  const code = typeof fields.command === 'number' ? fields.command : CODES[fields.command]
  if (code === undefined) throw new RangeError(`no command code for ${String(fields.command)}`)
  const locale = fields.locale ?? 0x0409
  const key = Buffer.alloc(fields.policyKey === null ? 0 : 4)
  if (fields.policyKey !== null) key.writeUInt32LE(fields.policyKey)
  const parts = [
    Buffer.from([Math.round(Number(fields.version) * 10), code, locale & 0xff, locale >> 8]),
    sized(fields.deviceId),
    sized(key),
    sized(fields.deviceType),
    ...(fields.parameters ?? []).flatMap(([tag, value]) => [Buffer.from([tag]), sized(value)]),
  ]
  return Buffer.concat(parts).toString('base64')
}

function sized(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value)
  if (bytes.length > 255) throw new RangeError('a field of the query holds 255 bytes at most')
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}
