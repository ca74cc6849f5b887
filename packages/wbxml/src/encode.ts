/**
 * WBXML as ActiveSync uses it: a tree to bytes.
 *
 * Document: MS-ASWBXML 2.1. Pages are switched only where they change, an element without content is a bare tag, and
 * lengths take as few bytes as they can: one tree has one encoding. A loop with a stack of its own, as in decoding. Pure.
 * @module
 */
import { ByteWriter } from './byte-writer.ts'
import { isElement } from './model.ts'
import type { WbxmlElement, WbxmlNode } from './model.ts'
import { CONTENT_BIT, END, FIRST_TAG, HEADER, LAST_PAGE, OPAQUE, STR_I, SWITCH_PAGE, TAG_MASK } from './tokens.ts'

/** Why a tree has no encoding; the text is for people. */
const WBXML_ENCODE_ERRORS = {
  WBXML_ENCODE_PAGE: 'a code page that does not exist',
  WBXML_ENCODE_TOKEN: 'a number that is no tag',
  WBXML_ENCODE_TEXT: 'a string with NUL or half a surrogate pair',
} as const

/** The closed set of reasons. */
export type WbxmlEncodeErrorCode = keyof typeof WBXML_ENCODE_ERRORS

/** Thrown by the encoder. Its message holds no part of the document. */
export class WbxmlEncodeError extends Error {
  override name = 'WbxmlEncodeError'
  readonly code: WbxmlEncodeErrorCode

  constructor(code: WbxmlEncodeErrorCode) {
    super(WBXML_ENCODE_ERRORS[code])
    this.code = code
  }
}

/**
 * The document with this root. Tags need not be known, only possible, so that what was let through can be sent on.
 * @throws WbxmlEncodeError, and nothing else.
 */
export function encodeWbxml(root: WbxmlElement): Uint8Array {
  const writer = new ByteWriter()
  writer.bytes(HEADER)
  const open: Iterator<WbxmlNode, undefined>[] = [[root].values()]
  let page = 0
  for (let siblings = open.at(-1); siblings !== undefined; siblings = open.at(-1)) {
    const next = siblings.next()
    if (next.done === true) {
      open.pop()
      // The root's list is not an element's content and has no end of its own.
      if (open.length > 0) writer.u8(END)
    } else if (isElement(next.value)) {
      writeTag(writer, next.value, page)
      page = next.value.page
      if (next.value.children.length > 0) open.push(next.value.children.values())
    } else {
      writeContent(writer, next.value)
    }
  }
  return writer.toBytes()
}

function writeTag(writer: ByteWriter, { page, token, children }: WbxmlElement, currentPage: number): void {
  if (!Number.isInteger(page) || page < 0 || page > LAST_PAGE) throw new WbxmlEncodeError('WBXML_ENCODE_PAGE')
  if (!Number.isInteger(token) || token < FIRST_TAG || token > TAG_MASK)
    throw new WbxmlEncodeError('WBXML_ENCODE_TOKEN')
  if (page !== currentPage) writer.bytes([SWITCH_PAGE, page])
  writer.u8(children.length > 0 ? token | CONTENT_BIT : token)
}

function writeContent(writer: ByteWriter, node: Exclude<WbxmlNode, WbxmlElement>): void {
  if ('opaque' in node) {
    writer.u8(OPAQUE)
    writer.multiByteInteger(node.opaque.length)
    writer.bytes(node.opaque)
    return
  }
  // NUL ends a string on the wire: what follows it would be read as tags.
  if (node.text.includes('\0') || !node.text.isWellFormed()) throw new WbxmlEncodeError('WBXML_ENCODE_TEXT')
  writer.u8(STR_I)
  writer.text(node.text)
  writer.u8(0)
}
