/**
 * What is wrong with a server certificate before phones find out.
 *
 * Documents: product research 2.7 (checks at upload); Apple, "Requirements for trusted certificates in iOS 13 and macOS
 * 10.15" and "About upcoming limits on trusted certificates". A private root is as good as a public one here.
 * @module
 */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { findLeaf, isSelfSigned, orderCertificates } from './certificate-path.ts'
import { factsOf, readX509 } from './fingerprint.ts'
import type { CertificateFacts } from './fingerprint.ts'
import { isIpAddress } from './ip-address.ts'
import { toPem } from './pem.ts'
import { PkiError } from './pki-error.ts'
import { readPrivateKey } from './public-key.ts'

/** `error`: phones refuse the server. `warning`: some may, or will. */
const FINDINGS = {
  CHAIN_UNREADABLE: 'error',
  KEY_UNREADABLE: 'error',
  KEY_MISMATCH: 'error',
  NO_CA_IN_FILE: 'error',
  NO_CHAIN: 'error',
  SELF_SIGNED: 'error',
  ISSUER_NOT_CA: 'error',
  LEAF_IS_CA: 'error',
  NO_ROOT: 'warning',
  ROOT_MISMATCH: 'warning',
  CHAIN_EXTRA: 'warning',
  CHAIN_ORDER: 'warning',
  NOT_YET_VALID: 'error',
  EXPIRED: 'error',
  EXPIRES_SOON: 'warning',
  NAME_NOT_COVERED: 'error',
  SAN_MISSING: 'error',
  KEY_WEAK: 'error',
  SIGNATURE_WEAK: 'error',
  EKU_MISSING: 'error',
  VALIDITY_TOO_LONG: 'error',
  VALIDITY_TOO_LONG_IF_PUBLIC: 'warning',
} as const

/** What can be found. */
export type FindingCode = keyof typeof FINDINGS

/** One thing that is wrong, for a person: what, and what to do. */
export interface Finding {
  severity: 'error' | 'warning'
  code: FindingCode
  message: string
}

/** A certificate file with its key. */
export interface ServerCertificate {
  /** The server's certificate and those above it. */
  chainPem: string
  privateKeyPem: string
  /** Host names and IP addresses that phones use; each must be covered. */
  names: readonly string[]
  /** Milliseconds since 1970. */
  now: number
}

/** From this many days before its end a certificate is reported. */
const RENEWAL_WARNING_DAYS = 30
const DAY_MS = 86_400_000
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const STRONG_HASHES = new Set(['sha256', 'sha384', 'sha512'])
/** Apple's limits, for certificates issued from these days on. */
const EKU_REQUIRED_FROM = Date.UTC(2019, 6, 1)
const LONGEST = { days: 825, from: Date.UTC(2019, 6, 1) } as const
const LONGEST_PUBLIC = { days: 398, from: Date.UTC(2020, 8, 1) } as const

/** Every finding, errors first; none for a certificate that phones accept once they trust its root. Never throws. */
export function checkServerCertificate(input: ServerCertificate): Finding[] {
  const read = readBoth(input)
  if ('findings' in read) return read.findings
  const { certificates, key } = read
  const own = certificates.find((certificate) => certificate.checkPrivateKey(key))
  const leaf = own ?? findLeaf(certificates)
  const facts = factsOf(leaf)
  const findings = [
    ...(own === undefined
      ? [finding('KEY_MISMATCH', 'the key belongs to no certificate of the file; give its key')]
      : []),
    ...checkPath(certificates, leaf),
    ...checkDates(certificates, leaf, input.now),
    ...checkNames(leaf, facts, input.names),
    ...checkAppleRules(facts),
  ]
  return findings.sort((a, b) => a.severity.localeCompare(b.severity))
}

/**
 * Sorts certificates: the leaf first, then its issuers up to the root, then what does not belong. Repetitions are left out.
 * @throws PkiError CERTIFICATE_MALFORMED, CERTIFICATE_TOO_LARGE
 */
export function orderChain(pems: readonly string[]): string[] {
  const certificates = nonEmpty(readX509(pems.join('\n')))
  return orderCertificates(certificates, findLeaf(certificates)).all.map(({ raw }) => toPem('CERTIFICATE', raw))
}

type Certificates = [X509Certificate, ...X509Certificate[]]

function readBoth(input: ServerCertificate): { findings: Finding[] } | { certificates: Certificates; key: KeyObject } {
  try {
    const certificates = nonEmpty(readX509(input.chainPem))
    certificates.forEach(factsOf)
    return { certificates, key: readPrivateKey(input.privateKeyPem) }
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    return {
      findings: [finding(error.code === 'KEY_MALFORMED' ? 'KEY_UNREADABLE' : 'CHAIN_UNREADABLE', error.message)],
    }
  }
}

function checkPath(certificates: Certificates, leaf: X509Certificate): Finding[] {
  if (isSelfSigned(leaf)) {
    return [finding('SELF_SIGNED', 'the certificate is signed by itself and has no chain to a CA; have a CA issue one')]
  }
  const { path, rest } = orderCertificates(certificates, leaf)
  const findings: Finding[] = []
  if (leaf.ca)
    findings.push(finding('LEAF_IS_CA', 'the certificate of the key is a CA; have a server certificate issued'))
  if (path.length === 1) {
    findings.push(
      certificates.some(({ ca }) => ca)
        ? finding('NO_CHAIN', 'no CA in the file signed the certificate; add the one that did')
        : finding('NO_CA_IN_FILE', 'the file holds no CA; add the intermediate certificates and the root'),
    )
  }
  for (const issuer of path.slice(1).filter(({ ca }) => !ca)) {
    findings.push(finding('ISSUER_NOT_CA', `${subjectOf(issuer)} signed a certificate but is no CA; replace the chain`))
  }
  return [...findings, ...checkRoot(path, rest), ...checkOrder(certificates, path)]
}

