/**
 * A mail server that answers with a recorded answer, in the framing and with the header lines of the recording.
 * @module
 */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Issued } from '@postern/harness/ca'

/** One answer: header names and values in turn, as they were on the wire. */
export interface ReplayAnswer {
  status: number
  reason: string
  rawHeaders: readonly string[]
  body: Buffer
}

/** A request as it came. Header names in lower case, repeated values joined by `, `. */
export interface ReplayRequest {
  method: string
  target: string
  headers: Record<string, string>
  body: Buffer
}

/** A running one. It must be closed. */
export interface ReplayServer extends AsyncDisposable {
  readonly port: number
  /** What every request gets from now on; forgets the requests so far. */
  load(answer: ReplayAnswer): void
  readonly requests: readonly ReplayRequest[]
}

/** Starts one on 127.0.0.1. */
export async function startReplayServer(identity: Issued): Promise<ReplayServer> {
  const requests: ReplayRequest[] = []
  let answer: ReplayAnswer = { status: 200, reason: 'OK', rawHeaders: [], body: Buffer.alloc(0) }
  const server = createServer({ cert: identity.certPem, key: identity.keyPem }, (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const headers: Record<string, string> = {}
      for (const [name, values] of Object.entries(incoming.headersDistinct)) headers[name] = (values ?? []).join(', ')
      const { method = '', url = '' } = incoming
      requests.push({ method, target: url, headers, body: Buffer.concat(chunks) })
      outgoing.sendDate = false
      outgoing.writeHead(answer.status, answer.reason, [...answer.rawHeaders])
      outgoing.end(answer.body)
    })
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    load: (next) => {
      requests.length = 0
      answer = next
    },
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
