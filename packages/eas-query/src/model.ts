/**
 * What a query says, whichever way it was encoded.
 * @module
 */
import type { EasCommand, EasVersion } from './commands.ts'

/** Parameters of single commands, MS-ASHTTP 2.2.1.1.1.2.5 and 2.2.1.1.1.1.3. Absent means that the client said nothing. */
export interface EasParameters {
  attachmentName?: string
  collectionId?: string
  itemId?: string
  longId?: string
  occurrence?: string
  /** Plain: `SaveInSent=T` or `F`. Base64: true when bit 0x01 of Options is set, else absent. */
  saveInSent?: boolean
  /** Base64 only: true when bit 0x02 of Options is set, else absent. Its plain form is the header MS-ASAcceptMultiPart. */
  acceptMultiPart?: boolean
}

/** One request's query, decoded. */
export interface EasQuery {
  readonly encoding: 'plain' | 'base64'
  /** Null only where the caller did not require one and there was none (OPTIONS). */
  readonly command: EasCommand | null
  /** Never empty. Null where the query names nobody, which both forms can do. */
  readonly user: string | null
  /** 1 to 32 ASCII letters and digits, as written; raw bytes as upper-case hex. Null as `command`. */
  readonly deviceId: string | null
  /** The key under which the device is looked up; see `deviceKey`. Null as `command`. */
  readonly deviceKey: string | null
  /** The device id's bytes where base64 carried bytes that are not text (a GUID); else absent. */
  readonly deviceIdBytes?: Uint8Array
  /** Never empty; null when absent or empty. */
  readonly deviceType: string | null
  /** Base64 form only; a plain query leaves it to the header MS-ASProtocolVersion. */
  readonly version: EasVersion | null
  /** Base64 form only, 0 to 4 294 967 295; null when the length was 0, which is not the same as key 0. */
  readonly policyKey: number | null
  /** Base64 form only: the Windows language code, 0 to 65 535. */
  readonly locale: number | null
  readonly parameters: EasParameters
  /** Parameters of the plain form that no document knows, decoded, in order; names as written. */
  readonly extra: readonly (readonly [name: string, value: string])[]
}
