/**
 * Why bytes are not a document.
 * @module
 */

/** The closed set of reasons; the text is for people. */
const WBXML_ERRORS = {
  WBXML_TOO_LARGE: 'more bytes than allowed',
  WBXML_TRUNCATED: 'ends inside the document',
  WBXML_VERSION: 'not WBXML 1.3',
  WBXML_PUBLIC_ID: 'a public identifier other than unknown',
  WBXML_CHARSET: 'a character set other than UTF-8',
  WBXML_STRING_TABLE: 'a string table',
  WBXML_UNSUPPORTED: 'a global token that ActiveSync does not use',
  WBXML_ATTRIBUTES: 'a tag with attributes',
  WBXML_UNKNOWN_PAGE: 'a code page that does not exist',
  WBXML_UNKNOWN_TOKEN: 'a tag that does not exist',
  WBXML_MISPLACED: 'content or an end outside the root element',
  WBXML_TRAILING: 'bytes after the root element',
  WBXML_INTEGER: 'a length over 32 bits or five bytes',
  WBXML_UTF8: 'a string that is not UTF-8',
  WBXML_TOO_DEEP: 'elements nested deeper than allowed',
  WBXML_TOO_MANY_ELEMENTS: 'more elements or strings than allowed',
} as const

/** Why decoding stopped. */
export type WbxmlErrorCode = keyof typeof WBXML_ERRORS

/** Thrown by the decoder and nothing else is. Its message holds no part of the document. */
export class WbxmlError extends Error {
  override name = 'WbxmlError'
  readonly code: WbxmlErrorCode
  /** The byte that could not be read, counted from the start of the document. */
  readonly offset: number

  constructor(code: WbxmlErrorCode, offset: number) {
    super(`${WBXML_ERRORS[code]} (at byte ${String(offset)})`)
    this.code = code
    this.offset = offset
  }
}
