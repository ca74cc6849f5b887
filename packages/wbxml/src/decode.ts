/**
 * WBXML as ActiveSync uses it: bytes to a tree.
 *
 * Document: MS-ASWBXML 2.1. Input is untrusted. What the document says is not used (attributes, entities, string table,
 * literals, extensions, processing instructions) is refused. The work is a loop over the bytes with a stack of its own,
 * so that depth costs no call stack; each limit is checked before what it limits is made. Pure.
 * @module
 */
import { ByteReader } from './byte-reader.ts'
import type { WbxmlElement, WbxmlNode } from './model.ts'
import { tagName } from './pages.ts'
import {
  ATTRIBUTE_BIT,
  CONTENT_BIT,
  END,
  FIRST_TAG,
  HEADER,
  LAST_PAGE,
  OPAQUE,
  STR_I,
  SWITCH_PAGE,
  TAG_MASK,
} from './tokens.ts'
import { WbxmlError } from './wbxml-error.ts'
import type { WbxmlErrorCode } from './wbxml-error.ts'

export type { WbxmlErrorCode } from './wbxml-error.ts'
export { WbxmlError } from './wbxml-error.ts'

/** What a document may cost. */
export interface WbxmlLimits {
  /** Bytes of the whole document. Default 20 971 520, the largest body of a command that is decoded. */
  readonly maxBytes: number
  /** Elements within each other, the root counted. Default 32. */
  readonly maxDepth: number
  /** Elements, and as many strings and opaque values again, which cost about as much. Default 200 000. */
  readonly maxElements: number
  /** Whether a tag that its page does not have is kept. Pages above 25 are refused all the same. Default false. */
  readonly allowUnknownTokens: boolean
}

/** The defaults of protocol work: depth and count for a decoder that faces the Internet. */
const WBXML_LIMITS: WbxmlLimits = {
  maxBytes: 20 * 1_048_576,
  maxDepth: 32,
  maxElements: 200_000,
  allowUnknownTokens: false,
}

/** In the order of the header's bytes. */
const HEADER_ERRORS = [
  'WBXML_VERSION',
  'WBXML_PUBLIC_ID',
  'WBXML_CHARSET',
  'WBXML_STRING_TABLE',
] as const satisfies readonly WbxmlErrorCode[]

/** An element whose end has not come yet. */
interface OpenElement extends WbxmlElement {
  readonly children: WbxmlNode[]
}

/**
 * The root element of a document, which must be all of the bytes. An empty body is no document; callers know it before.
 * @throws WbxmlError, and nothing else.
 */
export function decodeWbxml(bytes: Uint8Array, limits: Partial<WbxmlLimits> = {}): WbxmlElement {
  const bounds = { ...WBXML_LIMITS, ...limits }
  if (bytes.length > bounds.maxBytes) throw new WbxmlError('WBXML_TOO_LARGE', bounds.maxBytes)
  const reader = new ByteReader(bytes)
  for (const [index, expected] of HEADER.entries()) {
    if (reader.u8() !== expected) throw new WbxmlError(HEADER_ERRORS[index] ?? 'WBXML_VERSION', index)
  }
  const root = readRoot(reader, bounds)
  if (!reader.atEnd) throw new WbxmlError('WBXML_TRAILING', reader.offset)
  return root
}

function readRoot(reader: ByteReader, limits: WbxmlLimits): WbxmlElement {
  const open: OpenElement[] = []
  let page = 0
  let elements = 0
  let values = 0
  for (;;) {
    const at = reader.offset
    const byte = reader.u8()
    const parent = open.at(-1)
    if (byte === SWITCH_PAGE) {
      page = readPage(reader)
      continue
    }
    if (byte === END) {
      if (parent === undefined) throw new WbxmlError('WBXML_MISPLACED', at)
      open.pop()
      if (open.length === 0) return parent
      continue
    }
    if (byte === STR_I || byte === OPAQUE) {
      values += 1
      if (values > limits.maxElements) throw new WbxmlError('WBXML_TOO_MANY_ELEMENTS', at)
      if (parent === undefined) throw new WbxmlError('WBXML_MISPLACED', at)
      parent.children.push(readContent(reader, byte))
      continue
    }
    elements += 1
    if (elements > limits.maxElements) throw new WbxmlError('WBXML_TOO_MANY_ELEMENTS', at)
    if (open.length >= limits.maxDepth) throw new WbxmlError('WBXML_TOO_DEEP', at)
    const element: OpenElement = { page, token: checkedTag(byte, page, at, limits.allowUnknownTokens), children: [] }
    parent?.children.push(element)
    if ((byte & CONTENT_BIT) !== 0) open.push(element)
    else if (parent === undefined) return element
  }
}

function readPage(reader: ByteReader): number {
  const at = reader.offset
  const page = reader.u8()
  if (page > LAST_PAGE) throw new WbxmlError('WBXML_UNKNOWN_PAGE', at)
  return page
}

function readContent(reader: ByteReader, byte: typeof STR_I | typeof OPAQUE): WbxmlNode {
  if (byte === STR_I) return { text: reader.terminatedString() }
  return { opaque: reader.take(reader.multiByteInteger()) }
}

function checkedTag(byte: number, page: number, at: number, allowUnknown: boolean): number {
  const token = byte & TAG_MASK
  if (token < FIRST_TAG) throw new WbxmlError('WBXML_UNSUPPORTED', at)
  if ((byte & ATTRIBUTE_BIT) !== 0) throw new WbxmlError('WBXML_ATTRIBUTES', at)
  if (!allowUnknown && tagName(page, token) === null) throw new WbxmlError('WBXML_UNKNOWN_TOKEN', at)
  return token
}
