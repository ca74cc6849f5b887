/**
 * What Sentries dial.
 * @module
 */
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { CoreConfig } from './core-config.ts'

const HOST = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * `https://host:port` of the feed. It stands in a command that people paste, so that it holds nothing but a host and a port.
 * @throws Error naming feed.publicUrl
 */
export function feedOrigin({ feed }: Pick<CoreConfig, 'feed'>): string {
  if (feed.publicUrl === null) return `https://${machineName() ?? 'localhost'}:${feed.port}`
  const url = URL.parse(feed.publicUrl)
  if (url?.protocol !== 'https:' || !isHost(bare(url.hostname))) {
    throw new Error(`feed.publicUrl must be https:// and a host name or address, such as https://core.example.com:8442`)
  }
  return `https://${url.hostname}:${url.port === '' ? '443' : url.port}`
}

/** Host names and addresses under which this machine may be dialled, beside the one that every feed has. */
export function feedHosts(config: Pick<CoreConfig, 'feed'>): readonly string[] {
  const machine = machineName()
  const told = bare(new URL(feedOrigin(config)).hostname)
  return [...new Set(['localhost', '127.0.0.1', '::1', told, ...(machine === null ? [] : [machine])])]
}

/** Null: what the machine calls itself is no host name. */
function machineName(): string | null {
  const name = hostname().toLowerCase()
  return isHost(name) ? name : null
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || (host.length <= 253 && HOST.test(host))
}