function checkRoot(path: Certificates, rest: readonly X509Certificate[]): Finding[] {
  const complete = isSelfSigned(path[path.length - 1] ?? path[0])
  const strangeRoot = rest.find(isSelfSigned)
  if (!complete && strangeRoot !== undefined) {
    const root = subjectOf(strangeRoot)
    return [finding('ROOT_MISMATCH', `the root ${root} did not sign the chain; add the root that did`)]
  }
  const missing = complete
    ? []
    : [finding('NO_ROOT', 'the file holds no root CA; add it, so that phones can be given it')]
  const extra = rest.map((other) =>
    finding('CHAIN_EXTRA', `${subjectOf(other)} is not part of the chain; leave it out`),
  )
  return [...missing, ...extra]
}

function checkOrder(certificates: Certificates, path: Certificates): Finding[] {
  const positions = path.map(({ fingerprint256 }) =>
    certificates.findIndex((given) => given.fingerprint256 === fingerprint256),
  )
  const sorted = positions.every((position, index) => position > (positions[index - 1] ?? -1))
  return sorted && positions[0] === 0
    ? []
    : [finding('CHAIN_ORDER', 'the certificates stand in another order than they sign; they are sent in the right one')]
}

function checkDates(certificates: Certificates, leaf: X509Certificate, now: number): Finding[] {
  return orderCertificates(certificates, leaf).path.flatMap((certificate) => {
    const { notBefore, notAfter, subject } = factsOf(certificate)
    const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
    if (now < notBefore)
      return [finding('NOT_YET_VALID', `${subject} is valid from ${day(notBefore)}; wait or replace it`)]
    if (now > notAfter) return [finding('EXPIRED', `${subject} ended on ${day(notAfter)}; replace it`)]
    if (notAfter - now > RENEWAL_WARNING_DAYS * DAY_MS) return []
    return [finding('EXPIRES_SOON', `${subject} ends on ${day(notAfter)}; have it renewed`)]
  })
}

function checkNames(leaf: X509Certificate, facts: CertificateFacts, names: readonly string[]): Finding[] {
  if (facts.dnsNames.length + facts.ipAddresses.length === 0) {
    return [
      finding('SAN_MISSING', 'no name in the subject alternative name; phones ignore the CN. Have it issued with one'),
    ]
  }
  return names
    .filter((name) => !covers(leaf, name))
    .map((name) => finding('NAME_NOT_COVERED', `${JSON.stringify(name)} is not in it; have it issued with that name`))
}

function covers(leaf: X509Certificate, name: string): boolean {
  if (isIpAddress(name)) return leaf.checkIP(name) !== undefined
  // OpenSSL reads a leading dot as "any host below".
  if (name === '' || name.startsWith('.') || name.includes('\0')) return false
  return leaf.checkHost(name, { subject: 'never', partialWildcards: false, multiLabelWildcards: false }) !== undefined
}

function checkAppleRules(facts: CertificateFacts): Finding[] {
  const findings: Finding[] = []
  const { keyType, keyBits, signatureHash, notBefore, notAfter } = facts
  const strong = (keyType === 'rsa' && keyBits >= 2_048) || (keyType === 'ec' && keyBits >= 256)
  if (!strong) {
    findings.push(
      finding('KEY_WEAK', `its key is ${keyType} with ${keyBits} bits; use RSA from 2048 or EC from 256 bits`),
    )
  }
  if (!STRONG_HASHES.has(signatureHash)) {
    findings.push(
      finding('SIGNATURE_WEAK', `it is signed with ${signatureHash}; have it issued with SHA-256 or better`),
    )
  }
  if (notBefore >= EKU_REQUIRED_FROM && !facts.extendedKeyUsage.includes(SERVER_AUTH)) {
    findings.push(finding('EKU_MISSING', 'its extended key usage lacks serverAuth; have it issued for TLS servers'))
  }
  const days = (notAfter - notBefore) / DAY_MS
  if (notBefore >= LONGEST.from && days > LONGEST.days) {
    findings.push(finding('VALIDITY_TOO_LONG', `it is valid for over ${LONGEST.days} days; have it issued for less`))
  } else if (notBefore >= LONGEST_PUBLIC.from && days > LONGEST_PUBLIC.days) {
    const rule = `it is valid for over ${LONGEST_PUBLIC.days} days, which Apple refuses if its CA is a public one`
    findings.push(finding('VALIDITY_TOO_LONG_IF_PUBLIC', `${rule}; have it issued for less, or use a private CA`))
  }
  return findings
}

function finding(code: FindingCode, message: string): Finding {
  return { severity: FINDINGS[code], code, message }
}

function subjectOf(certificate: X509Certificate): string {
  return factsOf(certificate).subject
}

function nonEmpty(certificates: X509Certificate[]): Certificates {
  const [first, ...others] = certificates
  if (first === undefined) throw new PkiError('CERTIFICATE_MALFORMED', 'give at least one certificate')
  return [first, ...others]
}
