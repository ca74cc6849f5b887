/**
 * A connection to a syslog receiver: TCP, or TLS that checks the receiver's certificate.
 * @module
 */
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { SyslogSettings } from '@postern/contract/api/audit'
import { allowedAddresses, staysHere } from './destination.ts'

/** To connect, and for the receiver to take what was written. Milliseconds. */
const PATIENCE_MS = 10_000
/**
 * Syslog has no acknowledgement. Rows count as sent when the connection still lives so long after they were written;
 * else they are sent again. Milliseconds.
 */
const SETTLE_MS = 300

/** An open connection. Disposing closes it. */
export interface SyslogConnection extends Disposable {
  readonly alive: boolean
  /** Settles when the bytes went out and the connection outlived them. @throws Error saying what is wrong */
  send(bytes: Buffer): Promise<void>
}

/** @throws Error saying which rule or step failed */
export async function connectSyslog(settings: SyslogSettings, signal: AbortSignal): Promise<SyslogConnection> {
  const { host, port, tls, caPem, plainOverNetwork } = settings
  const [address] = await allowedAddresses(host)
  if (address === undefined) throw new Error(`${host} has no address`)
  if (!tls && !plainOverNetwork && !staysHere(address)) {
    throw new Error(`${host} is another machine (${address}): use TLS or set plainOverNetwork`)
  }
  const socket = tls
    ? connectTls({
        host: address,
        port,
        minVersion: 'TLSv1.2',
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(caPem === null ? {} : { ca: caPem }),
      })
    : connect({ host: address, port })
  const problems: Error[] = []
  socket.on('error', (error: Error) => void problems.push(error))
  socket.on('end', () => void problems.push(new Error('the receiver closed the connection')))
  socket.resume() // receivers say nothing; whatever comes is dropped, so that their close is seen
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
    await once(socket, tls ? 'secureConnect' : 'connect', { signal: patience })
  } catch (error) {
    socket.destroy()
    throw new Error(`${host}:${port} cannot be reached: ${reason(problems[0] ?? error)}`, { cause: error })
  }
  const broken = (): Error | null => problems[0] ?? (socket.destroyed ? new Error('the connection ended') : null)
  return {
    get alive() {
      return broken() === null
    },
    send: async (bytes) => {
      await written(socket, bytes)
      await sleep(SETTLE_MS)
      const fault = broken()
      if (fault !== null) throw new Error(`${host}:${port} is gone: ${reason(fault)}`, { cause: fault })
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

async function written(socket: Socket, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => reject(new Error('the receiver does not take what is sent')), PATIENCE_MS)
  socket.write(bytes, (error) => (error ? reject(error) : resolve(undefined)))
  try {
    await promise
  } finally {
    clearTimeout(timer)
  }
}

/** Codes of Node name the rule that failed (`UNABLE_TO_VERIFY_LEAF_SIGNATURE`); messages may quote a certificate. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault'
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
