/**
 * What stands before several Cores in a company: a TCP balancer that hands a connection to the first that takes it.
 * @module
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A running one. */
export interface Balancer extends AsyncDisposable {
  readonly port: number
}

/** `targets`: ports on loopback, the preferred one first. */
export async function startBalancer(targets: readonly number[]): Promise<Balancer> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    keep(client)
    client.on('error', () => client.destroy())
    handOn(client, targets, keep)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function handOn(client: Socket, targets: readonly number[], keep: (socket: Socket) => void): void {
  const [port, ...rest] = targets
  if (port === undefined) return void client.destroy()
  const upstream = connect({ host: '127.0.0.1', port })
  keep(upstream)
  const refused = (): void => {
    handOn(client, rest, keep)
  }
  upstream.once('error', refused)
  upstream.once('connect', () => {
    upstream.off('error', refused)
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
}
