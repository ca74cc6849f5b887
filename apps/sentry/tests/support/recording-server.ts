/**
 * An HTTPS server that keeps every request whole and answers as it is told.
 * @module
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:https'
import type { Issued } from '@postern/harness/ca'

/** A request as it came. Header names in lower case. */
export interface Recorded {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

/** What it says. Default: 200, JSON. */
export interface Answer {
  status?: number
  headers?: Record<string, string | string[]>
  body?: string
}

/** A running one. It must be closed. */
export interface RecordingServer extends AsyncDisposable {
  readonly port: number
  readonly requests: readonly Recorded[]
  /** What the next requests get. */
  answer: Answer
}

/** Starts one on 127.0.0.1. */
export async function startRecordingServer(identity: Issued): Promise<RecordingServer> {
  const requests: Recorded[] = []
  let answer: Answer = {}
  const server = createServer({ cert: identity.certPem, key: identity.keyPem }, (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const headers = Object.entries(incoming.headersDistinct).map(([name, values]) => [
        name,
        (values ?? []).join(', '),
      ])
      requests.push({
        method: incoming.method ?? '',
        url: incoming.url ?? '',
        headers: Object.fromEntries(headers) as Record<string, string>,
        body: Buffer.concat(chunks).toString('utf8'),
      })
      outgoing.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json', ...answer.headers })
      outgoing.end(answer.body ?? '{}')
    })
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get answer() {
      return answer
    },
    set answer(value: Answer) {
      answer = value
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
