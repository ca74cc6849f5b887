/**
 * Where Core may be made to connect to by an administrator's setting: anywhere but to addresses that only lead to the
 * machine's own provider (cloud metadata) or to nobody in particular.
 * @module
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { isLoopback } from '../../config/core-config.ts'

const REFUSED = new BlockList()
REFUSED.addSubnet('0.0.0.0', 8)
REFUSED.addSubnet('169.254.0.0', 16)
REFUSED.addSubnet('224.0.0.0', 3)
REFUSED.addAddress('100.100.100.200') // metadata of one provider
REFUSED.addSubnet('192.0.0.0', 24) // metadata of another, and special purposes (RFC 6890)
REFUSED.addAddress('168.63.129.16') // a provider's host agent
REFUSED.addAddress('::', 'ipv6')
REFUSED.addSubnet('fe80::', 10, 'ipv6')
REFUSED.addSubnet('ff00::', 8, 'ipv6')
REFUSED.addAddress('fd00:ec2::254', 'ipv6')
REFUSED.addAddress('fd20:ce::254', 'ipv6')

/** Why an address is refused; null when it is not. IPv4 within IPv6 counts as IPv4. */
export function addressProblem(address: string): string | null {
  const family = isIP(address)
  if (family === 0) return null
  if (!REFUSED.check(address, family === 6 ? 'ipv6' : 'ipv4')) return null
  return `${address} is a link-local, metadata, multicast or unspecified address; name a machine`
}

/** Addresses of a host that may be connected to, in the system's order. @throws Error when there is none */
export async function allowedAddresses(host: string): Promise<readonly string[]> {
  const found = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host]
  const problems = found.map(addressProblem)
  const allowed = found.filter((_, i) => problems[i] === null)
  if (allowed.length === 0) throw new Error(problems.find((problem) => problem !== null) ?? `${host} has no address`)
  return allowed
}

/** Whether what is sent to this address stays on this machine. */
export function staysHere(address: string): boolean {
  return isLoopback(address)
}
