/**
 * The one error of this package.
 * @module
 */
import type { EasVersion } from './commands.ts'

/** Why a query was refused. All of them are the client's fault; a caller maps them to 400 unless the row says more. */
const EAS_QUERY_ERRORS = {
  EAS_QUERY_TOO_LONG: 'longer than a query can be',
  EAS_QUERY_CHARACTER: 'a character that has no place in a query',
  EAS_QUERY_PARAMETER: 'a parameter without a name, without a value sign, or with a name that is none',
  EAS_QUERY_PERCENT: 'a per cent sign without two hex digits',
  EAS_QUERY_UTF8: 'text that is not UTF-8',
  EAS_QUERY_CONTROL: 'a control character in a value',
  EAS_QUERY_REPEATED: 'the same parameter twice',
  EAS_QUERY_VALUE: 'a value that the parameter cannot have',
  EAS_QUERY_BASE64: 'not canonical base64 of the standard alphabet',
  EAS_QUERY_TRUNCATED: 'ends inside a field',
  EAS_QUERY_VERSION: 'a protocol version that does not exist in this form',
  // @NOTE the caller answers Status 137 from 14.0 on and 501 before; `version` is there for that.
  EAS_QUERY_UNKNOWN_COMMAND: 'a command that does not exist',
  EAS_QUERY_COMMAND_MISSING: 'no command',
  EAS_QUERY_DEVICE_ID: 'a device id that is not 1 to 32 letters and digits',
  EAS_QUERY_POLICY_KEY_LENGTH: 'a policy key that is neither absent nor four bytes',
  EAS_QUERY_UNKNOWN_TAG: 'a parameter tag that does not exist',
  EAS_QUERY_NOT_ENCODABLE: 'a fact that this form of the query cannot say',
} as const

/** The closed set of reasons. */
export type EasQueryErrorCode = keyof typeof EAS_QUERY_ERRORS

/** Thrown by every function of this package that throws. Its message holds no part of the query. */
export class EasQueryError extends Error {
  override name = 'EasQueryError'
  readonly code: EasQueryErrorCode
  /**
   * Where reading stopped. In the plain form and for base64 text an index into the raw query; once the base64 text is
   * bytes, an index into those; 0 where an encoder threw.
   */
  readonly offset: number
  /** With EAS_QUERY_UNKNOWN_COMMAND in base64 form the version that the query names; else null. */
  readonly version: EasVersion | null

  constructor(code: EasQueryErrorCode, offset: number, version: EasVersion | null = null) {
    super(`${EAS_QUERY_ERRORS[code]} (at ${String(offset)})`)
    this.code = code
    this.offset = offset
    this.version = version
  }
}
