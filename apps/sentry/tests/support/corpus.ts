/**
 * Recorded exchanges of real clients with real servers, where their file lies beside the checkout, and their requests
 * with a registered identity put in.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One half of an exchange; header names and values in turn, as they were on the wire. */
interface Half {
  rawHeaders: string[]
  body: Buffer
}

/** One exchange. `title` names it among the others. */
export interface RecordedExchange {
  title: string
  request: Half & { method: string; path: string; query: string }
  response: Half & { status: number; reason: string }
}

/** Who the requests are to speak for. */
export interface CorpusIdentity {
  user: string
  deviceId: string
  token: string
  host: string
}

/** A line of the file; bodies in base64. */
interface Line {
  client: string
  server: string
  request: { method: string; url: string; rawHeaders: string[]; body: string }
  response: { status: number; reason: string; rawHeaders: string[]; body: string }
}

const FILE = fileURLToPath(new URL('../../../../../shared/corpus/eas.jsonl', import.meta.url))

/** All exchanges, in their order; none when the file is not there. Read in one go: tests are made of it. */
export function recordedExchanges(): RecordedExchange[] {
  if (!existsSync(FILE)) return []
  const lines = readFileSync(FILE, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line, index) => toExchange(JSON.parse(line) as Line, index + 1))
}

function toExchange({ client, server, request, response }: Line, number: number): RecordedExchange {
  const mark = request.url.indexOf('?')
  const path = mark < 0 ? request.url : request.url.slice(0, mark)
  const query = mark < 0 ? '' : request.url.slice(mark + 1)
  const { method, rawHeaders } = request
  const what = /(?:^|&)Cmd=(\w+)/.exec(query)?.[1] ?? (query === '' ? method : 'base64')
  return {
    title: `${number} ${client} ${server} ${what} ${response.status}`,
    request: { method, path, query, rawHeaders, body: Buffer.from(request.body, 'base64') },
    response: { ...response, body: Buffer.from(response.body, 'base64') },
  }
}

/** Whether a query is in base64: it has parameters of no kind. */
export function isBase64(query: string): boolean {
  return query !== '' && !/(?:^|&)cmd=/i.test(query)
}

/** The query with another user and device; everything else stays as and where it was. */
export function identifiedQuery(query: string, { user, deviceId }: CorpusIdentity): string {
  if (query === '') return ''
  if (isBase64(query)) return identifiedBytes(Buffer.from(query, 'base64'), user, deviceId).toString('base64')
  const values = new Map([
    ['user', encodeURIComponent(user)],
    ['deviceid', deviceId],
  ])
  return query
    .split('&')
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=', 2)
      return `${name}=${values.get(name.toLowerCase()) ?? value}`
    })
    .join('&')
}

/** Layout of MS-ASHTTP 2.2.1.1.1.1: version, command, locale, then counted device id, policy key and device type. */
function identifiedBytes(bytes: Buffer, user: string, deviceId: string): Buffer {
  let at = 4
  const counted = (): Buffer => {
    const end = at + 1 + bytes.readUInt8(at)
    const field = bytes.subarray(at, end)
    at = end
    return field
  }
  const parts = [bytes.subarray(0, 4)]
  counted()
  parts.push(Buffer.from([deviceId.length]), Buffer.from(deviceId), counted(), counted())
  while (at < bytes.length) {
    const tag = bytes.subarray(at, at + 1)
    at += 1
    const value = counted()
    if (tag[0] === 8) parts.push(tag, Buffer.from([user.length]), Buffer.from(user))
    else parts.push(tag, value)
  }
  return Buffer.concat(parts)
}

/** The bytes of a request in the order and spelling of the recording, with Host and Authorization replaced. */
export function identifiedRequest({ request }: RecordedExchange, identity: CorpusIdentity): Buffer {
  const query = identifiedQuery(request.query, identity)
  const target = query === '' ? request.path : `${request.path}?${query}`
  const lines = pairs(request.rawHeaders).flatMap(([name, value]) => {
    const lower = name.toLowerCase()
    if (lower === 'host') return []
    return [lower === 'authorization' ? `${name}: Bearer ${identity.token}` : `${name}: ${value}`]
  })
  const head = [`${request.method} ${target} HTTP/1.1`, `Host: ${identity.host}`, ...lines, '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), request.body])
}

/** Names and values of a flat list. */
export function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  const result: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) result.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  return result
}

/** All values of a header in a flat list, by name without regard to case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return pairs(rawHeaders).flatMap(([given, value]) => (given.toLowerCase() === name.toLowerCase() ? [value] : []))
}
