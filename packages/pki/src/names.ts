/**
 * Names that may stand in what Postern issues or asks for.
 *
 * Documents: RFC 5280 4.1.2.4 and 4.2.1.6, RFC 1123 2.1 (host names), RFC 6125 6.4.3 (wildcards).
 * @module
 */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { isIpAddress } from './ip-address.ts'
import { PkiError } from './pki-error.ts'

/** Most alternative names in one certificate. */
export const MAX_NAMES = 100

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const HOST = new RegExp(`^(?:\\*\\.(?=[^.]+\\.))?${LABEL}(?:\\.${LABEL})*$`)
/** RFC 5280 appendix A, ub-common-name and ub-organizational-unit-name. */
const MAX_ATTRIBUTE_CHARACTERS = 64

/**
 * DNS names in lower case, a leading `*.` allowed above two labels; international names in their `xn--` form.
 * @throws PkiError ISSUE_NAME
 */
export function acceptDnsNames(names: readonly string[]): string[] {
  if (names.length > MAX_NAMES) throw new PkiError('ISSUE_NAME', `dnsNames; give at most ${MAX_NAMES}`)
  return names.map((name, index) => {
    const host = name.toLowerCase()
    if (host.length > 253 || !HOST.test(host) || isIpAddress(host)) {
      throw new PkiError('ISSUE_NAME', `dnsNames[${index}]; give a host name such as mail.example.com or *.example.com`)
    }
    return host
  })
}

/**
 * IPv4 and IPv6 addresses without a zone.
 * @throws PkiError ISSUE_NAME
 */
export function acceptIpAddresses(addresses: readonly string[]): string[] {
  if (addresses.length > MAX_NAMES) throw new PkiError('ISSUE_NAME', `ipAddresses; give at most ${MAX_NAMES}`)
  return addresses.map((address, index) => {
    if (!isIpAddress(address)) {
      throw new PkiError('ISSUE_NAME', `ipAddresses[${index}]; give an IPv4 or IPv6 address`)
    }
    return address
  })
}

/**
 * The attribute CN of a subject, from text.
 * @throws PkiError ISSUE_NAME
 */
export function commonName(text: string): x509.JsonNameParams[number] {
  return { CN: [{ utf8String: acceptAttribute('commonName', text) }] }
}

/**
 * The attribute OU of a subject, from text.
 * @throws PkiError ISSUE_NAME
 */
export function organizationalUnit(text: string): x509.JsonNameParams[number] {
  return { OU: [{ utf8String: acceptAttribute('name', text) }] }
}

/** The extension with these names; none when there are none. */
export function alternativeNames(names: {
  dnsNames?: readonly string[]
  ipAddresses?: readonly string[]
  uris?: readonly string[]
}): x509.Extension[] {
  const all: x509.JsonGeneralName[] = [
    ...(names.dnsNames ?? []).map((value) => ({ type: x509.DNS, value }) as const),
    ...(names.ipAddresses ?? []).map((value) => ({ type: x509.IP, value }) as const),
    ...(names.uris ?? []).map((value) => ({ type: x509.URL, value }) as const),
  ]
  return all.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(all)]
}

/** Callers pass it as `utf8String`: as plain text the library reads a value that begins with # as hex. */
function acceptAttribute(field: string, text: string): string {
  if (text.trim() === '' || [...text].length > MAX_ATTRIBUTE_CHARACTERS || /[\p{Cc}\p{Cs}]/u.test(text)) {
    throw new PkiError('ISSUE_NAME', `${field}; 1 to ${MAX_ATTRIBUTE_CHARACTERS} characters, no control characters`)
  }
  return text
}
