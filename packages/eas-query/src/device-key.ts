/**
 * One key for one device, whichever way its id was written.
 *
 * Document: MS-ASHTTP 2.2.1.1.1.2.3 (letters and digits) and 2.2.1.1.1.1 (a string or the bytes of a GUID). The
 * documents leave open how bytes become text; here bytes that are all ASCII letters and digits are that text, and any
 * other bytes are their upper-case hex. Pure.
 * @module
 */

/**
 * The key by which device ids are compared: the id with a to z turned into A to Z, nothing else changed.
 * Takes any text, so that ids from configuration can be looked up too; whether the id is well formed is the decoder's
 * business.
 */
export function deviceKey(text: string): string {
  let key = ''
  for (const character of text) key += character >= 'a' && character <= 'z' ? character.toUpperCase() : character
  return key
}

/** The text form and the key of a device id that came as bytes. Any number of bytes. */
export function deviceKeyOfBytes(bytes: Uint8Array): { text: string; key: string } {
  const text = isAlphanumeric(bytes) ? String.fromCharCode(...bytes) : toHex(bytes)
  return { text, key: deviceKey(text) }
}

/** Whether every byte is an ASCII letter or digit; true of no bytes at all. */
export function isAlphanumeric(bytes: Uint8Array): boolean {
  return bytes.every(
    (byte) => (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a),
  )
}

function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0').toUpperCase()
  return hex
}
