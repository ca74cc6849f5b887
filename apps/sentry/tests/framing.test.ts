/**
 * Protocol document 9.1, T01 to T06: requests whose end two programs would see in two places (A1).
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import { assertNothingUpstream, assertRefused, CHUNKED_BODY, converse, EAS, wireRequest } from './support/wire.ts'
import type { WireRequest } from './support/wire.ts'

const LENGTH = 'Content-Length: 13'
const CHUNKED = 'Transfer-Encoding: chunked'

let lab: Lab
let device: LabDevice

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  device = lab.devices['ann-phone']
})

after(() => lab[Symbol.asyncDispose]())

/** Sends it, asserts the refusal, the end of the connection, and that nothing went upstream. */
async function refusedAndClosed(request: WireRequest, statuses: readonly number[]): Promise<void> {
  const { closed } = await assertRefused(lab, device, wireRequest(lab, device, request), statuses)
  assert.equal(closed, true, 'the connection stays open')
}

describe('requests without a fault', { concurrency: true }, () => {
  const sound: [title: string, request: WireRequest][] = [
    ['T01 with Content-Length alone', {}],
    ['T02 with Transfer-Encoding: chunked alone', { framing: [CHUNKED], body: CHUNKED_BODY }],
    ['T02 with Transfer-Encoding:chunked', { framing: ['Transfer-Encoding:chunked'], body: CHUNKED_BODY }],
    ['T02 with transfer-encoding: chunked', { framing: ['transfer-encoding: chunked'], body: CHUNKED_BODY }],
  ]
  for (const [title, request] of sound) {
    test(`${title}: passes, the connection stays`, async () => {
      const { responses, closed } = await converse(lab, device, wireRequest(lab, device, request))
      assert.deepEqual(
        responses.map(({ status }) => status),
        [200],
      )
      assert.equal(closed, false)
    })
  }
})

describe('T01 both Content-Length and Transfer-Encoding', () => {
  const orders: [title: string, framing: string[], body: string][] = [
    ['length first', [LENGTH, CHUNKED], CHUNKED_BODY],
    ['encoding first', [CHUNKED, LENGTH], CHUNKED_BODY],
    ['length 0', ['Content-Length: 0', CHUNKED], CHUNKED_BODY],
    ['the length of the chunked body', [`Content-Length: ${CHUNKED_BODY.length}`, CHUNKED], CHUNKED_BODY],
    ['names in lower case', ['content-length: 13', 'transfer-encoding: chunked'], CHUNKED_BODY],
  ]
  for (const [title, framing, body] of orders) {
    test(`T01 ${title}: 400, closed, UP=0`, () => refusedAndClosed({ framing, body }, [400]))
  }
})

describe('T02 Transfer-Encoding in other words', () => {
  const variants: [title: string, lines: string[]][] = [
    ['xchunked', ['Transfer-Encoding: xchunked']],
    ['chunked, identity', ['Transfer-Encoding: chunked, identity']],
    ['identity, chunked', ['Transfer-Encoding: identity, chunked']],
    ['identity', ['Transfer-Encoding: identity']],
    ['gzip, chunked', ['Transfer-Encoding: gzip, chunked']],
    ['chunked, chunked', ['Transfer-Encoding: chunked, chunked']],
    ['two lines of chunked', [CHUNKED, CHUNKED]],
    ['two lines, chunked and identity', [CHUNKED, 'Transfer-Encoding: identity']],
    ['two lines, identity and chunked', ['Transfer-Encoding: identity', CHUNKED]],
    ['a space before the colon', ['Transfer-Encoding : chunked']],
    ['a tab before the colon', ['Transfer-Encoding\t: chunked']],
    ['a tab before the value', ['Transfer-Encoding:\tchunked']],
    ['two spaces before the value', ['Transfer-Encoding:  chunked']],
    ['a space behind the value', ['Transfer-Encoding: chunked ']],
    ['a vertical tab before the value', ['Transfer-Encoding: \x0bchunked']],
    ['a line that begins with a tab', ['\tTransfer-Encoding: chunked']],
    ['a line that begins with a space', [' Transfer-Encoding: chunked']],
    ['a value on a line of its own', ['Transfer-Encoding:', ' chunked']],
    ['Chunked', ['Transfer-Encoding: Chunked']],
    ['chunked in quotes', ['Transfer-Encoding: "chunked"']],
    ['chunked;q=1', ['Transfer-Encoding: chunked;q=1']],
    ['no value', ['Transfer-Encoding:']],
    ['a carriage return in the name', ['Transfer-Encoding\r: chunked']],
  ]
  for (const [title, framing] of variants) {
    test(`T02 ${title}: 400 or 501, closed, UP=0`, () => refusedAndClosed({ framing, body: CHUNKED_BODY }, [400, 501]))
  }
})

