/**
 * Head of our own request, with its framing. Every part is checked: what cannot be written exactly is our bug, never
 * something to repair, because a stray CR LF here would be a second request in somebody else's name (A1).
 * Pure: no I/O, no clock, no globals.
 * @module
 */
import { isFieldText, isToken } from './http-text.ts'
import type { UpstreamBody, UpstreamRequest } from './upstream-types.ts'

/** Written by this module only, or never. */
const OWN = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade', 'te', 'trailer'])

/** What `encodeRequestHead` needs. */
export type RequestHead = Pick<UpstreamRequest, 'method' | 'path' | 'headers' | 'hostHeader' | 'body'>

/**
 * The bytes up to and with the empty line. A POST always says its length, be it 0 (an empty Ping).
 * @throws TypeError when any part could not be read back as it was meant
 */
export function encodeRequestHead(request: RequestHead): Buffer {
  if (!isPath(request.path)) throw new TypeError('the path of an upstream request is not visible ASCII from a slash')
  if (!isFieldText(request.hostHeader) || request.hostHeader === '') throw new TypeError('bad Host for upstream')
  let head = `${request.method} ${request.path} HTTP/1.1\r\nHost: ${request.hostHeader}\r\n`
  for (const [name, value] of request.headers) {
    if (!isToken(name) || OWN.has(name.toLowerCase())) throw new TypeError(`header not for a caller: ${name}`)
    if (!isFieldText(value)) throw new TypeError(`value of ${name} cannot be written`)
    head += `${name}: ${value}\r\n`
  }
  return Buffer.from(`${head}${framingLine(request.body, request.method)}\r\n`, 'latin1')
}

function framingLine(body: UpstreamBody, method: string): string {
  switch (body.kind) {
    case 'none':
      return method === 'POST' ? 'Content-Length: 0\r\n' : ''
    case 'bytes':
      return `Content-Length: ${String(body.bytes.length)}\r\n`
    case 'stream':
      if (body.length === null) return 'Transfer-Encoding: chunked\r\n'
      if (!Number.isSafeInteger(body.length) || body.length < 0) throw new TypeError('bad length of a request body')
      return `Content-Length: ${String(body.length)}\r\n`
    default:
      return body satisfies never
  }
}

function isPath(path: string): boolean {
  if (!path.startsWith('/')) return false
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code < 0x21 || code > 0x7e || code === 0x23) return false
  }
  return true
}
