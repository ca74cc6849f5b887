/**
 * The numbers of WBXML itself that ActiveSync uses: MS-ASWBXML 2.1, W3C NOTE WBXML 5 and 7.
 * @module
 */

/** Version 1.3, unknown public identifier, UTF-8 (MIBenum 106), no string table. */
export const HEADER = [0x03, 0x01, 0x6a, 0x00] as const

/** Another code page; its number follows. Of the global tokens (low six bits 0 to 4) only these four are in use. */
export const SWITCH_PAGE = 0x00
/** The end of the open element. */
export const END = 0x01
/** A string; UTF-8 and a NUL follow. */
export const STR_I = 0x03
/** Bytes; their number as mb_u_int32 and they follow. */
export const OPAQUE = 0xc3

/** In a tag byte: attributes follow. */
export const ATTRIBUTE_BIT = 0x80
/** In a tag byte: content and END follow. */
export const CONTENT_BIT = 0x40
/** The bits of a tag byte that say which tag; also the last tag. */
export const TAG_MASK = 0x3f
/** The first tag of every page. */
export const FIRST_TAG = 0x05

/** The last code page, Find. */
export const LAST_PAGE = 25
