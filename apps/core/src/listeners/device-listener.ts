/**
 * The device listener: enrolment and management of phones. It has no routes yet but `/healthz`; it answers 404 to
 * everything else, and never serves what the admin listener does.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { CoreError } from '../failure.ts'
import { feedHosts } from '../config/feed-address.ts'
import { sendProblem, targetOf } from './plain-exchange.ts'
import { issueServerIdentity, keepIdentityFresh } from './server-certificate.ts'
import { openServiceAuthority } from '../services/sentries/authority.ts'
import type { Services } from '../services/services.ts'
import type { Listener } from './listener.ts'

/** Connections at most; more are closed at once. */
const MAX_CONNECTIONS = 2_000

/** Listens. @throws Error naming the fields when the port cannot be used. */
export async function startDeviceListener(services: Services): Promise<Listener> {
  const { now, log } = services
  const authority = await openServiceAuthority(services)
  const hosts = feedHosts(services.config)
  const issue = () => issueServerIdentity(authority, hosts, now())
  const server = createServer({ ...TLS, ...(await issue()), ...LIMITS }, answer)
  server.maxConnections = MAX_CONNECTIONS
  const { host, port } = services.config.device
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text = `device.host and device.port (${host}:${port}) cannot be used: ${error.code ?? ''}`
      reject(new Error(text, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  const fault = (): void => log('problem', 'device-certificate-failed')
  const use = (identity: object): void => server.setSecureContext({ ...TLS, ...identity })
  const renewal = keepIdentityFresh({ issue, use, now, fault })
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      renewal[Symbol.dispose]()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const TLS = { minVersion: 'TLSv1.2', handshakeTimeout: 10_000 } as const
const LIMITS = { maxHeaderSize: 16_384, requestTimeout: 30_000, headersTimeout: 10_000 } as const

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { path, query } = targetOf(request)
  if (request.method === 'GET' && path === '/healthz' && query === null) {
    response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('ok\n')
    return
  }
  sendProblem(request, response, new CoreError('NOT_FOUND', 'nothing is served here'), randomUUID())
}
