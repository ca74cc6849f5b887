/**
 * An ActiveSync request as text, every part of which can be replaced, and what came back on its connection.
 * @module
 */
import assert from 'node:assert/strict'
import type { Lab, LabDevice } from '@postern/harness/lab'
import { RawClientError } from '@postern/harness/raw-client'
import type { RawClientOptions, RawResponse } from '@postern/harness/raw-client'

/** FolderSync with key 0, as Latin-1 text. 13 bytes. */
export const FOLDER_SYNC_BODY = Buffer.from('03016a00000756520330000101', 'hex').toString('latin1')
/** The same in one chunk. */
export const CHUNKED_BODY = `d\r\n${FOLDER_SYNC_BODY}\r\n0\r\n\r\n`
/** The path of ActiveSync. */
export const EAS = '/Microsoft-Server-ActiveSync'

/** What a request says otherwise than the usual one. */
export interface WireRequest {
  /** Default POST. */
  method?: string
  /** The whole request target; default the path with a plain FolderSync query of the device. */
  target?: string
  /** Default `HTTP/1.1`. */
  protocol?: string
  /** Whole lines without line ends; the defaults are the usual ones. */
  host?: readonly string[]
  authorization?: readonly string[]
  version?: readonly string[]
  framing?: readonly string[]
  /** Further lines, behind all others. */
  lines?: readonly string[]
  /** Default CR LF. */
  lineEnd?: string
  /** Default {@link FOLDER_SYNC_BODY}. */
  body?: string
}

/** The plain FolderSync query of a device. */
export function folderSyncQuery(device: LabDevice): string {
  return `Cmd=FolderSync&User=${encodeURIComponent(device.user)}&DeviceId=${device.easDeviceId}&DeviceType=iPhone`
}

/** The bytes of a request, as Latin-1 text. Without any change it is one that Sentry lets through. */
export function wireRequest(lab: Lab, device: LabDevice, request: WireRequest = {}): string {
  const {
    method = 'POST',
    target = `${EAS}?${folderSyncQuery(device)}`,
    protocol = 'HTTP/1.1',
    host = [`Host: ${lab.sentryName}`],
    authorization = [`Authorization: Bearer ${lab.token(device.user)}`],
    version = ['MS-ASProtocolVersion: 16.1'],
    framing = ['Content-Type: application/vnd.ms-sync.wbxml', 'Content-Length: 13'],
    lines = [],
    lineEnd = '\r\n',
    body = FOLDER_SYNC_BODY,
  } = request
  const head = [`${method} ${target} ${protocol}`, ...host, 'User-Agent: Apple-iPhone15C4/2207.62']
  return [...head, ...authorization, ...version, ...framing, ...lines, '', body].join(lineEnd)
}

/** What a connection gave back. */
export interface Conversation {
  responses: RawResponse[]
  /** Whether Sentry ended the connection. */
  closed: boolean
}

/**
 * Sends text and reads answers until the connection ends, or `expected` of them (default 1) have come and it has
 * stayed open for a moment.
 */
export async function converse(
  lab: Lab,
  device: LabDevice | null,
  text: string,
  options: { expected?: number; tls?: Partial<RawClientOptions> } = {},
): Promise<Conversation> {
  const { expected = 1, tls = {} } = options
  await using client = await lab.raw(device, tls)
  const responses: RawResponse[] = []
  await client.send(text)
  for (;;) {
    const enough = responses.length >= expected
    try {
      responses.push(await client.readResponse({ timeoutMs: enough ? 150 : 5_000 }))
    } catch (cause) {
      if (!(cause instanceof RawClientError)) throw cause
      if (cause.code === 'CLOSED') return { responses, closed: true }
      if (cause.code === 'TIMEOUT' && enough) return { responses, closed: false }
      throw cause
    }
  }
}

/** Asserts that `act` let nothing reach the server. */
export async function assertNothingUpstream<T>(lab: Lab, act: () => Promise<T>): Promise<T> {
  const before = lab.exchange.receivedCount
  const result = await act()
  assert.equal(lab.exchange.receivedCount, before, 'something reached the server')
  return result
}

/** Sends a request that must get exactly one answer with one of `statuses`, and reach no server. */
export async function assertRefused(
  lab: Lab,
  device: LabDevice | null,
  text: string,
  statuses: readonly number[],
  tls: Partial<RawClientOptions> = {},
): Promise<Conversation> {
  return assertNothingUpstream(lab, async () => {
    const conversation = await converse(lab, device, text, { tls })
    assert.equal(conversation.responses.length, 1)
    const status = conversation.responses[0]?.status ?? 0
    assert.ok(statuses.includes(status), `status ${status}, not ${statuses.join(' or ')}`)
    return conversation
  })
}
