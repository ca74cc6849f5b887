/**
 * Listeners that must not be spoken to, or with which a request must not get far.
 * @module
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Issued } from '@postern/harness/ca'

/** A listener that counts. It must be closed. */
export interface Trap extends AsyncDisposable {
  readonly port: number
  /** TCP connections accepted. */
  readonly connections: number
  /** What came on them: after TLS where the trap speaks it, else as it is. */
  readonly bytes: Buffer
}

/** A plain TCP listener; default 127.0.0.1. */
export async function startTrap(host = '127.0.0.1'): Promise<Trap> {
  const seen = new Seen()
  const server = createServer((socket) => {
    seen.connections += 1
    seen.keep(socket)
  })
  return listening(server, seen, host)
}

/** A TLS listener with a certificate of its own that keeps every application byte and never answers. */
export async function startTlsTrap(identity: Issued): Promise<Trap> {
  const seen = new Seen()
  const server = createTlsServer({ cert: identity.certPem, key: identity.keyPem }, (socket) => {
    seen.keep(socket)
  })
  server.on('connection', () => {
    seen.connections += 1
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return listening(server, seen, '127.0.0.1')
}

class Seen {
  connections = 0
  readonly chunks: Buffer[] = []
  readonly sockets = new Set<Socket>()

  keep(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('data', (chunk: Buffer) => this.chunks.push(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.sockets.delete(socket))
  }
}

async function listening(server: Server, seen: Seen, host: string): Promise<Trap> {
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return seen.connections
    },
    get bytes() {
      return Buffer.concat(seen.chunks)
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of seen.sockets) socket.destroy()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
