import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Reason } from '../decision/reasons.ts'
import { HeaderFields } from './header-fields.ts'
import { type Head, headReason, hostReason } from './head-reason.ts'

const HOST = ['Host', 'sentry.example.com'] as const
const head = (raw: readonly string[], given: Partial<Head> = {}): Head => ({
  method: 'POST',
  target: '/Microsoft-Server-ActiveSync',
  httpVersion: '1.1',
  fields: HeaderFields.ofRaw([...HOST, ...raw]),
  rawTransferEncoding: true,
  ...given,
})
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => [`x-${i}`, '1']).flat()

describe('heads that read two ways', () => {
  const rejects: readonly { title: string; raw?: readonly string[]; given?: Partial<Head>; reason: Reason }[] = [
    {
      title: 'T01 Content-Length and chunked',
      raw: ['Content-Length', '5', 'Transfer-Encoding', 'chunked'],
      reason: 'TRANSFER_ENCODING',
    },
    ...['xchunked', 'chunked, identity', 'identity', 'Chunked', '\tchunked', 'chunked ', '', 'gzip, chunked'].map(
      (value) => ({
        title: `T02 Transfer-Encoding ${JSON.stringify(value)}`,
        raw: ['Transfer-Encoding', value],
        reason: 'TRANSFER_ENCODING' as const,
      }),
    ),
    {
      title: 'T02 chunked twice',
      raw: ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
      reason: 'HEADER_MALFORMED',
    },
    {
      title: 'T02 chunked by another spelling on the wire',
      raw: ['Transfer-Encoding', 'chunked'],
      given: { rawTransferEncoding: false },
      reason: 'TRANSFER_ENCODING',
    },
    {
      title: 'T03 two Content-Lengths',
      raw: ['Content-Length', '5', 'content-length', '5'],
      reason: 'HEADER_MALFORMED',
    },
    {
      title: 'T07 Connection names Authorization',
      raw: ['Connection', 'close, Authorization'],
      reason: 'CONNECTION_HEADER',
    },
    {
      title: 'Connection names a field of ActiveSync',
      raw: ['Connection', 'keep-alive', 'Connection', 'X-MS-PolicyKey'],
      reason: 'CONNECTION_HEADER',
    },
    { title: 'Connection: upgrade alone', raw: ['Connection', 'upgrade'], reason: 'CONNECTION_HEADER' },
    {
      title: 'T09 two Authorizations',
      raw: ['Authorization', 'Bearer a', 'authorization', 'Bearer a'],
      reason: 'HEADER_MALFORMED',
    },
    {
      title: 'T10 two versions',
      raw: ['MS-ASProtocolVersion', '16.1', 'ms-asprotocolversion', '16.1'],
      reason: 'HEADER_MALFORMED',
    },
    { title: 'T10 two policy keys', raw: ['X-MS-PolicyKey', '1', 'X-MS-PolicyKey', '2'], reason: 'HEADER_MALFORMED' },
    ...[
      'Client-Cert',
      'Content-Encoding',
      'Content-Type',
      'Cookie',
      'Expect',
      'MS-ASAcceptMultiPart',
      'User-Agent',
    ].map((name) => ({
      title: `${name === 'Client-Cert' ? 'T108 ' : ''}two of ${name}`,
      raw: [name, 'a', name, 'a'],
      reason: 'HEADER_MALFORMED' as const,
    })),
    { title: 'T14 two Hosts', raw: [...HOST], reason: 'HEADER_MALFORMED' },
    { title: 'T14 absolute-form target', given: { target: 'https://sentry.example.com/x' }, reason: 'TARGET_FORM' },
    { title: 'authority-form target', given: { target: 'outlook.office365.com:443' }, reason: 'TARGET_FORM' },
    { title: 'asterisk target', given: { target: '*' }, reason: 'TARGET_FORM' },
    { title: 'T15 Upgrade', raw: ['Upgrade', 'websocket', 'Connection', 'Upgrade'], reason: 'UPGRADE_REFUSED' },
    { title: 'T15 HTTP2-Settings', raw: ['HTTP2-Settings', 'AAMAAABkAAQAAP__'], reason: 'UPGRADE_REFUSED' },
    { title: 'HTTP/1.0', given: { httpVersion: '1.0' }, reason: 'HTTP_VERSION' },
    { title: 'HTTP/2.0', given: { httpVersion: '2.0' }, reason: 'HTTP_VERSION' },
    {
      title: 'target of 17 KiB and a character',
      given: { target: `/${'a'.repeat(17_408)}` },
      reason: 'TARGET_TOO_LONG',
    },
    { title: '101 fields', raw: many(100), reason: 'HEAD_TOO_LARGE' },
    {
      title: 'Authorization of 16 KiB and a character',
      raw: ['Authorization', 'a'.repeat(16_385)],
      reason: 'HEAD_TOO_LARGE',
    },
    { title: '32 KiB of fields', raw: ['X-A', 'a'.repeat(32_768)], reason: 'HEAD_TOO_LARGE' },
  ]
  for (const { title, raw = [], given, reason } of rejects)
    test(title, () => assert.equal(headReason(head(raw, given)), reason))
})

