/**
 * The part of DER that is needed to write a revocation list. The X.509 library looks through the whole list for every
 * entry (seconds for 10 000) and writes an empty extension list, which RFC 5280 does not allow.
 *
 * Document: X.690. Pure.
 * @module
 */

/** A value from its identifier octet and its content. */
export function derOf(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = minimal(body.length)
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body])
}

/** INTEGER from a non-negative whole number. */
export function integerDer(value: number): Buffer {
  return unsignedDer(minimal(value))
}

/** INTEGER from the bytes of a non-negative number; leading zeros are dropped. */
export function unsignedDer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0)
  const digits = start === -1 ? Buffer.of(0) : bytes.subarray(start)
  return derOf(0x02, (digits[0] ?? 0) > 0x7f ? Buffer.of(0) : Buffer.alloc(0), digits)
}

/** OBJECT IDENTIFIER of two leading arcs that make one byte. */
export function oidDer(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return derOf(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** Time as certificates have it: UTCTime up to 2049, GeneralizedTime after (RFC 5280 4.1.2.5); whole seconds. */
export function timeDer(time: number): Buffer {
  const digits = new Date(time)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')
  return Number(digits.slice(0, 4)) < 2_050
    ? derOf(0x17, Buffer.from(digits.slice(2)))
    : derOf(0x18, Buffer.from(digits))
}

function minimal(value: number): Buffer {
  const digits = value.toString(16)
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
}

function base128(arc: number): number[] {
  const bytes = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128))
  return bytes
}
