/**
 * Base64 of the standard alphabet, as it stands in a query.
 *
 * Document: RFC 4648 section 4 (RFC 2045's alphabet). Padding may be absent, whole, or escaped; `+`, `/` and `=` may be
 * escaped. Everything else is refused: the URL-safe alphabet, and bits that no encoder leaves behind, because two texts
 * for the same bytes are two requests to whoever compares texts. Pure.
 * @module
 */
import { EasQueryError } from './query-error.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUE_OF = new Map<string, number>(Array.from(ALPHABET, (character, value) => [character, value]))
const ESCAPES = new Map<string, string>([
  ['%2B', '+'],
  ['%2F', '/'],
  ['%3D', '='],
])

/** @throws EasQueryError EAS_QUERY_BASE64, its offset an index into `raw`; EAS_QUERY_TOO_LONG over `maxBytes`. */
export function decodeQueryBase64(raw: string, maxBytes: number): Uint8Array {
  const { values, padding } = readCharacters(raw)
  const rest = values.length % 4
  const wholePadding = (4 - rest) % 4
  if (rest === 1 || (padding !== 0 && padding !== wholePadding)) throw new EasQueryError('EAS_QUERY_BASE64', raw.length)
  const length = Math.floor((values.length * 3) / 4)
  if (length > maxBytes) throw new EasQueryError('EAS_QUERY_TOO_LONG', 0)
  const bytes = new Uint8Array(length)
  let bits = 0
  let held = 0
  let at = 0
  for (const value of values) {
    held = ((held << 6) | value) & 0xfff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at] = (held >> bits) & 0xff
    at += 1
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new EasQueryError('EAS_QUERY_BASE64', raw.length)
  return bytes
}

/** Padded, nothing escaped. */
export function encodeQueryBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3)
    const bits = ((group[0] ?? 0) << 16) | ((group[1] ?? 0) << 8) | (group[2] ?? 0)
    for (let sextet = 0; sextet < 4; sextet += 1) {
      text += sextet > group.length ? '=' : ALPHABET.charAt((bits >> (18 - 6 * sextet)) & 0x3f)
    }
  }
  return text
}

function readCharacters(raw: string): { values: number[]; padding: number } {
  const values: number[] = []
  let padding = 0
  for (let at = 0; at < raw.length; at += 1) {
    const start = at
    let character = raw.charAt(at)
    if (character === '%') {
      character = ESCAPES.get(raw.slice(at, at + 3).toUpperCase()) ?? ''
      at += 2
    }
    const value = VALUE_OF.get(character)
    if (character === '=' && padding < 2) padding += 1
    else if (value === undefined || padding > 0) throw new EasQueryError('EAS_QUERY_BASE64', start)
    else values.push(value)
  }
  return { values, padding }
}
