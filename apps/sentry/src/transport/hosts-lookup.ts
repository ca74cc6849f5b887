/**
 * Name resolution with a laboratory's table in front, as `/etc/hosts` would have it.
 * @module
 */
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

/** Names compare without regard to case; all others are resolved as usual. */
export function hostsLookup(hosts: Readonly<Record<string, string>>): LookupFunction {
  const table = new Map(Object.entries(hosts).map(([name, address]) => [name.toLowerCase(), address]))
  return (hostname, options, callback) => {
    const address = table.get(hostname.toLowerCase())
    if (address === undefined) {
      lookup(hostname, options, callback)
      return
    }
    const family = isIP(address)
    if (options.all === true) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
}
