/**
 * The query of an ActiveSync request, from either encoding to one model and back.
 *
 * Document: MS-ASHTTP 2.2.1.1.1. The two forms carry no marker; a query is plain when it has a parameter `Cmd`, and
 * base64 otherwise, and the other way is never tried: a text that reads as both would be two requests. Input is untrusted.
 * Pure: no I/O, no clock, no globals.
 * @module
 */
import { decodeBase64Query } from './base64-query.ts'
import type { EasQuery } from './model.ts'
import { decodePlainQuery, hasCommandParameter, hasParameters } from './plain-query.ts'
import { EasQueryError } from './query-error.ts'

export type { EasParameters, EasQuery } from './model.ts'
export type { EasQueryErrorCode } from './query-error.ts'
export { EasQueryError } from './query-error.ts'
export { encodePlainQuery } from './plain-query.ts'
export { encodeBase64Query } from './base64-query.ts'

/** Characters of the raw query, at most. A base64 query of the largest decoded size is 1368. */
const MAX_RAW_LENGTH = 4_096

/**
 * Decodes what stands behind the `?` of the request target, not yet unescaped; '' where there is none.
 * `commandRequired` is false for OPTIONS only, whose query may be absent or lack command and device; default true.
 * @throws EasQueryError, and nothing else.
 */
export function decodeEasQuery(raw: string, options: { commandRequired?: boolean } = {}): EasQuery {
  const commandRequired = options.commandRequired ?? true
  if (raw.length > MAX_RAW_LENGTH) throw new EasQueryError('EAS_QUERY_TOO_LONG', MAX_RAW_LENGTH)
  if (raw === '' && commandRequired) throw new EasQueryError('EAS_QUERY_COMMAND_MISSING', 0)
  const isPlain = hasCommandParameter(raw) || (!commandRequired && hasParameters(raw))
  return isPlain ? decodePlainQuery(raw, commandRequired) : decodeBase64Query(raw)
}
