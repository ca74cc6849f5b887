/**
 * The lab's own name resolution, and plain HTTPS requests over it, always verified.
 * @module
 */
import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'

/** Where something listens. */
export interface Endpoint {
  address: string
  port: number
}

/** Names of the lab. Unknown ones are an error: nothing leaves the machine. */
export class LabNet {
  /** PEM certificates that servers are verified against. */
  readonly ca: string[]
  readonly #map = new Map<string, Endpoint>()

  constructor(ca: string[] = []) {
    this.ca = ca
  }

  /** Says where `host:port` is found; a later word replaces an earlier one. Without a port, 443 is meant. */
  map(hostPort: string, address: string, port: number): void {
    this.#map.set(keyOf(hostPort), { address, port })
  }

  /** @throws RangeError for a name that is not mapped. */
  lookup(host: string, port: number): Endpoint {
    const found = this.#map.get(`${host.toLowerCase()}:${String(port)}`)
    if (found === undefined) throw new RangeError(`the lab has no ${host}:${String(port)}`)
    return found
  }
}

/** One request over the lab. */
export interface LabRequest {
  method?: string
  url: string | URL
  headers?: Record<string, string | string[]>
  body?: string | Uint8Array
  /** Client certificate and key, PEM. */
  cert?: string
  key?: string
  /** Absent: a connection of its own. */
  agent?: Agent
  signal?: AbortSignal
}

/** Its answer. Header names are in lower case, repeated values joined by `, `; `rawHeaders` as they came. */
export interface LabReply {
  status: number
  headers: Record<string, string>
  rawHeaders: string[]
  body: Buffer
}

/** Sends one request; redirects are not followed. Rejects with the system's error. */
export async function request(net: LabNet, options: LabRequest): Promise<LabReply> {
  const url = new URL(options.url)
  const at = net.lookup(url.hostname, url.port === '' ? 443 : Number(url.port))
  const { cert, key, body, signal, agent = new Agent({ keepAlive: false }) } = options
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      host: at.address,
      port: at.port,
      servername: url.hostname,
      method: options.method ?? 'GET',
      path: `${url.pathname}${url.search}`,
      headers: { Host: url.host, ...lengthOf(body), ...options.headers },
      ca: net.ca,
      agent,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(signal === undefined ? {} : { signal }),
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      collect(incoming).then(resolve, reject)
    })
    outgoing.end(body)
  })
}

function lengthOf(body: string | Uint8Array | undefined): Record<string, string> {
  return body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
}

async function collect(incoming: IncomingMessage): Promise<LabReply> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(incoming.headersDistinct)) headers[name] = (values ?? []).join(', ')
  return { status: incoming.statusCode ?? 0, headers, rawHeaders: incoming.rawHeaders, body: Buffer.concat(chunks) }
}

function keyOf(hostPort: string): string {
  const lower = hostPort.toLowerCase()
  return lower.includes(':') ? lower : `${lower}:443`
}
