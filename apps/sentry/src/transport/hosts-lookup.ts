/**
 * Name resolution with a laboratory's table in front, as `/etc/hosts` would have it; the table may also say that port 443
 * of a name is elsewhere, since a laboratory can seldom listen there.
 * @module
 */
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { parseLabAddress } from '@postern/contract/lab-address'
import type { UpstreamTarget } from './upstream/upstream-types.ts'

/** The table as the configuration has it: names to addresses, each perhaps with a port. */
export type HostsTable = Readonly<Record<string, string>>

const HTTPS_PORT = 443

/** Names compare without regard to case; all others are resolved as usual. */
export function hostsLookup(hosts: HostsTable): LookupFunction {
  const table = addressesByName(hosts)
  return (hostname, options, callback) => {
    const address = table.get(hostname.toLowerCase())?.address
    if (address === undefined) {
      lookup(hostname, options, callback)
      return
    }
    const family = isIP(address)
    if (options.all === true) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
}

/** The port to connect to: the target's own, but for port 443 of a name whose table entry has another. */
export function hostsPort(hosts: HostsTable): (target: UpstreamTarget) => number {
  const table = addressesByName(hosts)
  return ({ host, port }) => (port === HTTPS_PORT ? (table.get(host.toLowerCase())?.port ?? port) : port)
}

function addressesByName(hosts: HostsTable): ReadonlyMap<string, { address: string; port: number | null }> {
  return new Map(
    Object.entries(hosts).flatMap(([name, text]) => {
      const found = parseLabAddress(text) // the configuration's rules have seen to that
      return found === null ? [] : [[name.toLowerCase(), found] as const]
    }),
  )
}
