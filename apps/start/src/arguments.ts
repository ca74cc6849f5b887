/**
 * Command line of `npm start`.
 * @module
 */
import { createServer, isIP } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

/** What `--help` prints. */
export const USAGE = `npm start -- [options]
  --data DIR       where everything is kept; default ./data
  --ports-from N   admin N, device N+1, feed N+2, Sentry N+3, its metrics N+4; 0 takes any free ones
  --host HOST      address on which phones and further Sentries may connect; default 0.0.0.0
  --workers N      worker processes of the Sentry; one for each core when left out
  --setup-json     print the set-up link and the ports as one JSON line
`

/** Ports in their order. */
export interface Ports {
  readonly admin: number
  readonly device: number
  readonly feed: number
  readonly sentry: number
  readonly metrics: number
}

/** What others rely on: they stand in the documentation and in scripts. */
const USUAL: Ports = { admin: 8440, device: 8441, feed: 8442, sentry: 8443, metrics: 9464 }

/** The command line, checked. */
export interface StartArguments {
  readonly help: boolean
  readonly data: string
  readonly portsFrom: number | null
  readonly host: string
  readonly workers: string | null
  readonly setupJson: boolean
}

/** @throws Error naming the option, the rule and the remedy. */
export function parseArguments(args: readonly string[]): StartArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean' },
      data: { type: 'string' },
      'ports-from': { type: 'string' },
      host: { type: 'string' },
      workers: { type: 'string' },
      'setup-json': { type: 'boolean' },
    },
  })
  const first = values['ports-from']
  return {
    help: values.help === true,
    data: values.data ?? 'data',
    portsFrom: first === undefined ? null : firstPort(first),
    host: address(values.host ?? '0.0.0.0'),
    workers: values.workers ?? null,
    setupJson: values['setup-json'] === true,
  }
}

function address(text: string): string {
  if (isIP(text) !== 0) return text
  throw new Error(`--host must be an IP address of this machine, such as 0.0.0.0 or 127.0.0.1, not ${text}`)
}

function firstPort(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_531 || (value > 0 && value < 1_024)) {
    throw new Error('--ports-from must be a whole number from 1024 to 65531, or 0 for any free ports')
  }
  return value
}

/** The ports to use: the usual ones, five in a row, or any that are free now. */
export async function choosePorts(first: number | null): Promise<Ports> {
  if (first === null) return USUAL
  if (first > 0) return { admin: first, device: first + 1, feed: first + 2, sentry: first + 3, metrics: first + 4 }
  const servers = Array.from({ length: 5 }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const [admin = 0, device = 0, feed = 0, sentry = 0, metrics = 0] = servers.map(
    (server) => (server.address() as AddressInfo).port,
  )
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return { admin, device, feed, sentry, metrics }
}
