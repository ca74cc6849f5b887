/**
 * Base64url without padding, the one canonical spelling only (RFC 7515 2, RFC 4648 3.5 and 5).
 * @module
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const VALUES = new Map([...ALPHABET].map((character, index) => [character.charCodeAt(0), index]))

/** The bytes; null for another alphabet, padding, an impossible length, or left-over bits that are not zero. */
export function decodeBase64Url(text: string): Uint8Array | null {
  if (text.length % 4 === 1) return null
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let count = 0
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const value = VALUES.get(text.charCodeAt(i))
    if (value === undefined) return null
    bits = ((bits << 6) | value) & 0xfff
    count += 6
    if (count < 8) continue
    count -= 8
    bytes[length++] = (bits >> count) & 0xff
  }
  return (bits & ((1 << count) - 1)) === 0 ? bytes : null
}

/** Whether every character is of the alphabet; '' is. */
export function isBase64UrlText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!VALUES.has(text.charCodeAt(i))) return false
  return true
}