describe('T03 Content-Length that reads two ways', () => {
  const lengths: [title: string, lines: string[]][] = [
    ['two, different', [LENGTH, 'Content-Length: 14']],
    ['two, different, the smaller last', [LENGTH, 'Content-Length: 0']],
    ['two, equal', [LENGTH, LENGTH]],
    ['+13', ['Content-Length: +13']],
    ['-13', ['Content-Length: -13']],
    ['0xd', ['Content-Length: 0xd']],
    ['13,13', ['Content-Length: 13,13']],
    ['13, 13', ['Content-Length: 13, 13']],
    ['1 3', ['Content-Length: 1 3']],
    ['13.0', ['Content-Length: 13.0']],
    ['empty', ['Content-Length:']],
    ['over 64 bits', ['Content-Length: 18446744073709551629']],
    ['a space before the colon', ['Content-Length : 13']],
  ]
  for (const [title, framing] of lengths) {
    test(`T03 ${title}: 400, UP=0`, () => refusedAndClosed({ framing }, [400]))
  }
})

describe('T04 a header value on two lines', () => {
  const folded: [title: string, lines: string[]][] = [
    ['continued after a space', ['X-Folded: one', ' two']],
    ['continued after a tab', ['X-Folded: one', '\ttwo']],
    ['a length behind a fold', ['X-Folded: one', ' Content-Length: 0']],
    ['a folded Accept-Language', ['Accept-Language: de', ' en']],
  ]
  for (const [title, lines] of folded) {
    test(`T04 ${title}: 400, UP=0`, () => refusedAndClosed({ lines }, [400]))
  }
})

describe('T05 bytes that end lines for some', () => {
  const heads: [title: string, request: WireRequest][] = [
    ['bare LF at every line end', { lineEnd: '\n' }],
    ['bare CR at every line end', { lineEnd: '\r' }],
    ['bare LF within the header', { lines: ['X-One: 1\nX-Two: 2'] }],
    ['bare CR in a value', { lines: ['X-One: 1\rX-Two: 2'] }],
    ['bare CR at the end of a value', { lines: ['X-One: 1\r'] }],
    ['NUL in a value', { lines: ['X-One: 1\0'] }],
    ['NUL in a name', { lines: ['X-O\0ne: 1'] }],
    ['NUL in the target', { target: `${EAS}?Cmd=Sync\0` }],
    ['bare LF at the end of the chunk size', { framing: [CHUNKED], body: CHUNKED_BODY.replace('d\r\n', 'd\n') }],
  ]
  for (const [title, request] of heads) {
    test(`T05 ${title}: 400, UP=0`, () => refusedAndClosed(request, [400]))
  }
})

describe('T06 a valid request behind one that is refused, in the same segment', () => {
  const first: [title: string, request: WireRequest][] = [
    ['T01', { framing: [LENGTH, CHUNKED], body: CHUNKED_BODY }],
    ['T01 with length 0', { framing: ['Content-Length: 0', CHUNKED], body: '0\r\n\r\n' }],
    ['T02', { framing: ['Transfer-Encoding: xchunked'], body: '0\r\n\r\n' }],
    ['T03', { framing: [LENGTH, 'Content-Length: 0'] }],
    ['T04', { lines: ['X-Folded: one', ' two'] }],
  ]
  for (const [title, request] of first) {
    test(`T06 behind ${title}: the second is never executed`, async () => {
      const text = wireRequest(lab, device, request) + wireRequest(lab, device)
      const { responses, closed } = await assertNothingUpstream(lab, () => converse(lab, device, text))
      assert.equal(closed, true)
      for (const { status } of responses) assert.ok(status === 400 || status === 501, String(status))
      assert.equal(responses.length, 1)
    })
  }
})
