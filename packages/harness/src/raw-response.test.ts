import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRawResponse } from './raw-response.ts'

const OPEN = { ended: false, bodyless: false }

describe('RFC 9112 responses, read leniently', () => {
  const malformed = [
    { title: 'no status line', bytes: 'HELLO\r\n\r\n' },
    { title: 'status of two digits', bytes: 'HTTP/1.1 20 OK\r\n\r\n' },
    { title: 'Content-Length that is no number', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n' },
    { title: 'chunk size that is no number', bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' },
  ]
  for (const { title, bytes } of malformed)
    test(`malformed: ${title}`, () => assert.equal(readRawResponse(Buffer.from(bytes), OPEN).kind, 'malformed'))

  const incomplete = [
    { title: 'nothing', bytes: '' },
    { title: 'half a head', bytes: 'HTTP/1.1 200 OK\r\nA: b\r\n' },
    { title: 'half a body', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab' },
    { title: 'half a chunk', bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab' },
    { title: 'no end of chunks', bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n' },
    { title: 'a body until the close, not closed yet', bytes: 'HTTP/1.1 200 OK\r\n\r\nabc' },
  ]
  for (const { title, bytes } of incomplete)
    test(`incomplete: ${title}`, () => assert.equal(readRawResponse(Buffer.from(bytes), OPEN).kind, 'more'))

  const whole = [
    { title: 'length', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcNEXT', body: 'abc', left: 4 },
    { title: 'bare line feeds', bytes: 'HTTP/1.1 400 Bad Request\nContent-Length: 1\n\nx', body: 'x', left: 0 },
    {
      title: 'chunks with an extension and a trailer',
      bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\nN',
      body: 'abc',
      left: 1,
    },
    { title: 'an interim answer has no body', bytes: 'HTTP/1.1 100 Continue\r\n\r\nHTTP', body: '', left: 4 },
    { title: '204 has no body', bytes: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', body: '', left: 0 },
  ]
  for (const { title, bytes, body, left } of whole) {
    test(title, () => {
      const read = readRawResponse(Buffer.from(bytes), OPEN)
      assert.equal(read.kind, 'response')
      assert.equal(read.response.body.toString(), body)
      assert.equal(bytes.length - read.bytes, left)
    })
  }

  test('a body until the close ends with it; repeated headers stay apart', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\nabc')
    const read = readRawResponse(bytes, { ended: true, bodyless: false })
    assert.equal(read.kind, 'response')
    assert.deepEqual(read.response.all('Set-Cookie'), ['a=1', 'b=2'])
    assert.equal(read.response.header('SET-COOKIE'), 'a=1')
    assert.equal(read.response.body.toString(), 'abc')
  })
})
