/**
 * What stands in a certificate, and the names under which Postern knows certificates and keys.
 *
 * Documents: RFC 5280; the form of a fingerprint is the contract's.
 * @module
 */
import { createHash, X509Certificate } from 'node:crypto'
import { childOf, DerError, octetsOf, oidOf, readDer, TAG } from './der.ts'
import type { DerValue } from './der.ts'
import { readPem, toPem } from './pem.ts'
import { PkiError } from './pki-error.ts'
import { spkiOf } from './public-key.ts'

/** Longest certificate file that is read, in characters. */
export const MAX_PEM_CHARACTERS = 262_144
/** Most certificates in one file. */
export const MAX_CERTIFICATES = 32

const SUBJECT_ALT_NAME = '2.5.29.17'

/** What a certificate says. Nothing in it has been verified. */
export interface CertificateFacts {
  /** Attributes as `CN=…, O=…`, control characters escaped. */
  subject: string
  issuer: string
  /** Lower-case hex without separators. */
  serial: string
  /** Milliseconds since 1970. */
  notBefore: number
  /** Milliseconds since 1970. */
  notAfter: number
  /** Lower case, as they stand in the subject alternative name. */
  dnsNames: string[]
  /** IPv4 dotted, IPv6 in eight groups of hex. */
  ipAddresses: string[]
  /** Basic constraints say that it may sign certificates. */
  isCa: boolean
  /** `rsa`, `ec`, `ed25519`, … as OpenSSL names them. */
  keyType: string
  /** Size of the modulus or of the curve; 0 when the kind has none. */
  keyBits: number
  /** `sha256`, `sha1`, `md5`, …, or `unknown`, e.g. for Ed25519. */
  signatureHash: string
  /** Object identifiers; empty without the extension. */
  extendedKeyUsage: string[]
  /** `sha256:` and hex, over the DER of the certificate. */
  fingerprint: string
  /** `sha256:` and hex, over the DER of its public key. */
  publicKeyFingerprint: string
  /** This certificate alone. */
  pem: string
}

const CURVE_BITS: ReadonlyMap<string, number> = new Map([
  ['prime256v1', 256],
  ['secp384r1', 384],
  ['secp521r1', 521],
  ['secp256k1', 256],
  ['secp224r1', 224],
  ['prime192v1', 192],
])

/** `sha256:` and lower-case hex over a certificate's DER. */
export function fingerprintOf(der: Uint8Array): string {
  return `sha256:${createHash('sha256').update(der).digest('hex')}`
}

/** `sha256:` and lower-case hex over a SubjectPublicKeyInfo; it stays the same when a certificate is renewed. */
export function publicKeyFingerprint(spkiDer: Uint8Array): string {
  return fingerprintOf(spkiDer)
}

/**
 * Reads every certificate of a PEM file, in its order; other blocks (a key beside them) are passed over.
 * @throws PkiError CERTIFICATE_TOO_LARGE over 256 KiB or 32 certificates, CERTIFICATE_MALFORMED, also when there is none
 */
export function readCertificates(pem: string): CertificateFacts[] {
  return readX509(pem).map(factsOf)
}

/** The same as Node's own objects, for verification. Same errors. */
export function readX509(pem: string): X509Certificate[] {
  if (pem.length > MAX_PEM_CHARACTERS) {
    throw new PkiError('CERTIFICATE_TOO_LARGE', `over ${MAX_PEM_CHARACTERS} characters; give only the chain`)
  }
  const blocks = readPem(pem)?.filter(({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE')
  if (blocks === undefined || blocks.length === 0) {
    throw new PkiError('CERTIFICATE_MALFORMED', 'give PEM with whole BEGIN CERTIFICATE blocks')
  }
  if (blocks.length > MAX_CERTIFICATES) {
    throw new PkiError('CERTIFICATE_TOO_LARGE', `over ${MAX_CERTIFICATES} certificates; give only the chain`)
  }
  return blocks.map(({ der }, index) => readCertificate(der, index + 1))
}

/** Facts of one certificate. Throws as `readCertificates` does. */
export function factsOf(certificate: X509Certificate): CertificateFacts {
  const { publicKey, raw } = certificate
  const { modulusLength, namedCurve = '' } = publicKey.asymmetricKeyDetails ?? {}
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    ...alternativeNames(raw),
    isCa: certificate.ca,
    keyType: publicKey.asymmetricKeyType ?? 'unknown',
    keyBits: modulusLength ?? CURVE_BITS.get(namedCurve) ?? 0,
    signatureHash: hashIn(certificate.signatureAlgorithm),
    // The typings leave out that there is no list without the extension.
    extendedKeyUsage: [...((certificate.keyUsage as string[] | undefined) ?? [])],
    fingerprint: fingerprintOf(raw),
    publicKeyFingerprint: publicKeyFingerprint(spkiOf(publicKey)),
    pem: toPem('CERTIFICATE', raw),
  }
}

function readCertificate(der: Buffer, position: number): X509Certificate {
  try {
    readDer(der) // OpenSSL passes over bytes behind the certificate, which would change its fingerprint.
    const certificate = new X509Certificate(der)
    spkiOf(certificate.publicKey)
    return certificate
  } catch (cause) {
    throw new PkiError('CERTIFICATE_MALFORMED', `certificate ${position} of the file; export it again`, { cause })
  }
}

function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ')
}

function hashIn(signatureAlgorithm: string | undefined): string {
  return /(md5|sha1|sha224|sha256|sha384|sha512)/i.exec(signatureAlgorithm ?? '')?.[1]?.toLowerCase() ?? 'unknown'
}

function alternativeNames(certificateDer: Buffer): { dnsNames: string[]; ipAddresses: string[] } {
  try {
    const names = subjectAltName(readDer(certificateDer))
    return {
      dnsNames: names
        .filter(({ tag }) => tag === TAG.dnsName)
        .map((name) => name.content.toString('latin1').toLowerCase()),
      ipAddresses: names.filter(({ tag }) => tag === TAG.ipAddress).map((name) => addressText(name.content)),
    }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new PkiError('CERTIFICATE_MALFORMED', 'its alternative names; have it issued again', { cause })
  }
}

function subjectAltName(certificate: DerValue): DerValue[] {
  const tbs = childOf(certificate, 0, TAG.sequence)
  const extensions = tbs.children.find(({ tag }) => tag === TAG.context3)
  if (extensions === undefined) return []
  for (const extension of childOf(extensions, 0, TAG.sequence).children) {
    if (oidOf(childOf(extension, 0, TAG.oid)) !== SUBJECT_ALT_NAME) continue
    const value = extension.children.at(-1)
    return value?.tag === TAG.octetString ? readDer(octetsOf(value)).children : []
  }
  return []
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.')
  if (bytes.length !== 16) throw new DerError('an IP address of neither 4 nor 16 bytes')
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':')
}
