import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { encodeRequestHead } from './request-head.ts'
import type { RequestHead } from './request-head.ts'

const BASE: RequestHead = {
  method: 'POST',
  path: '/Microsoft-Server-ActiveSync?Cmd=Ping',
  headers: [['Authorization', 'Bearer x']],
  hostHeader: 'mail.test',
  body: { kind: 'none' },
}
const stream = (length: number | null): RequestHead['body'] => ({ kind: 'stream', source: Readable.from([]), length })

describe('request heads that would not be read back as meant (A1, A31)', () => {
  const rejects: { title: string; change: Partial<RequestHead> }[] = [
    { title: 'CR LF in a value', change: { headers: [['A', 'b\r\nEvil: c']] } },
    { title: 'LF in a value', change: { headers: [['A', 'b\nc']] } },
    { title: 'CR in a value', change: { headers: [['A', 'b\rc']] } },
    { title: 'NUL in a value', change: { headers: [['A', 'b\0c']] } },
    { title: 'U+010A, which latin1 would make an LF', change: { headers: [['A', 'b\u010ac']] } },
    { title: 'colon in a name', change: { headers: [['A: b\r\nC', 'd']] } },
    { title: 'empty name', change: { headers: [['', 'd']] } },
    { title: 'Content-Length of the caller', change: { headers: [['content-length', '5']] } },
    { title: 'Transfer-Encoding of the caller', change: { headers: [['Transfer-Encoding', 'chunked']] } },
    { title: 'Connection of the caller', change: { headers: [['Connection', 'close']] } },
    { title: 'Host of the caller', change: { headers: [['Host', 'evil.test']] } },
    { title: 'Expect of the caller', change: { headers: [['Expect', '100-continue']] } },
    { title: 'CR LF in Host', change: { hostHeader: 'a\r\nB: c' } },
    { title: 'empty Host', change: { hostHeader: '' } },
    { title: 'space in the path', change: { path: '/a HTTP/1.1' } },
    { title: 'CR LF in the path', change: { path: '/a\r\n\r\nGET /b' } },
    { title: 'absolute-form', change: { path: 'https://evil.test/' } },
    { title: 'fragment', change: { path: '/a#b' } },
    { title: 'path beyond ASCII', change: { path: '/\u010a' } },
    { title: 'negative length', change: { body: stream(-1) } },
    { title: 'length that is no number', change: { body: stream(Number.NaN) } },
  ]
  for (const { title, change } of rejects)
    test(title, () => assert.throws(() => encodeRequestHead({ ...BASE, ...change }), TypeError))
})

describe('request heads', () => {
  const accepts: { title: string; change: Partial<RequestHead>; ends: string }[] = [
    { title: 'empty POST has length 0', change: {}, ends: 'Content-Length: 0\r\n\r\n' },
    { title: 'OPTIONS has no length', change: { method: 'OPTIONS' }, ends: 'Authorization: Bearer x\r\n\r\n' },
    {
      title: 'bytes',
      change: { body: { kind: 'bytes', bytes: new Uint8Array(7) } },
      ends: 'Content-Length: 7\r\n\r\n',
    },
    { title: 'stream of known length', change: { body: stream(9) }, ends: 'Content-Length: 9\r\n\r\n' },
    { title: 'stream of unknown length', change: { body: stream(null) }, ends: 'Transfer-Encoding: chunked\r\n\r\n' },
    {
      title: 'empty Bearer keeps its line',
      change: { method: 'GET', headers: [['Authorization', 'Bearer ']] },
      ends: 'Authorization: Bearer \r\n\r\n',
    },
    { title: 'latin1 value', change: { method: 'GET', headers: [['A', '\xfc']] }, ends: 'A: \xfc\r\n\r\n' },
  ]
  for (const { title, change, ends } of accepts)
    test(title, () => {
      const text = encodeRequestHead({ ...BASE, ...change }).toString('latin1')
      const start = `${change.method ?? 'POST'} /Microsoft-Server-ActiveSync?Cmd=Ping HTTP/1.1\r\nHost: mail.test\r\n`
      assert.equal(text.slice(0, start.length), start)
      assert.equal(text.slice(-ends.length), ends)
    })
})
