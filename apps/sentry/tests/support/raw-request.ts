/**
 * ActiveSync request heads as bytes, for tests that decide about every one of them.
 * @module
 */
import { connectRaw } from '@postern/harness/raw-client'
import type { RawClient } from '@postern/harness/raw-client'
import type { Lab, LabDevice } from '@postern/harness/lab'

/** What a head says beside the usual. */
export interface RawHead {
  method?: string
  /** Default FolderSync; no part of the query of OPTIONS. */
  command?: string
  /** Protocol version; default 16.1. */
  version?: string
  /** `Content-Length`, or `chunked`; default 0. */
  body?: number | 'chunked'
  /** Whole further lines, without line ends. */
  lines?: readonly string[]
  /** Default the lab's Sentry. */
  host?: string
}

/** The head of an ActiveSync request of a device, up to and with the empty line. */
export async function rawHead(lab: Lab, device: LabDevice, head: RawHead = {}): Promise<string> {
  const { method = 'POST', command = 'FolderSync', version = '16.1', body = 0, lines = [] } = head
  const query = `Cmd=${command}&User=${encodeURIComponent(device.user)}&DeviceId=${device.easDeviceId}&DeviceType=iPhone`
  const token = lab.token(device.user)
  return [
    `${method} /Microsoft-Server-ActiveSync?${query} HTTP/1.1`,
    `Host: ${head.host ?? lab.sentryName}`,
    `Authorization: Bearer ${token}`,
    `MS-ASProtocolVersion: ${version}`,
    'User-Agent: Apple-iPhone15C4/2207.62',
    'Content-Type: application/vnd.ms-sync.wbxml',
    body === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${String(body)}`,
    ...lines,
    '\r\n',
  ].join('\r\n')
}

/** A raw connection to another Sentry than the lab's first, with a device's certificate or none. */
export async function rawTo(lab: Lab, port: number, device: LabDevice | null, servername: string): Promise<RawClient> {
  const identity = device === null ? {} : { cert: device.identity.certPem, key: device.identity.keyPem }
  return connectRaw({ port, ca: lab.net.ca, servername, ...identity })
}
