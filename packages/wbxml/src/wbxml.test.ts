import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeWbxml, WbxmlError } from './decode.ts'
import { encodeWbxml, WbxmlEncodeError } from './encode.ts'
import { element, findChild, textOf } from './model.ts'
import type { WbxmlElement, WbxmlNode } from './model.ts'
import { tagId } from './pages.ts'

type Tree = [page: number, token: number, ...children: (Tree | string | { opaque: string })[]]
interface Case {
  id: string
  title: string
  hex: string
}
interface Vectors {
  accepts: (Case & { tree: Tree })[]
  sameMeaning: { title: string; hex: string; canonical: string }[]
  rejects: (Case & { code: string; offset: number })[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/wbxml/documents.json', import.meta.url), 'utf8'),
) as Vectors

describe('MS-ASWBXML 2.1 documents', () => {
  for (const { id, title, hex, code, offset } of vectors.rejects)
    test(`${id} refuses ${title}`, () => {
      assert.throws(() => decodeWbxml(bytesOf(hex)), { name: 'WbxmlError', code, offset })
    })
  for (const { id, title, hex } of vectors.accepts)
    test(`T56 refuses ${id} ${title} cut short at every byte`, () => {
      const bytes = bytesOf(hex)
      for (let length = 0; length < bytes.length; length += 1) {
        assert.throws(() => decodeWbxml(bytes.subarray(0, length)), { name: 'WbxmlError', code: 'WBXML_TRUNCATED' })
      }
    })
  for (const { id, title, hex, tree } of vectors.accepts)
    test(`${id} ${title}`, () => {
      assert.deepEqual(decodeWbxml(bytesOf(hex)), toElement(tree))
      assert.equal(hexOf(encodeWbxml(toElement(tree))), hex)
    })
  for (const { title, hex, canonical } of vectors.sameMeaning)
    test(title, () => {
      assert.deepEqual(decodeWbxml(bytesOf(hex)), decodeWbxml(bytesOf(canonical)))
      assert.equal(hexOf(encodeWbxml(decodeWbxml(bytesOf(hex)))), canonical)
    })
})

describe('limits of the decoder', () => {
  test('T53 nesting of 10 000 is refused at once', () => {
    const bytes = Uint8Array.from([...bytesOf('03016a00000e'), ...Array<number>(10_000).fill(0x45)])
    const started = performance.now()
    assert.throws(() => decodeWbxml(bytes), { code: 'WBXML_TOO_DEEP', offset: 6 + 32 })
    assert.ok(performance.now() - started < 50)
  })
  test('nesting of 10 000 that is allowed costs no call stack, either way', () => {
    const depth = 10_000
    const open = Array<number>(depth - 1).fill(0x45)
    const bytes = Uint8Array.from([...bytesOf('03016a00'), ...open, 0x05, ...Array<number>(depth - 1).fill(0x01)])
    assert.equal(hexOf(encodeWbxml(decodeWbxml(bytes, { maxDepth: depth }))), hexOf(bytes))
    assert.throws(() => decodeWbxml(bytes, { maxDepth: depth - 1 }), { code: 'WBXML_TOO_DEEP' })
  })
  test('depth 32 is read, 33 is not, whether or not the last has content', () => {
    const nested = (open: number, inner: string) => bytesOf(`03016a00${'45'.repeat(open)}${inner}${'01'.repeat(open)}`)
    assert.ok(decodeWbxml(nested(31, '05')))
    assert.ok(decodeWbxml(nested(31, '4501')))
    assert.throws(() => decodeWbxml(nested(32, '05')), { code: 'WBXML_TOO_DEEP', offset: 36 })
  })
  const flood = [
    { title: 'elements, the root among them', unit: '05', most: 199_999 },
    { title: 'strings', unit: '0300', most: 200_000 },
    { title: 'opaque values', unit: 'c300', most: 200_000 },
  ]
  for (const { title, unit, most } of flood)
    test(`refuses more than 200 000 ${title}`, () => {
      const document = (count: number) => bytesOf(`03016a0045${unit.repeat(count)}01`)
      assert.equal(decodeWbxml(document(most)).children.length, most)
      assert.throws(() => decodeWbxml(document(most + 1)), { code: 'WBXML_TOO_MANY_ELEMENTS' })
    })
  test('refuses more bytes than allowed before reading one', () => {
    assert.throws(() => decodeWbxml(bytesOf('ffffffff'), { maxBytes: 3 }), { code: 'WBXML_TOO_LARGE', offset: 3 })
    assert.throws(() => decodeWbxml(new Uint8Array(20 * 1_048_576 + 1)), { code: 'WBXML_TOO_LARGE' })
  })
  test('a flood of page switches ends with the bytes', () => {
    assert.throws(() => decodeWbxml(bytesOf(`03016a00${'000e'.repeat(500_000)}`)), { code: 'WBXML_TRUNCATED' })
  })
  test('T55 unknown tags pass where asked for, unknown pages do not', () => {
    const bytes = bytesOf('03016a00457f0331000100030501')
    assert.throws(() => decodeWbxml(bytes), { code: 'WBXML_UNKNOWN_TOKEN' })
    const root = decodeWbxml(bytes, { allowUnknownTokens: true })
    assert.deepEqual(root, element(0, 0x05, element(0, 0x3f, '1'), element(3, 0x05)))
    assert.equal(hexOf(encodeWbxml(root)), hexOf(bytes))
    assert.throws(() => decodeWbxml(bytesOf('03016a00001a05'), { allowUnknownTokens: true }), {
      code: 'WBXML_UNKNOWN_PAGE',
      offset: 5,
    })
  })
  test('opaque data is a view, not a copy', () => {
    const bytes = bytesOf('03016a0000154550c3036162630101')
    const [mime] = decodeWbxml(bytes).children
    assert.ok(mime !== undefined && 'token' in mime)
    const [data] = mime.children
    assert.ok(data !== undefined && 'opaque' in data)
    assert.equal(data.opaque.buffer, bytes.buffer)
  })
})

describe('what cannot be encoded', () => {
  const bad: { title: string; root: WbxmlElement; code: string }[] = [
    { title: 'NUL in a string', root: element(0, 0x05, element(0, 0x0e, '1\0')), code: 'WBXML_ENCODE_TEXT' },
    { title: 'half a surrogate pair', root: element(0, 0x05, '\ud83d'), code: 'WBXML_ENCODE_TEXT' },
    { title: 'token 4', root: element(0, 0x04), code: 'WBXML_ENCODE_TOKEN' },
    { title: 'token 0x40', root: element(0, 0x40), code: 'WBXML_ENCODE_TOKEN' },
    { title: 'token 5.5', root: element(0, 5.5), code: 'WBXML_ENCODE_TOKEN' },
    { title: 'page 26', root: element(26, 0x05), code: 'WBXML_ENCODE_PAGE' },
    { title: 'page -1', root: element(0, 0x05, element(-1, 0x05)), code: 'WBXML_ENCODE_PAGE' },
    { title: 'page NaN', root: element(NaN, 0x05), code: 'WBXML_ENCODE_PAGE' },
  ]
  for (const { title, root, code } of bad)
    test(title, () => {
      assert.throws(
        () => encodeWbxml(root),
        (error) => error instanceof WbxmlEncodeError && error.code === code,
      )
    })
})

describe('reading a tree', () => {
  const root = element(
    14,
    0x05,
    element(14, 0x0b, '1'),
    element(18, 0x0b),
    element(14, 0x0b, '2', element(14, 0x05, 'x'), '3'),
  )
  test('findChild takes the first of page and token, or null', () => {
    assert.equal(findChild(root, 14, tagId('Provision', 'Status')), root.children[0])
    assert.equal(findChild(root, 18, 0x0b), root.children[1])
    assert.equal(findChild(root, 14, 0x3b), null)
  })
  test('textOf joins the direct text', () => {
    assert.equal(textOf(element(0, 0x0e)), '')
    assert.equal(textOf(element(0, 0x0e, '2', element(14, 0x05, 'x'), { opaque: Uint8Array.of(1) }, '3')), '23')
  })
})

describe('round trips', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((s) => !s.includes('\0'))
  const content = fc.oneof(
    text.map((s): WbxmlNode => ({ text: s })),
    fc.uint8Array({ maxLength: 300 }).map((opaque): WbxmlNode => ({ opaque })),
  )
  const tag = { page: fc.nat({ max: 25 }), token: fc.integer({ min: 0x05, max: 0x3f }) }
  const { tree } = fc.letrec<{ tree: WbxmlElement; node: WbxmlNode }>((tie) => ({
    tree: fc.record(
      { ...tag, children: fc.array(tie('node'), { maxLength: 6, depthIdentifier: 'wbxml' }) },
      { noNullPrototype: true },
    ),
    node: fc.oneof({ maxDepth: 8, depthIdentifier: 'wbxml' }, content, tie('tree')),
  }))
  test('any tree is decoded from its encoding', () => {
    fc.assert(
      fc.property(tree, (root) => {
        assert.deepEqual(decodeWbxml(encodeWbxml(root), { allowUnknownTokens: true }), root)
      }),
      { numRuns: 300 },
    )
  })
  test('lengths at the edges of their bytes', () => {
    for (const length of [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000]) {
      const root = element(21, 0x10, { opaque: new Uint8Array(length).fill(7) })
      assert.deepEqual(decodeWbxml(encodeWbxml(root)), root)
    }
  })
  test('a WbxmlError holds nothing of the document', () => {
    assert.throws(
      () => decodeWbxml(bytesOf('03016a00454e0373656372657400017f')),
      (error) => error instanceof WbxmlError && !error.message.includes('secret'),
    )
  })
})

function toElement([page, token, ...children]: Tree): WbxmlElement {
  return { page, token, children: children.map(toNode) }
}

function toNode(child: Tree | string | { opaque: string }): WbxmlNode {
  if (typeof child === 'string') return { text: child }
  return Array.isArray(child) ? toElement(child) : { opaque: bytesOf(child.opaque) }
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
