/**
 * Whether text is an IP address, without the network module.
 *
 * Documents: RFC 3986 3.2.2 (dotted IPv4, no leading zeros), RFC 4291 2.2 (IPv6, here without a zone).
 * @module
 */

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)
const IPV6_CHARACTERS = /^[0-9a-f:.]{2,45}$/i

/** An IPv4 or IPv6 address. The platform's URL parser judges IPv6. */
export function isIpAddress(text: string): boolean {
  return IPV4.test(text) || (IPV6_CHARACTERS.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`))
}
