/**
 * `/metrics`, `/healthz` and `/readyz`, on a loopback address only. Nothing here changes anything.
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** Why a Sentry should get no traffic now; empty when it should. */
export type Readiness = readonly string[]

/** What the listener shows. */
export interface LocalSources {
  metrics(): Promise<string>
  readiness(): Readiness
}

/** A bound listener; disposing closes it. */
export interface LocalListener extends AsyncDisposable {
  readonly port: number
}

/** Binds; port 0 takes any free one. @throws Error of Node when the port is taken. */
export async function startLocalListener(host: string, port: number, sources: LocalSources): Promise<LocalListener> {
  const server = createServer((request, response) => {
    answer(request, response, sources).catch(() => {
      response.destroy()
    })
  })
  server.requestTimeout = 10_000
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, sources: LocalSources): Promise<void> {
  if (request.method !== 'GET') {
    send(response, 405, 'text/plain', 'GET only\n')
    return
  }
  switch (request.url) {
    case '/metrics':
      send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', await sources.metrics())
      return
    case '/healthz':
      send(response, 200, 'text/plain', 'ok\n')
      return
    case '/readyz': {
      const reasons = sources.readiness()
      send(
        response,
        reasons.length === 0 ? 200 : 503,
        'text/plain',
        `${reasons.length === 0 ? 'ready' : reasons.join('\n')}\n`,
      )
      return
    }
    default:
      send(response, 404, 'text/plain', '/metrics, /healthz and /readyz are served here\n')
  }
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  })
  response.end(text)
}
