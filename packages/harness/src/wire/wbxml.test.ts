import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contentOf, find, findAll, readWbxml, tag, textOf, writeWbxml, el } from './wbxml.ts'
import type { WbxmlNode } from './wbxml.ts'

const hex = (value: string): Buffer => Buffer.from(value.replaceAll(' ', ''), 'hex')

describe('MS-ASWBXML 2.1 as the stand-ins read it', () => {
  const rejects = [
    { title: 'another header', bytes: '03 01 04 00 05', offset: 2 },
    { title: 'nothing after the header', bytes: '03 01 6A 00', offset: 4 },
    { title: 'END before any element', bytes: '03 01 6A 00 01', offset: 5 },
    { title: 'text outside of an element', bytes: '03 01 6A 00 03 31 00', offset: 5 },
    { title: 'an attribute bit', bytes: '03 01 6A 00 85', offset: 5 },
    { title: 'a literal tag', bytes: '03 01 6A 00 44', offset: 5 },
    { title: 'text without NUL', bytes: '03 01 6A 00 45 03 31', offset: 6 },
    { title: 'opaque data beyond the end', bytes: '03 01 6A 00 45 C3 05 00', offset: 7 },
    { title: 'a length of six bytes', bytes: '03 01 6A 00 45 C3 81 81 81 81 81 01', offset: 11 },
    { title: 'an element that is never closed', bytes: '03 01 6A 00 45 05', offset: 6 },
    { title: 'bytes after the root', bytes: '03 01 6A 00 05 05', offset: 5 },
  ]
  for (const { title, bytes, offset } of rejects)
    test(`refuses ${title}`, () =>
      assert.throws(() => readWbxml(hex(bytes)), { name: 'WireError', code: 'WIRE_MALFORMED', offset }))

  // Bytes of MS-ASPROV 3.1.5.1.2 and of MS-ASWBXML 2.1; written out, not produced.
  const documents: { title: string; bytes: string; node: WbxmlNode }[] = [
    { title: 'an empty Provision', bytes: '03 01 6A 00 00 0E 05', node: tag('Provision:Provision') },
    {
      title: 'the account-only wipe',
      bytes: '03 01 6A 00 00 0E 45 4B 03 31 00 01 3B 01',
      node: tag('Provision:Provision', tag('Provision:Status', '1'), tag('Provision:AccountOnlyRemoteWipe')),
    },
    {
      title: 'FolderSync with key 0',
      bytes: '03 01 6A 00 00 07 56 52 03 30 00 01 01',
      node: tag('FolderHierarchy:FolderSync', tag('FolderHierarchy:SyncKey', '0')),
    },
    {
      title: 'a switch of pages there and back',
      bytes: '03 01 6A 00 5D 00 02 54 03 C3A9 00 01 00 00 0D 01',
      node: tag('AirSync:ApplicationData', tag('Email:Subject', 'é'), tag('AirSync:ServerId')),
    },
    {
      title: 'opaque bytes with a length of two bytes',
      bytes: `03 01 6A 00 00 15 50 C3 81 00 ${'AB'.repeat(128)} 01`,
      node: tag('ComposeMail:Mime', Buffer.alloc(128, 0xab)),
    },
  ]
  for (const { title, bytes, node } of documents) {
    test(`writes ${title}`, () => assert.deepEqual(writeWbxml(node), hex(bytes)))
    test(`reads ${title}`, () => assert.deepEqual(plain(readWbxml(hex(bytes))), plain(node)))
  }

  test('an element with content bit and nothing inside is the bare tag', () =>
    assert.deepEqual(readWbxml(hex('03 01 6A 00 00 0E 45 01')), tag('Provision:Provision')))
  test('a document ten thousand deep is written and read', () => {
    let node = el(0, 0x05)
    for (let i = 0; i < 10_000; i += 1) node = el(0, 0x05, node)
    assert.equal(findAll(readWbxml(writeWbxml(node)), 'AirSync:Sync').length, 10_001)
  })
  test('finds by name at any depth, the node itself included', () => {
    const node = tag('Ping:Ping', tag('Ping:Folders', tag('Ping:Folder', tag('Ping:Id', '7'))))
    assert.equal(textOf(node, 'Ping:Id'), '7')
    assert.equal(find(node, 'Ping:Ping'), node)
    assert.equal(find(node, 'Ping:Class'), null)
    assert.equal(contentOf(tag('ComposeMail:Mime', Buffer.from('x'))), 'x')
  })
  test('a tag nobody listed cannot be written by name', () => assert.throws(() => tag('Find:Find'), RangeError))
})

/** Opaque bytes as plain Uint8Array: Buffer and subarray are the same content. */
function plain(node: WbxmlNode): unknown {
  return {
    ...node,
    children: node.children.map((each) =>
      each instanceof Uint8Array ? Buffer.from(each).toString('hex') : typeof each === 'string' ? each : plain(each),
    ),
  }
}
