/**
 * Text of a query: bytes to checked text, and per cent encoding both ways.
 *
 * Document: RFC 3986 section 2.1. Pure.
 * @module
 */
import { EasQueryError } from './query-error.ts'

// ignoreBOM keeps a byte order mark as a character: dropping it would make two different names equal.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ENCODER = new TextEncoder()

/** @throws EasQueryError EAS_QUERY_UTF8 or EAS_QUERY_CONTROL (C0, DEL, C1), with the given offset. */
export function decodeText(bytes: Uint8Array, offset: number): string {
  const text = decodeUtf8(bytes)
  if (text === null) throw new EasQueryError('EAS_QUERY_UTF8', offset)
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) throw new EasQueryError('EAS_QUERY_CONTROL', offset)
  }
  return text
}

/** @throws EasQueryError EAS_QUERY_UTF8 where the text holds half a surrogate pair and so has no bytes. */
export function encodeText(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new EasQueryError('EAS_QUERY_UTF8', 0)
  return ENCODER.encode(text)
}

/**
 * Decodes once. `+` stays a plus: a space is `%20`, and what leaves here again is unambiguous.
 * @throws EasQueryError, its offset counted from `start`.
 */
export function percentDecode(raw: string, start: number): string {
  const bytes = new Uint8Array(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i += 1) {
    const unit = raw.charCodeAt(i)
    if (unit === 0x25) {
      bytes[length] = escapedByte(raw, i, start)
      i += 2
    } else {
      if (!isQueryCharacter(unit)) throw new EasQueryError('EAS_QUERY_CHARACTER', start + i)
      bytes[length] = unit
    }
    length += 1
  }
  return decodeText(bytes.subarray(0, length), start)
}

/** Everything but RFC 3986's unreserved characters becomes `%XX`, upper-case. */
export function percentEncode(text: string): string {
  let encoded = ''
  for (const byte of encodeText(text)) {
    encoded += isUnreserved(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** A letter, a digit, or one of `-._~`. */
export function isUnreserved(unit: number): boolean {
  return (
    (unit >= 0x30 && unit <= 0x39) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x61 && unit <= 0x7a) ||
    unit === 0x2d ||
    unit === 0x2e ||
    unit === 0x5f ||
    unit === 0x7e
  )
}

/** For fields that may be left empty and then say as much as an absent one. */
export function nullIfEmpty(text: string): string | null {
  return text === '' ? null : text
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes)
  } catch (error) {
    // Fatal decoding reports bad bytes by a TypeError and has no other way to fail on an array of bytes.
    if (error instanceof TypeError) return null
    throw error
  }
}

/** Visible ASCII but `#`. Clients write a raw backslash in `DOMAIN\user`, which the grammar forbids and nothing confuses. */
function isQueryCharacter(unit: number): boolean {
  return unit > 0x20 && unit < 0x7f && unit !== 0x23
}

function escapedByte(raw: string, at: number, start: number): number {
  const high = hexDigit(raw.charCodeAt(at + 1))
  const low = hexDigit(raw.charCodeAt(at + 2))
  if (high === null || low === null) throw new EasQueryError('EAS_QUERY_PERCENT', start + at)
  return high * 16 + low
}

function hexDigit(unit: number): number | null {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  if (unit >= 0x41 && unit <= 0x46) return unit - 0x37
  if (unit >= 0x61 && unit <= 0x66) return unit - 0x57
  return null
}
