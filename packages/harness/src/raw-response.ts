/**
 * One HTTP/1.1 response from raw bytes, leniently: what a test needs to see is kept, in order, as it came.
 *
 * Document: RFC 9112, sections 4 to 7. Line ends may be bare LF. Pure.
 * @module
 */

/** A response as it came: header names in their own case, in order, repeated ones repeated. */
export interface RawResponse {
  status: number
  reason: string
  headers: [name: string, value: string][]
  /** After chunked decoding; a content coding is left as it is. */
  body: Buffer
  /** First value of a header, by name without regard to case. */
  header(name: string): string | undefined
  /** All values of a header, by name without regard to case. */
  all(name: string): string[]
}

/** What could be read so far. `bytes` is how much of the buffer the response took. */
export type RawRead =
  { kind: 'response'; response: RawResponse; bytes: number } | { kind: 'more' } | { kind: 'malformed'; reason: string }

const MORE = { kind: 'more' } as const

/** Reads the first response of `buffer`; `ended` says that no more bytes will come, `bodyless` that it was a HEAD. */
export function readRawResponse(buffer: Buffer, state: { ended: boolean; bodyless: boolean }): RawRead {
  const head = splitHead(buffer)
  if (head === null) return MORE
  const [statusLine = '', ...lines] = head.lines
  const [protocol = '', status = '', ...reason] = statusLine.split(' ')
  if (!protocol.startsWith('HTTP/1.') || !/^\d{3}$/.test(status)) {
    return { kind: 'malformed', reason: `not a status line: ${JSON.stringify(statusLine.slice(0, 80))}` }
  }
  const headers = lines.map(splitHeader)
  const body = readBody(buffer.subarray(head.bytes), headers, { ...state, status: Number(status) })
  if (body.kind !== 'body') return body
  const response = toResponse(Number(status), reason.join(' '), headers, body.bytes)
  return { kind: 'response', response, bytes: head.bytes + body.consumed }
}

type BodyRead = { kind: 'body'; bytes: Buffer; consumed: number } | Exclude<RawRead, { kind: 'response' }>

function readBody(
  rest: Buffer,
  headers: [string, string][],
  state: { ended: boolean; bodyless: boolean; status: number },
): BodyRead {
  const bodyless = state.bodyless || state.status < 200 || state.status === 204 || state.status === 304
  if (bodyless) return { kind: 'body', bytes: Buffer.alloc(0), consumed: 0 }
  if (valueOf(headers, 'transfer-encoding')?.toLowerCase().includes('chunked') === true) return readChunks(rest)
  const length = valueOf(headers, 'content-length')
  if (length === undefined) return state.ended ? { kind: 'body', bytes: rest, consumed: rest.length } : MORE
  const bytes = Number(length)
  if (!Number.isSafeInteger(bytes)) return { kind: 'malformed', reason: `Content-Length ${length.slice(0, 40)}` }
  return rest.length < bytes ? MORE : { kind: 'body', bytes: rest.subarray(0, bytes), consumed: bytes }
}

function readChunks(rest: Buffer): BodyRead {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1')
    if (lineEnd < 0) return MORE
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    if (!(size >= 0)) return { kind: 'malformed', reason: 'chunk size' }
    at = lineEnd + 2
    if (size === 0) return readTrailer(rest, at, Buffer.concat(parts))
    if (rest.length < at + size + 2) return MORE
    parts.push(rest.subarray(at, at + size))
    at += size + 2
  }
}

function readTrailer(rest: Buffer, start: number, bytes: Buffer): BodyRead {
  let at = start
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1')
    if (lineEnd < 0) return MORE
    if (lineEnd === at) return { kind: 'body', bytes, consumed: lineEnd + 2 }
    at = lineEnd + 2
  }
}

function splitHead(buffer: Buffer): { lines: string[]; bytes: number } | null {
  const lines: string[] = []
  let at = 0
  for (;;) {
    const feed = buffer.indexOf(0x0a, at)
    if (feed < 0) return null
    const end = feed > at && buffer[feed - 1] === 0x0d ? feed - 1 : feed
    if (end === at && lines.length > 0) return { lines, bytes: feed + 1 }
    if (end > at) lines.push(buffer.toString('latin1', at, end))
    at = feed + 1
  }
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':')
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()]
}

function valueOf(headers: [string, string][], name: string): string | undefined {
  return headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1]
}

function toResponse(status: number, reason: string, headers: [string, string][], body: Buffer): RawResponse {
  return {
    status,
    reason,
    headers,
    body,
    header: (name) => valueOf(headers, name.toLowerCase()),
    all: (name) => headers.filter(([candidate]) => candidate.toLowerCase() === name.toLowerCase()).map(([, v]) => v),
  }
}
