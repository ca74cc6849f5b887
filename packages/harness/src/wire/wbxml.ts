/**
 * WBXML as the stand-ins and phones speak it: a tree to bytes and back. Written apart from the product's codec, so that
 * a mistake in one shows against the other.
 *
 * Documents: MS-ASWBXML 2.1 (algorithm), WBXML 1.3 5.8 (tokens). For test peers: input may be anything up to some
 * megabytes; deep documents are read without recursion.
 * @module
 */
import { codeOf, nameOf } from './tags.ts'

/** Content: an element, text (STR_I) or bytes (OPAQUE). */
export type WbxmlChild = WbxmlNode | string | Uint8Array

/** An element. `name` is `Namespace:Tag`, or hexadecimal `page:token` for a tag the harness does not know. */
export interface WbxmlNode {
  readonly name: string
  readonly page: number
  readonly token: number
  readonly children: WbxmlChild[]
}

/** The bytes are not a WBXML document of ActiveSync; `offset` is where reading stopped. */
export class WireError extends Error {
  override name = 'WireError'
  readonly code = 'WIRE_MALFORMED'
  readonly offset: number
  constructor(message: string, offset: number) {
    super(`${message} at byte ${String(offset)}`)
    this.offset = offset
  }
}

const HEADER = [0x03, 0x01, 0x6a, 0x00]
const SWITCH_PAGE = 0x00
const END = 0x01
const STR_I = 0x03
const OPAQUE = 0xc3
const WITH_CONTENT = 0x40
const WITH_ATTRIBUTES = 0x80

/** An element by page and token. A string child is text, bytes are opaque data. */
export function el(page: number, token: number, ...children: WbxmlChild[]): WbxmlNode {
  return { name: nameOf(page, token), page, token, children }
}

/** An element by `Namespace:Tag`. @throws RangeError for a tag that wire/tags.ts does not list. */
export function tag(name: string, ...children: WbxmlChild[]): WbxmlNode {
  const [page, token] = codeOf(name)
  return { name, page, token, children }
}

/** Writes a document: header `03 01 6A 00`, page switches only on change, empty elements as a bare tag. */
export function writeWbxml(root: WbxmlNode): Buffer<ArrayBuffer> {
  const chunks: Uint8Array[] = [Uint8Array.from(HEADER)]
  let page = 0
  // What is still to be written, last first: an explicit stack, because tests nest documents ten thousand deep.
  const todo: (WbxmlChild | typeof END)[] = [root]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (next === END) chunks.push(Uint8Array.of(END))
    else if (typeof next === 'string') chunks.push(Uint8Array.of(STR_I), Buffer.from(next, 'utf8'), Uint8Array.of(0))
    else if (next instanceof Uint8Array) chunks.push(Uint8Array.of(OPAQUE, ...multiByte(next.length)), next)
    else {
      if (next.page !== page) chunks.push(Uint8Array.of(SWITCH_PAGE, next.page))
      page = next.page
      const empty = next.children.length === 0
      chunks.push(Uint8Array.of(empty ? next.token : next.token | WITH_CONTENT))
      if (!empty) todo.push(END, ...next.children.toReversed())
    }
  }
  return Buffer.concat(chunks)
}

/** Reads a whole document. @throws WireError, and nothing else. */
export function readWbxml(bytes: Uint8Array): WbxmlNode {
  const cursor = { bytes, at: 0 }
  for (const expected of HEADER)
    if (byte(cursor) !== expected) throw new WireError('not the ActiveSync header', cursor.at - 1)
  const open: WbxmlNode[] = []
  let page = 0
  for (;;) {
    const token = byte(cursor)
    let done: WbxmlNode | undefined
    if (token === SWITCH_PAGE) page = byte(cursor)
    else if (token === END) done = open.pop() ?? fail('END without an element', cursor)
    else if (token === STR_I) parentOf(open, cursor).children.push(inlineString(cursor))
    else if (token === OPAQUE) parentOf(open, cursor).children.push(take(cursor, readMultiByte(cursor)))
    else {
      const node = element(page, token, cursor)
      open.at(-1)?.children.push(node)
      if ((token & WITH_CONTENT) === 0) done = node
      else open.push(node)
    }
    if (done !== undefined && open.length === 0) {
      if (cursor.at !== bytes.length) fail('bytes after the document', cursor)
      return done
    }
  }
}

/** Elements named `name` anywhere below (and including) `node`, in document order. */
export function findAll(node: WbxmlNode, name: string): WbxmlNode[] {
  const found: WbxmlNode[] = []
  const todo: WbxmlNode[] = [node]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (next.name === name) found.push(next)
    todo.push(...next.children.filter(isNode).toReversed())
  }
  return found
}

/** The first of `findAll`, or null. */
export function find(node: WbxmlNode, name: string): WbxmlNode | null {
  return findAll(node, name)[0] ?? null
}

/** The direct child named `name`, or null. */
export function child(node: WbxmlNode, name: string): WbxmlNode | null {
  return node.children.filter(isNode).find((each) => each.name === name) ?? null
}

/** Text of the first element named `name` at or below `node`: '' when it is empty, null when there is none. */
export function textOf(node: WbxmlNode, name: string): string | null {
  const found = find(node, name)
  return found === null ? null : contentOf(found)
}

/** Text of an element itself; opaque bytes are read as UTF-8. */
export function contentOf(node: WbxmlNode): string {
  return node.children
    .map((each) =>
      typeof each === 'string' ? each : each instanceof Uint8Array ? Buffer.from(each).toString('utf8') : '',
    )
    .join('')
}

/** Whether a child is an element. */
export function isNode(value: WbxmlChild): value is WbxmlNode {
  return typeof value !== 'string' && !(value instanceof Uint8Array)
}

interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

function fail(message: string, cursor: Cursor): never {
  throw new WireError(message, cursor.at)
}

function byte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.at]
  if (value === undefined) fail('the document ends too early', cursor)
  cursor.at += 1
  return value
}

function take(cursor: Cursor, length: number): Uint8Array {
  if (length > cursor.bytes.length - cursor.at) fail('opaque data longer than the document', cursor)
  const part = cursor.bytes.subarray(cursor.at, cursor.at + length)
  cursor.at += length
  return part
}

function inlineString(cursor: Cursor): string {
  const end = cursor.bytes.indexOf(0, cursor.at)
  if (end < 0) fail('text without its end', cursor)
  const value = Buffer.from(take(cursor, end - cursor.at)).toString('utf8')
  cursor.at += 1
  return value
}

function element(page: number, token: number, cursor: Cursor): WbxmlNode {
  if ((token & WITH_ATTRIBUTES) !== 0) fail('attributes', cursor)
  if ((token & 0x3f) < 0x05) fail('a token that ActiveSync does not use', cursor)
  return el(page, token & 0x3f)
}

function parentOf(open: readonly WbxmlNode[], cursor: Cursor): WbxmlNode {
  return open.at(-1) ?? fail('content outside of an element', cursor)
}

function multiByte(value: number): number[] {
  const groups = [value & 0x7f]
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    groups.unshift((rest & 0x7f) | 0x80)
  return groups
}

function readMultiByte(cursor: Cursor): number {
  let value = 0
  for (let count = 0; count < 5; count += 1) {
    const group = byte(cursor)
    value = value * 0x80 + (group & 0x7f)
    if (group < 0x80) return value
  }
  return fail('a number of more than five bytes', cursor)
}
