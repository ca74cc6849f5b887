/**
 * Which addresses a redirect may lead to (A21): public unicast ones. Everything that is a door to our own network, to
 * this machine or to a cloud's metadata service is not.
 *
 * Documents: the IANA special-purpose address registries (RFC 6890 and its updates). Pure.
 * @module
 */
import { BlockList, isIP } from 'node:net'

type Row = readonly [network: string, prefix: number, what: string]

const REFUSED_IPV4: readonly Row[] = [
  ['0.0.0.0', 8, 'this network'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'shared by a carrier'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local, cloud metadata'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'protocol assignments'],
  ['192.0.2.0', 24, 'documentation'],
  ['192.88.99.0', 24, '6to4 relays'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'benchmarks'],
  ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved, broadcast'],
]

/** Global unicast; with it loopback, mapped IPv4, NAT64, unique local, link-local and multicast are out. */
const GLOBAL_IPV6: Row = ['2000::', 3, 'global unicast']

const REFUSED_IPV6: readonly Row[] = [
  ['2001::', 23, 'protocol assignments, Teredo'],
  ['2001:db8::', 32, 'documentation'],
  ['2002::', 16, '6to4: an IPv4 address inside'],
  ['3fff::', 20, 'documentation'],
]

const refusedIpv4 = new BlockList()
for (const [network, prefix] of REFUSED_IPV4) refusedIpv4.addSubnet(network, prefix, 'ipv4')
const globalIpv6 = new BlockList()
globalIpv6.addSubnet(GLOBAL_IPV6[0], GLOBAL_IPV6[1], 'ipv6')
const refusedIpv6 = new BlockList()
for (const [network, prefix] of REFUSED_IPV6) refusedIpv6.addSubnet(network, prefix, 'ipv6')

/** Why an address may be anything: an administrator wrote the exact name, or a laboratory maps it. */
export interface AddressExemption {
  readonly exactlyListed: boolean
  readonly labMapped: boolean
}

/** @param address text as a resolver gives it; what is no address is refused, exempt or not */
export function addressAllowed(address: string, { exactlyListed, labMapped }: AddressExemption): boolean {
  const family = isIP(address)
  if (family === 0) return false
  return exactlyListed || labMapped || isPublic(address, family)
}

function isPublic(address: string, family: number): boolean {
  if (family === 4) return !refusedIpv4.check(address, 'ipv4')
  if (address.includes('%')) return false // a zone belongs to an interface of this machine
  return globalIpv6.check(address, 'ipv6') && !refusedIpv6.check(address, 'ipv6')
}
