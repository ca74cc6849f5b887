/**
 * Name-based UUIDs: the same names give the same UUID for ever, so that a profile is replaced and not added again.
 *
 * Document: RFC 9562 (RFC 4122 before it), 5.5. SHA-1 is what version 5 is made of; nothing secret rests on it.
 * @module
 */

/** SHA-1 of the bytes: 20 bytes. Passed in, because this package runs anywhere. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array

/**
 * UUID of version 5, in lower case.
 * @param namespace a UUID; names of one namespace never meet those of another
 * @throws RangeError when `namespace` is no UUID or `sha1` does not give 20 bytes
 */
export function stableUuid(namespace: string, name: string, sha1: Sha1): string {
  const space = uuidBytes(namespace)
  const text = new TextEncoder().encode(name)
  const input = new Uint8Array(space.length + text.length)
  input.set(space)
  input.set(text, space.length)
  const digest = sha1(input)
  if (digest.length !== 20)
    throw new RangeError(`a UUID of version 5 needs the 20 bytes of SHA-1, not ${digest.length}`)
  const hex = [...digest.subarray(0, 16)].map((byte, at) => hexOf(marked(byte, at))).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function marked(byte: number, at: number): number {
  if (at === 6) return (byte & 0x0f) | 0x50 // version 5
  if (at === 8) return (byte & 0x3f) | 0x80 // variant of RFC 9562
  return byte
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function uuidBytes(uuid: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) {
    throw new RangeError(`${JSON.stringify(uuid)} is no UUID`)
  }
  const hex = uuid.replaceAll('-', '')
  return Uint8Array.from({ length: 16 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16))
}
