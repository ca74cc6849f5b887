import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_HEAD_BYTES, ResponseError } from './response-head.ts'
import type { ResponseFailure, ResponseHead } from './response-head.ts'
import { ResponseReader } from './response-reader.ts'

interface Seen {
  head: ResponseHead | null
  body: string
  complete: boolean
  reusable: boolean
}

/** Feeds the pieces; `closed` says what the end of the connection then means. */
function read(pieces: readonly Buffer[]): Seen & { closed: boolean } {
  let head: ResponseHead | null = null
  let body = ''
  const reader = new ResponseReader({
    onHead: (value) => {
      head = value
    },
    onBody: (bytes) => {
      body += bytes.toString('latin1')
    },
  })
  for (const piece of pieces) reader.push(piece)
  const seen = { head, body, complete: reader.complete, reusable: reader.reusable }
  return { ...seen, closed: reader.close() }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const bytewise = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.of(byte))
const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`

describe('RFC 9112 responses that are refused', () => {
  const rejects: { title: string; text: string; code: ResponseFailure }[] = [
    { title: 'other protocol', text: 'SSH-2.0-OpenSSH\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'HTTP/0.9', text: '<html>\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'HTTP/2.0', text: 'HTTP/2.0 200 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'lower-case protocol', text: 'http/1.1 200 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'empty line first', text: `\r\n${OK}\r\n`, code: 'STATUS_LINE' },
    { title: 'status of two digits', text: 'HTTP/1.1 20 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'status of four digits', text: 'HTTP/1.1 2000 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'status with a sign', text: 'HTTP/1.1 +20 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'status 099', text: 'HTTP/1.1 099 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'status 600', text: 'HTTP/1.1 600 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'two spaces before the status', text: 'HTTP/1.1  200 OK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'no status', text: 'HTTP/1.1 \r\n\r\n', code: 'STATUS_LINE' },
    { title: 'NUL in the reason', text: 'HTTP/1.1 200 O\0K\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'bare CR in the reason', text: 'HTTP/1.1 200 O\rK\r\n\r\n', code: 'STATUS_LINE' },
    { title: 'bare LF after the status line', text: 'HTTP/1.1 200 OK\nA: b\r\n\r\n', code: 'BARE_LF' },
    { title: 'bare LF in a value', text: `${OK}A: b\nC: d\r\n\r\n`, code: 'BARE_LF' },
    { title: 'bare LF at the end of the head', text: `${OK}A: b\r\n\n`, code: 'BARE_LF' },
    { title: 'LF as the first byte', text: '\n', code: 'BARE_LF' },
    { title: 'bare CR in a value', text: `${OK}A: b\rc\r\n\r\n`, code: 'HEADER_VALUE' },
    { title: 'bare CR before the line end', text: `${OK}A: b\r\r\n\r\n`, code: 'HEADER_VALUE' },
    { title: 'NUL in a value', text: `${OK}A: b\0c\r\n\r\n`, code: 'HEADER_VALUE' },
    { title: 'DEL in a value', text: `${OK}A: b\x7fc\r\n\r\n`, code: 'HEADER_VALUE' },
    { title: 'obs-fold with a space', text: `${OK}A: b\r\n c\r\n\r\n`, code: 'OBS_FOLD' },
    { title: 'obs-fold with a tab', text: `${OK}A: b\r\n\tc\r\n\r\n`, code: 'OBS_FOLD' },
    { title: 'obs-fold after the status line', text: `${OK} A: b\r\n\r\n`, code: 'OBS_FOLD' },
    { title: 'no colon', text: `${OK}Content-Length\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'empty name', text: `${OK}: b\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'space before the colon', text: `${OK}Content-Length : 5\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'tab before the colon', text: `${OK}Content-Length\t: 5\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'name that is no token', text: `${OK}A(b): c\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'name beyond ASCII', text: `${OK}\xc4: c\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'NUL in a name', text: `${OK}A\0: c\r\n\r\n`, code: 'HEADER_NAME' },
    { title: 'differing lengths', text: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, code: 'CONTENT_LENGTH' },
    {
      title: 'equal lengths twice',
      text: `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
      code: 'CONTENT_LENGTH',
    },
    { title: 'list of lengths', text: `${OK}Content-Length: 5, 5\r\n\r\n`, code: 'CONTENT_LENGTH' },
    { title: 'negative length', text: `${OK}Content-Length: -1\r\n\r\n`, code: 'CONTENT_LENGTH' },
    { title: 'signed length', text: `${OK}Content-Length: +5\r\n\r\n`, code: 'CONTENT_LENGTH' },
    { title: 'hexadecimal length', text: `${OK}Content-Length: 0x5\r\n\r\n`, code: 'CONTENT_LENGTH' },
    { title: 'empty length', text: `${OK}Content-Length:\r\n\r\n`, code: 'CONTENT_LENGTH' },
    { title: 'length of 16 digits', text: `${OK}Content-Length: 1000000000000000\r\n\r\n`, code: 'CONTENT_LENGTH' },
    { title: 'bad length of a 204', text: 'HTTP/1.1 204 X\r\nContent-Length: x\r\n\r\n', code: 'CONTENT_LENGTH' },
    {
      title: 'length, then chunked',
      text: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      code: 'LENGTH_AND_ENCODING',
    },
    {
      title: 'chunked, then length',
      text: `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
      code: 'LENGTH_AND_ENCODING',
    },
    { title: 'other coding', text: `${OK}Transfer-Encoding: gzip\r\n\r\n`, code: 'TRANSFER_ENCODING' },
    {
      title: 'coding before chunked',
      text: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      code: 'TRANSFER_ENCODING',
    },
    {
      title: 'chunked twice in a line',
      text: `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n`,
      code: 'TRANSFER_ENCODING',
    },
    {
      title: 'chunked in two lines',
      text: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      code: 'TRANSFER_ENCODING',
    },
    { title: 'vertical tab before chunked', text: `${OK}Transfer-Encoding: \x0bchunked\r\n\r\n`, code: 'HEADER_VALUE' },
    { title: 'chunked with quotes', text: `${OK}Transfer-Encoding: "chunked"\r\n\r\n`, code: 'TRANSFER_ENCODING' },
    {
      title: 'chunked in HTTP/1.0',
      text: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      code: 'TRANSFER_ENCODING',
    },
    { title: 'switching protocols', text: 'HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n', code: 'UPGRADE' },
    { title: 'nine interim responses', text: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9), code: 'TOO_MANY_INTERIM' },
    { title: 'obs-fold in an interim response', text: 'HTTP/1.1 103 Hints\r\nA: b\r\n c\r\n\r\n', code: 'OBS_FOLD' },
    { title: 'no chunk size', text: `${CHUNKED}\r\n`, code: 'CHUNK_SIZE' },
    { title: 'chunk size with 0x', text: `${CHUNKED}0x5\r\n`, code: 'CHUNK_SIZE' },
    { title: 'chunk size with a sign', text: `${CHUNKED}+5\r\n`, code: 'CHUNK_SIZE' },
    { title: 'space before the chunk size', text: `${CHUNKED} 5\r\n`, code: 'CHUNK_SIZE' },
    { title: 'space after the chunk size', text: `${CHUNKED}5 \r\n`, code: 'CHUNK_SIZE' },
    { title: 'bare LF after the chunk size', text: `${CHUNKED}5\nhello`, code: 'CHUNK_SIZE' },
    { title: 'CR and no LF after the chunk size', text: `${CHUNKED}5\rhello`, code: 'CHUNK_SIZE' },
    { title: 'chunk size of 13 digits', text: `${CHUNKED}0000000000005\r\n`, code: 'CHUNK_SIZE' },
    { title: 'chunk size of 2^64', text: `${CHUNKED}10000000000000000\r\n`, code: 'CHUNK_SIZE' },
    { title: 'bare LF in an extension', text: `${CHUNKED}5;a\nhello`, code: 'CHUNK_EXTENSION' },
    { title: 'NUL in an extension', text: `${CHUNKED}5;a\0\r\n`, code: 'CHUNK_EXTENSION' },
    { title: 'extension of 16 KiB and one', text: `${CHUNKED}5;${'a'.repeat(16_385)}\r\n`, code: 'CHUNK_EXTENSION' },
    {
      title: 'many small extensions',
      text: CHUNKED + `1;${'a'.repeat(99)}\r\nx\r\n`.repeat(170),
      code: 'CHUNK_EXTENSION',
    },
    { title: 'chunk longer than its size', text: `${CHUNKED}5\r\nhello!\r\n`, code: 'CHUNK_END' },
    { title: 'chunk ended by LF', text: `${CHUNKED}5\r\nhello\n`, code: 'CHUNK_END' },
    { title: 'chunk ended by CR CR', text: `${CHUNKED}5\r\nhello\r\r`, code: 'CHUNK_END' },
    { title: 'trailer ended by LF', text: `${CHUNKED}0\r\nA: b\n`, code: 'TRAILER' },
    { title: 'NUL in a trailer', text: `${CHUNKED}0\r\nA: \0\r\n`, code: 'TRAILER' },
    { title: 'trailers of 16 KiB and one', text: `${CHUNKED}0\r\n${'a'.repeat(16_385)}\r\n`, code: 'TRAILER' },
    {
      title: 'head of 64 KiB and one',
      text: `${OK}A: ${'a'.repeat(MAX_HEAD_BYTES - 23)}\r\n\r\n`,
      code: 'HEAD_TOO_LONG',
    },
    { title: 'endless head', text: `${OK}A: ${'a'.repeat(MAX_HEAD_BYTES)}`, code: 'HEAD_TOO_LONG' },
  ]
  for (const { title, text, code } of rejects) {
    test(title, () => assert.throws(() => read([latin1(text)]), { name: 'ResponseError', code }))
    test(`${title}, byte by byte`, () =>
      assert.throws(() => read(bytewise(latin1(text))), { name: 'ResponseError', code }))
  }
})

describe('RFC 9112 responses, split at every offset', () => {
  const accepts: { title: string; text: string; status: number; body: string; complete: boolean; reusable: boolean }[] =
    [
      {
        title: 'length',
        text: `${OK}Content-Length: 5\r\n\r\nhello`,
        status: 200,
        body: 'hello',
        complete: true,
        reusable: true,
      },
      {
        title: 'length 0',
        text: `${OK}Content-Length: 0\r\n\r\n`,
        status: 200,
        body: '',
        complete: true,
        reusable: true,
      },
      {
        title: 'length, body cut',
        text: `${OK}Content-Length: 5\r\n\r\nhell`,
        status: 200,
        body: 'hell',
        complete: false,
        reusable: false,
      },
      {
        title: 'length, surplus byte',
        text: `${OK}Content-Length: 5\r\n\r\nhello!`,
        status: 200,
        body: 'hello',
        complete: true,
        reusable: false,
      },
      {
        title: 'length and close',
        text: `${OK}Connection: x, Close\r\nContent-Length: 1\r\n\r\nh`,
        status: 200,
        body: 'h',
        complete: true,
        reusable: false,
      },
      {
        title: 'keep-alive said',
        text: `${OK}Connection: keep-alive\r\nContent-Length: 1\r\n\r\nh`,
        status: 200,
        body: 'h',
        complete: true,
        reusable: true,
      },
      {
        title: 'no reason, no space',
        text: 'HTTP/1.1 401\r\nContent-Length: 0\r\n\r\n',
        status: 401,
        body: '',
        complete: true,
        reusable: true,
      },
      { title: '204', text: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, body: '', complete: true, reusable: true },
      {
        title: '204 with a length',
        text: 'HTTP/1.1 204 X\r\nContent-Length: 7\r\n\r\n',
        status: 204,
        body: '',
        complete: true,
        reusable: true,
      },
      {
        title: '304 with a length',
        text: 'HTTP/1.1 304 X\r\nContent-Length: 7\r\n\r\n',
        status: 304,
        body: '',
        complete: true,
        reusable: true,
      },
      {
        title: '204 with a body',
        text: 'HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nhi',
        status: 204,
        body: '',
        complete: true,
        reusable: false,
      },
      {
        title: 'second response unasked',
        text: `${OK}Content-Length: 0\r\n\r\n${OK}\r\n`,
        status: 200,
        body: '',
        complete: true,
        reusable: false,
      },
      {
        title: 'HTTP/1.0 with a length',
        text: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi',
        status: 200,
        body: 'hi',
        complete: true,
        reusable: false,
      },
      {
        title: 'until close',
        text: `${OK}A: b\r\n\r\nhello`,
        status: 200,
        body: 'hello',
        complete: false,
        reusable: false,
      },
      {
        title: 'chunked',
        text: `${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`,
        status: 200,
        body: 'hello!',
        complete: true,
        reusable: true,
      },
      {
        title: 'chunked, hexadecimal sizes',
        text: `${CHUNKED}00a\r\n0123456789\r\nA\r\nabcdefghij\r\n000\r\n\r\n`,
        status: 200,
        body: '0123456789abcdefghij',
        complete: true,
        reusable: true,
      },
      {
        title: 'chunked with extensions',
        text: `${CHUNKED}2;a=b;c="d"\r\nhi\r\n0;e\r\n\r\n`,
        status: 200,
        body: 'hi',
        complete: true,
        reusable: true,
      },
      {
        title: 'chunked with trailers',
        text: `${CHUNKED}2\r\nhi\r\n0\r\nContent-Length: 9\r\nB: c\r\n\r\n`,
        status: 200,
        body: 'hi',
        complete: true,
        reusable: true,
      },
      {
        title: 'chunked, surplus',
        text: `${CHUNKED}0\r\n\r\nx`,
        status: 200,
        body: '',
        complete: true,
        reusable: false,
      },
      {
        title: 'chunked, last line missing',
        text: `${CHUNKED}2\r\nhi\r\n0\r\n`,
        status: 200,
        body: 'hi',
        complete: false,
        reusable: false,
      },
      {
        title: 'Chunked in other letters',
        text: `${OK}transfer-encoding:CHUNKED\r\n\r\n0\r\n\r\n`,
        status: 200,
        body: '',
        complete: true,
        reusable: true,
      },
      {
        title: 'eight interim responses',
        text: `${'HTTP/1.1 100 Continue\r\nA: b\r\n\r\n'.repeat(8)}${OK}Content-Length: 1\r\n\r\nx`,
        status: 200,
        body: 'x',
        complete: true,
        reusable: true,
      },
    ]
  for (const { title, text, status, body, complete, reusable } of accepts) {
    test(title, () => {
      const bytes = latin1(text)
      for (let at = 0; at <= bytes.length; at++) {
        const seen = read([bytes.subarray(0, at), bytes.subarray(at)])
        assert.deepEqual(
          { ...seen, head: seen.head?.status, closed: null },
          { head: status, body, complete, reusable, closed: null },
        )
      }
      const seen = read(bytewise(bytes))
      assert.deepEqual(
        { ...seen, head: seen.head?.status, closed: null },
        { head: status, body, complete, reusable, closed: null },
      )
    })
  }

  test('the close ends an until-close body and no other', () => {
    assert.equal(read([latin1(`${OK}\r\nhello`)]).closed, true)
    assert.equal(read([latin1('HTTP/1.0 200 OK\r\n\r\n')]).closed, true)
    assert.equal(read([latin1(`${OK}Content-Length: 5\r\n\r\nhell`)]).closed, false)
    assert.equal(read([latin1(`${CHUNKED}2\r\nhi\r\n`)]).closed, false)
    assert.equal(read([latin1('HTTP/1.1 100 Continue\r\n\r\n')]).closed, false)
    assert.equal(read([latin1('HTTP/1.1 200')]).closed, false)
  })

  test('names keep their spelling and order, values lose the white space around them', () => {
    const { head } = read([
      latin1(`${OK}X-MS-Location:\t https://a/ \t\r\nset-cookie: a=1\r\nset-cookie: b=\xfc\r\nEmpty:\r\n\r\n`),
    ])
    assert.deepEqual(head?.headers, [
      ['X-MS-Location', 'https://a/'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=\xfc'],
      ['Empty', ''],
    ])
    assert.deepEqual(head.framing, { kind: 'close' })
  })

  test('a head of exactly 64 KiB is read', () => {
    const text = `${OK}A: ${'a'.repeat(MAX_HEAD_BYTES - 24)}\r\n\r\n`
    assert.equal(text.length, MAX_HEAD_BYTES)
    assert.equal(read([latin1(text)]).head?.headers[0]?.[1].length, MAX_HEAD_BYTES - 24)
  })
})

describe('properties', () => {
  test('any bytes give facts or a ResponseError', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        OK,
        CHUNKED,
        '\r\n',
        '0\r\n\r\n',
        'Content-Length: 3\r\n',
        '5;x\r\n',
        'HTTP/1.1 100 C\r\n\r\n',
        'abc',
        '\n',
      ),
      fc.string({ maxLength: 12 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          read(pieces.map(latin1))
        } catch (error) {
          assert.ok(error instanceof ResponseError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('cutting never changes what is read', () => {
    const chunk = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0'), minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), fc.array(fc.nat(200), { maxLength: 8 }), (chunks, cuts) => {
        const body = chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')
        const bytes = latin1(`${CHUNKED}${body}0\r\n\r\n`)
        const at = [...cuts, 0, bytes.length].map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b)
        const seen = read(at.slice(1).map((end, i) => bytes.subarray(at[i], end)))
        assert.equal(seen.body, chunks.join(''))
        assert.equal(seen.reusable, true)
      }),
    )
  })
})
