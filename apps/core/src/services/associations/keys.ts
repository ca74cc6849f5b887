/**
 * How users and ActiveSync ids compare, here as in Sentries (see docs of the feed): one form for one user, one for one id.
 * Texts come from phones and from whoever poses as one.
 * @module
 */

/** NFC, and ASCII letters in lower case: no other letter may turn into an ASCII one. */
export function associationUserKey(user: string): string {
  const parts = user.split(/([\u037E\u1FEF\u212A])/)
  return lowerAscii(parts.map((part, i) => (i % 2 === 1 ? part : part.normalize('NFC'))).join(''))
}

/** ASCII letters in lower case, as the directory's ids of devices are compared. */
export function easKeyOf(easDeviceId: string): string {
  return lowerAscii(easDeviceId)
}

/** Text that a database column can hold: control characters and half characters are shown as U+FFFD. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll(/\p{Cc}/gu, '\ufffd')
}

function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
