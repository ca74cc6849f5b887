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
  /** What is worth knowing though it is ready; lines below the first. */
  notes(): readonly string[]
}

/** A bound listener; disposing closes it. */
export interface LocalListener extends AsyncDisposable {
  readonly port: number
}

/** Binds; port 0 takes any free one. @throws Error naming the fields when the port is taken. */
export async function startLocalListener(host: string, port: number, sources: LocalSources): Promise<LocalListener> {
  const server = createServer((request, response) => {
    answer(request, response, sources).catch(() => {
      response.destroy()
    })
  })
  server.requestTimeout = 10_000
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new Error(`local.host and local.port (${host}:${port}) cannot be used: ${code}`, { cause: error })
  }
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
  if (!isLocalName(request.headers.host ?? '')) {
    send(response, 421, 'text/plain', 'ask by a loopback address or as localhost\n')
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'GET and HEAD only\n')
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
      const lines = [...(reasons.length === 0 ? ['ready'] : reasons), ...sources.notes()]
      send(response, reasons.length === 0 ? 200 : 503, 'text/plain', `${lines.join('\n')}\n`)
      return
    }
    default:
      send(response, 404, 'text/plain', '/metrics, /healthz and /readyz are served here\n')
  }
}

/** A page in a browser on this machine can make its own name lead here, but not ask by ours. */
function isLocalName(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i.test(host.slice(0, 64))
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  })
  response.end(text)
}
