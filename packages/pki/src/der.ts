/**
 * The part of ASN.1 that is needed to look into certificates and PKCS#12 files: bytes to a tree.
 *
 * Document: X.690. BER's indefinite lengths and chunked octet strings are read, because PKCS#12 writers use them.
 * Bounded by the input's size, 32 levels and tag numbers under 31. Pure.
 * @module
 */

/** Deepest nesting that is read. A PKCS#12 file needs about 12. */
export const MAX_DEPTH = 32

const INDEFINITE = 0x80
const CONSTRUCTED = 0x20

/** Identifier octets that the readers of this package look for. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  dnsName: 0x82,
  ipAddress: 0x87,
  context0: 0xa0,
  context3: 0xa3,
} as const

/** One value. `children` is empty for a primitive one, `content` is empty for an indefinite length. */
export interface DerValue {
  /** The identifier octet: class, constructed bit and number. */
  tag: number
  /** The whole value with its header, as it stood in the input. */
  raw: Buffer
  content: Buffer
  children: DerValue[]
}

/** Thrown by the functions of this module and nothing else is; callers turn it into their own error. */
export class DerError extends Error {
  override name = 'DerError'
}

/**
 * Reads one value that fills `bytes`.
 * @throws DerError
 */
export function readDer(bytes: Uint8Array): DerValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { value, end } = readValue(buffer, 0, 0)
  if (end !== buffer.length) throw new DerError('bytes after the value')
  return value
}

/** The value itself, which must be a sequence. */
export function sequenceOf(value: DerValue): DerValue {
  if (value.tag !== TAG.sequence) throw new DerError('not a sequence')
  return value
}

/** The child at `index`, which must carry `tag`. */
export function childOf(value: DerValue, index: number, tag: number): DerValue {
  const child = value.children[index]
  if (child?.tag !== tag) throw new DerError(`no element ${index} with tag ${tag.toString(16)}`)
  return child
}

/** Bytes of an octet string, joined when it comes in chunks. Also for implicitly tagged ones. */
export function octetsOf(value: DerValue): Buffer {
  return (value.tag & CONSTRUCTED) === 0 ? value.content : Buffer.concat(value.children.map(octetsOf))
}

/** A non-negative integer of at most six bytes. */
export function integerOf({ tag, content }: DerValue): number {
  if (tag !== TAG.integer || content.length === 0 || content.length > 6 || content.readUInt8(0) > 0x7f) {
    throw new DerError('not an integer between 0 and 2^47')
  }
  return content.readUIntBE(0, content.length)
}

/** An object identifier in dotted form. */
export function oidOf({ tag, content }: DerValue): string {
  if (tag !== TAG.oid || content.length === 0 || content.length > 32) throw new DerError('not an object identifier')
  const arcs: number[] = []
  let arc = 0
  for (const byte of content) {
    if (arc > 0xff_ffff) throw new DerError('an object identifier with a number over 31 bits')
    arc = arc * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      arcs.push(arc)
      arc = 0
    }
  }
  const [first = 0, ...rest] = arcs
  const root = Math.min(Math.floor(first / 40), 2)
  return [root, first - 40 * root, ...rest].join('.')
}

function readValue(bytes: Buffer, start: number, depth: number): { value: DerValue; end: number } {
  if (depth > MAX_DEPTH) throw new DerError('nested too deep')
  const tag = byteAt(bytes, start)
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number over 30')
  const { length, at } = readLength(bytes, start + 1)
  if (length === null) {
    if ((tag & CONSTRUCTED) === 0) throw new DerError('an indefinite length of a primitive value')
    const { children, end } = readUntilEndOfContents(bytes, at, depth)
    return { value: { tag, raw: bytes.subarray(start, end), content: Buffer.alloc(0), children }, end }
  }
  const end = at + length
  if (end > bytes.length) throw new DerError('ends inside a value')
  const content = bytes.subarray(at, end)
  const children = (tag & CONSTRUCTED) === 0 ? [] : readAll(content, depth)
  return { value: { tag, raw: bytes.subarray(start, end), content, children }, end }
}

function readAll(content: Buffer, depth: number): DerValue[] {
  const children: DerValue[] = []
  for (let offset = 0; offset < content.length;) {
    const { value, end } = readValue(content, offset, depth + 1)
    children.push(value)
    offset = end
  }
  return children
}

function readUntilEndOfContents(bytes: Buffer, start: number, depth: number): { children: DerValue[]; end: number } {
  const children: DerValue[] = []
  let offset = start
  while (byteAt(bytes, offset) !== 0 || byteAt(bytes, offset + 1) !== 0) {
    const { value, end } = readValue(bytes, offset, depth + 1)
    children.push(value)
    offset = end
  }
  return { children, end: offset + 2 }
}

/** `length` null: indefinite. `at` is the first byte of the content. */
function readLength(bytes: Buffer, offset: number): { length: number | null; at: number } {
  const first = byteAt(bytes, offset)
  if (first < INDEFINITE) return { length: first, at: offset + 1 }
  if (first === INDEFINITE) return { length: null, at: offset + 1 }
  const count = first & 0x7f
  if (count > 4 || offset + 1 + count > bytes.length) throw new DerError('a length over four bytes')
  return { length: bytes.readUIntBE(offset + 1, count), at: offset + 1 + count }
}

function byteAt(bytes: Buffer, offset: number): number {
  const byte = bytes[offset]
  if (byte === undefined) throw new DerError('ends inside a value')
  return byte
}