describe('heads that are fine', () => {
  const accepts: readonly (readonly [title: string, raw: readonly string[], given?: Partial<Head>])[] = [
    ['no fields but Host', []],
    ['chunked', ['Transfer-Encoding', 'chunked']],
    ['Content-Length', ['Content-Length', '5']],
    ['Content-Length, and nothing said about chunked', ['Content-Length', '5'], { rawTransferEncoding: false }],
    ['Connection: keep-alive', ['Connection', 'Keep-Alive']],
    ['Connection: close twice', ['Connection', 'close', 'Connection', 'close, keep-alive,']],
    ['fields that may come twice', ['Accept', 'a', 'Accept', 'b', 'X-A', '1', 'X-A', '2']],
    ['100 fields', many(99)],
    ['Authorization of 16 KiB', ['Authorization', 'a'.repeat(16_384)]],
    ['target of 17 KiB', [], { target: `/${'a'.repeat(17_407)}` }],
    [
      '32 KiB of fields to the byte',
      ['X-A', 'a'.repeat(32_768 - 'x-a'.length - 4 - 'hostsentry.example.com'.length - 4)],
    ],
  ]
  for (const [title, raw, given] of accepts) test(title, () => assert.equal(headReason(head(raw, given)), null))
})

describe('Host and TLS server name', () => {
  const names = new Set(['sentry.example.com', '192.0.2.1', '[2001:db8::1]'])
  const rejects: readonly (readonly [title: string, host: string | null, sni: string | null, reason: Reason])[] = [
    ['T14 missing', null, 'sentry.example.com', 'HEADER_MALFORMED'],
    ['T14 the mail server', 'outlook.office365.com', 'sentry.example.com', 'HOST_UNKNOWN'],
    ['T14 SNI is another name', 'sentry.example.com', 'other.example.com', 'SNI_MISMATCH'],
    ['T14 no SNI for a name', 'sentry.example.com', null, 'SNI_MISMATCH'],
    ['SNI for an address', '192.0.2.1', 'sentry.example.com', 'SNI_MISMATCH'],
    ['empty', '', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['a user', 'x@sentry.example.com', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['a path', 'sentry.example.com/x', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['a list', 'sentry.example.com, evil.example', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['a blank before', ' sentry.example.com', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['a port that is none', 'sentry.example.com:x', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['an empty port', 'sentry.example.com:', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['two ports', 'sentry.example.com:1:2', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['a dot behind', 'sentry.example.com.', 'sentry.example.com', 'HOST_UNKNOWN'],
    ['a name below ours', 'a.sentry.example.com', 'a.sentry.example.com', 'HOST_UNKNOWN'],
    ['254 characters', 'a'.repeat(254), 'sentry.example.com', 'HEADER_MALFORMED'],
    [
      'a letter that Unicode folds',
      'sentry.example.com'.replace('s', '\u017f'),
      'sentry.example.com',
      'HEADER_MALFORMED',
    ],
    ['a line end', 'sentry.example.com\n', 'sentry.example.com', 'HEADER_MALFORMED'],
    ['an unfinished IPv6 address', '[2001:db8::1', null, 'HEADER_MALFORMED'],
  ]
  for (const [title, host, sni, reason] of rejects)
    test(title, () => assert.equal(hostReason(host, sni, names), reason))
  const accepts: readonly (readonly [host: string, sni: string | null])[] = [
    ['sentry.example.com', 'sentry.example.com'],
    ['sentry.example.com:443', 'sentry.example.com'],
    ['Sentry.Example.COM:8443', 'SENTRY.example.com'],
    ['192.0.2.1:8443', null],
    ['[2001:DB8::1]', null],
    ['[2001:db8::1]:8443', null],
  ]
  for (const [host, sni] of accepts)
    test(`${host} with ${sni ?? 'no server name'}`, () => assert.equal(hostReason(host, sni, names), null))
})
