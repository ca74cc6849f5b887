/**
 * What a device certificate says of itself: names, usage, period. Parsing is a library's; the rules are ours (6.3).
 * @module
 */
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate,
  DirectoryString,
  ExtendedKeyUsage,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509'
import type { Reason } from '../decision/reasons.ts'

const SUBJECT_ALT_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const UPN = '1.3.6.1.4.1.311.20.2.3'
/** Longer names are nobody's. Characters. */
const MAX_NAME = 1_024

/** Names of a certificate fit to be a device's. `serialHex` is lower-case without leading zeros; times in ms. */
export interface CertificateNames {
  readonly upn: string | null
  readonly deviceUri: string | null
  readonly serialHex: string
  readonly issuerHex: string
  readonly notBefore: number
  readonly notAfter: number
}

/** The names, or why this certificate is no device identity. Never throws: what cannot be read is CERTIFICATE_NAMES. */
export function readCertificateNames(der: Uint8Array): CertificateNames | { readonly refused: Reason } {
  try {
    return namesOf(AsnConvert.parse(der, Certificate))
  } catch {
    return { refused: 'CERTIFICATE_NAMES' }
  }
}

function namesOf(certificate: Certificate): CertificateNames | { readonly refused: Reason } {
  const { tbsCertificate } = certificate
  const extensions = new Map<string, ArrayBuffer>()
  for (const { extnID, extnValue } of tbsCertificate.extensions ?? []) {
    if (extensions.has(extnID)) return { refused: 'CERTIFICATE_NAMES' } // RFC 5280, 4.2: one of each
    extensions.set(extnID, extnValue.buffer)
  }
  const constraints = extensions.get(BASIC_CONSTRAINTS)
  if (constraints !== undefined && AsnConvert.parse(constraints, BasicConstraints).cA)
    return { refused: 'CERTIFICATE_IS_CA' }
  const usage = extensions.get(EXTENDED_KEY_USAGE)
  if (usage === undefined || !AsnConvert.parse(usage, ExtendedKeyUsage).includes(CLIENT_AUTH)) {
    return { refused: 'CERTIFICATE_USAGE' }
  }
  const alternative = extensions.get(SUBJECT_ALT_NAME)
  const { upns, uris, clean } = alternativeNames(alternative)
  if (!clean || upns.length > 1 || uris.length > 1) return { refused: 'CERTIFICATE_NAMES' }
  return {
    upn: upns[0] ?? null,
    deviceUri: uris[0] ?? null,
    serialHex: hexSerial(tbsCertificate.serialNumber),
    issuerHex: Buffer.from(AsnConvert.serialize(tbsCertificate.issuer)).toString('hex'),
    notBefore: tbsCertificate.validity.notBefore.getTime().getTime(),
    notAfter: tbsCertificate.validity.notAfter.getTime().getTime(),
  }
}

function alternativeNames(der: ArrayBuffer | undefined): { upns: string[]; uris: string[]; clean: boolean } {
  const upns: string[] = []
  const uris: string[] = []
  const others: string[] = []
  if (der === undefined) return { upns, uris, clean: true }
  for (const name of AsnConvert.parse(der, SubjectAlternativeName)) {
    if (name.otherName?.typeId === UPN) upns.push(AsnConvert.parse(name.otherName.value, DirectoryString).toString())
    if (name.uniformResourceIdentifier !== undefined) uris.push(name.uniformResourceIdentifier)
    if (name.rfc822Name !== undefined) others.push(name.rfc822Name)
    if (name.dNSName !== undefined) others.push(name.dNSName)
  }
  return { upns, uris, clean: [...upns, ...uris, ...others].every(isClean) }
}

// A NUL or line end inside a name makes two programs read two names (6.3).
function isClean(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME) return false
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit < 0x20 || unit === 0x7f) return false
  }
  return true
}

/** Serial numbers compare as numbers: lower-case hex without leading zeros. */
export function hexSerial(serial: ArrayBuffer): string {
  return Buffer.from(serial)
    .toString('hex')
    .replace(/^0+(?=.)/, '')
}
