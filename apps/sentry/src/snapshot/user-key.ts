/**
 * How users compare.
 * @module
 */

/** Users compare after NFC and without regard to ASCII case only: no other letter may turn into an ASCII one (6.3). */
export function userKey(user: string): string {
  const parts = user.split(TURNS_ASCII).map((part) => (TURNS_ASCII.test(part) ? part : part.normalize('NFC')))
  return parts.join('').replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** All characters that NFC itself makes ASCII: the Greek question mark, the varia and the Kelvin sign. */
const TURNS_ASCII = /([\u037E\u1FEF\u212A])/
