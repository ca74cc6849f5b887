/**
 * Name resolution for redirect targets: resolves once, checks every address, and hands over only those. The socket
 * connects to what was checked, so a name cannot change its address in between (A21).
 * @module
 */
import { lookup as systemLookup } from 'node:dns'
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { addressAllowed } from './addresses.ts'
import { isExactlyListed } from './redirect.ts'
import type { RedirectRules } from './redirect.ts'

/** The error that a connection attempt then fails with; `code` is ERR_ADDRESS_REFUSED. */
class AddressRefusedError extends Error {
  override name = 'AddressRefusedError'
  readonly code = 'ERR_ADDRESS_REFUSED'
}

/**
 * One refused address among several refuses the name: whoever answers so is trying.
 * @param rules as `redirectTarget` has them
 * @param resolve a laboratory's resolver, or null for the system's
 */
export function createPinnedLookup(rules: RedirectRules, resolve: LookupFunction | null): LookupFunction {
  const lookup = resolve ?? systemLookup
  return (hostname, options, callback) => {
    const exemption = {
      exactlyListed: isExactlyListed(hostname, rules.redirectHosts),
      labMapped: rules.labHosts.has(hostname.toLowerCase()),
    }
    const onResolved = (
      error: NodeJS.ErrnoException | null,
      found: string | LookupAddress[],
      family?: number,
    ): void => {
      if (error !== null) return callback(error, [])
      const addresses = typeof found === 'string' ? [{ address: found, family: family ?? 0 }] : found
      const [first] = addresses
      if (first === undefined || !addresses.every(({ address }) => addressAllowed(address, exemption)))
        return callback(new AddressRefusedError('the name leads to an address that no redirect may lead to'), [])
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    }
    lookup(hostname, { ...options, all: true }, onResolved)
  }
}
