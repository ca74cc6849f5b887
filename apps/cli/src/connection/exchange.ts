/**
 * One HTTP request to Core and its answer: no redirects, no proxies, certificates always verified.
 * @module
 */
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { CliError } from '../exits.ts'

/** Milliseconds until Core has to take the connection, and for which an answer may be silent. */
const TIMES = { connectMs: 10_000, silentMs: 120_000 } as const
/** Bytes of an answer that is read whole. */
export const REPLY_BYTES = 67_108_864

/** A Core to talk to. */
export interface Peer {
  readonly origin: URL
  /** Certificates (PEM) that are trusted instead of the system's; null: those of the system. */
  readonly ca: string | null
}

/** What is sent. */
export interface Outgoing {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
}

/** What came back; `stream` must be read or destroyed. */
export interface Incoming {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly stream: IncomingMessage
}

/** @throws CliError unreachable */
export async function exchange(
  peer: Peer,
  outgoing: Outgoing,
  { connectMs, silentMs }: { readonly connectMs: number; readonly silentMs: number } = TIMES,
): Promise<Incoming> {
  const { origin, ca } = peer
  const secure = origin.protocol === 'https:'
  const { promise, resolve, reject } = Promise.withResolvers<Incoming>()
  const options = {
    host: origin.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: origin.port === '' ? (secure ? 443 : 80) : Number(origin.port),
    method: outgoing.method,
    path: outgoing.path,
    headers: { ...outgoing.headers, host: origin.host },
    agent: false as const,
  }
  const request = secure ? https.request({ ...options, ...(ca === null ? {} : { ca }) }) : http.request(options)
  const slow = setTimeout(() => request.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs)
  request.on('socket', (socket) => socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(slow)))
  request.setTimeout(silentMs, () => request.destroy(new Error(`silent for ${silentMs} ms`)))
  request.on('close', () => clearTimeout(slow))
  request.on('error', (error) => reject(unreachable(origin, error)))
  request.on('response', (stream) => resolve({ status: stream.statusCode ?? 0, headers: stream.headers, stream }))
  request.end(outgoing.body ?? undefined)
  return promise
}

/** Reads an answer whole. @throws CliError unreachable when it breaks off or has more than {@link REPLY_BYTES} */
export async function readWhole(peer: Peer, stream: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(peer, stream)) {
    size += chunk.byteLength
    if (size > REPLY_BYTES) {
      throw new CliError('unreachable', `${peer.origin.origin} sends more than ${REPLY_BYTES} bytes; ask for less`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Pieces of an answer as they come. @throws CliError unreachable when it breaks off: what came is not the whole. */
export async function* chunksOf(peer: Peer, stream: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array // no encoding is set, so chunks are bytes
  } catch (error) {
    throw unreachable(peer.origin, error)
  }
}

const LOST = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT'])

/** Whether the connection was lost on the way: nobody knows whether the request arrived. */
export function isLost(error: unknown): boolean {
  const cause = error instanceof CliError && error.fault === 'unreachable' ? error.cause : null
  return cause instanceof Error && 'code' in cause && LOST.has(String(cause.code))
}

/** Errors of TLS name the certificate; those are not mended by trying again. */
function unreachable(origin: URL, error: unknown): CliError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = error instanceof Error ? error.message : 'unknown fault'
  const remedy = /CERT|SELF_SIGNED|ISSUER|ALTNAME|VERIFY/.test(code)
    ? 'its certificate is not trusted; give its authority with --ca FILE'
    : 'check the address, and that Core runs'
  const what = text === '' ? code : text
  return new CliError('unreachable', `${origin.origin} cannot be reached (${what}); ${remedy}`, { cause: error })
}
