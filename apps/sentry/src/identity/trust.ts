/**
 * Whom we trust to name devices: the CAs of the configuration and their revocation lists.
 * @module
 */
import { verify, X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { Certificate, CertificateList } from '@peculiar/asn1-x509'
import { hexSerial } from './names.ts'

/** Revoked serials by issuer (hex of its DER name), and the CAs themselves. */
export interface DeviceTrust {
  readonly caPem: readonly string[]
  readonly cas: readonly X509Certificate[]
  readonly revoked: ReadonlyMap<string, ReadonlySet<string>>
  /** When each revocation list should have been replaced, by file name; ms since 1970. It counts on all the same. */
  readonly listsDue: ReadonlyMap<string, number>
}

/** Thrown when a CA or list of the configuration is unusable; `message` names the file and the rule. */
export class TrustError extends Error {
  override name = 'TrustError'
}

/** A PEM file as read. */
export interface PemFile {
  readonly name: string
  readonly pem: string
}

/** @throws TrustError for a file without a CA, or a list that no configured CA has signed. */
export function readDeviceTrust(caFiles: readonly PemFile[], crlFiles: readonly PemFile[]): DeviceTrust {
  const caPem = caFiles.flatMap((file) => {
    const found = pemBlocks(file.pem, 'CERTIFICATE')
    if (found.length === 0) throw new TrustError(`${file.name} holds no PEM certificate`)
    return found
  })
  const cas = caFiles.flatMap((file) => pemBlocks(file.pem, 'CERTIFICATE').map((pem) => readCa(file.name, pem)))
  for (const ca of cas) {
    if (!ca.ca)
      throw new TrustError(`${ca.subject.replaceAll('\n', ', ')} is no CA certificate; deviceCaFiles names CAs only`)
  }
  const listsDue = new Map<string, number>()
  return { caPem, cas, revoked: readRevoked(crlFiles, cas, listsDue), listsDue }
}

function readCa(name: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new TrustError(`${name} holds a certificate that cannot be read`, { cause: error })
  }
}

function readRevoked(
  files: readonly PemFile[],
  cas: readonly X509Certificate[],
  due: Map<string, number>,
): Map<string, Set<string>> {
  const revoked = new Map<string, Set<string>>()
  for (const file of files) {
    const blocks = pemBlocks(file.pem, 'X509 CRL')
    if (blocks.length === 0) throw new TrustError(`${file.name} holds no PEM revocation list`)
    for (const block of blocks) {
      const nextUpdate = readList(file.name, derOfPem(block), cas, revoked)
      if (nextUpdate !== null) due.set(file.name, nextUpdate)
    }
  }
  return revoked
}

function readList(
  name: string,
  der: Uint8Array<ArrayBuffer>,
  cas: readonly X509Certificate[],
  into: Map<string, Set<string>>,
): number | null {
  const list = parseList(name, der)
  const issuer = hexOf(AsnConvert.serialize(list.tbsCertList.issuer))
  const signer = cas.find((ca) => subjectHex(ca) === issuer && isSignedBy(list, ca))
  if (signer === undefined) throw new TrustError(`${name} is not signed by a CA of deviceCaFiles`)
  const serials = into.get(issuer) ?? new Set<string>()
  for (const entry of list.tbsCertList.revokedCertificates ?? []) serials.add(hexSerial(entry.userCertificate))
  into.set(issuer, serials)
  return list.tbsCertList.nextUpdate?.getTime().getTime() ?? null
}

function parseList(name: string, der: Uint8Array<ArrayBuffer>): CertificateList {
  try {
    return AsnConvert.parse(der, CertificateList)
  } catch (error) {
    throw new TrustError(`${name} holds a revocation list that cannot be read`, { cause: error })
  }
}

function subjectHex(ca: X509Certificate): string {
  return hexOf(AsnConvert.serialize(AsnConvert.parse(ca.raw, Certificate).tbsCertificate.subject))
}

/** Signature algorithms of lists (RFC 4055, 5758, 8410); SHA-1 is not among them. */
const HASH_BY_SIGNATURE = new Map<string, string | null>([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
])

function isSignedBy(list: CertificateList, ca: X509Certificate): boolean {
  const hash = HASH_BY_SIGNATURE.get(list.signatureAlgorithm.algorithm)
  const signed = list.tbsCertListRaw
  if (hash === undefined || signed === undefined) return false
  return verify(hash, Buffer.from(signed), ca.publicKey, Buffer.from(list.signature))
}

/** A leaf that came in a header instead of a handshake: issued by one of our CAs, which is within its period (6.4). */
export function isIssuedByTrusted(leaf: X509Certificate, trust: DeviceTrust, now: number): boolean {
  return trust.cas.some(
    (ca) =>
      leaf.checkIssued(ca) &&
      leaf.verify(ca.publicKey) &&
      ca.validFromDate.getTime() <= now &&
      now <= ca.validToDate.getTime(),
  )
}

function pemBlocks(text: string, label: string): string[] {
  const begin = `-----BEGIN ${label}-----`
  const end = `-----END ${label}-----`
  const blocks: string[] = []
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at + 1)) {
    const stop = text.indexOf(end, at)
    if (stop < 0) break
    blocks.push(`${text.slice(at, stop + end.length)}\n`)
  }
  return blocks
}

function derOfPem(block: string): Uint8Array<ArrayBuffer> {
  const lines = block.split('\n').filter((line) => !line.startsWith('-----'))
  return new Uint8Array(Buffer.from(lines.join(''), 'base64'))
}

function hexOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('hex')
}
