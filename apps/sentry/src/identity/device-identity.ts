/**
 * Who is at the other end of a connection: read once from its certificate, judged again for every request.
 * @module
 */
import { createHash, X509Certificate } from 'node:crypto'
import type { CertificateFinding } from '../decision/decide.ts'
import type { Reason } from '../decision/reasons.ts'
import { type CertificateNames, readCertificateNames } from './names.ts'
import { type DeviceTrust, isIssuedByTrusted } from './trust.ts'

/** A certificate as shown. `chain`: what the handshake said of its path; null when it was good. */
export interface ShownCertificate {
  readonly der: Uint8Array
  readonly chain: Reason | null
  /** The path ended at a certificate without its issuer: no root is known, as where only the issuing CA is trusted. */
  readonly rootless: boolean
}

/** What a connection's certificate is, apart from time and revocation. */
export interface DeviceIdentity {
  readonly fingerprint: string
  readonly chain: Reason | null
  readonly names: CertificateNames | null
  readonly refused: Reason | null
}

/** `sha256:` and the lower-case hex of SHA-256 over the DER. */
export function fingerprintOf(der: Uint8Array): string {
  return `sha256:${createHash('sha256').update(der).digest('hex')}`
}

/**
 * The identity behind a handshake. Where the path had no root, the leaf must be issued by a CA of the configuration
 * itself: naming the issuing CA alone is good practice, and phones choose their identity by that list (6.1).
 */
export function identify(shown: ShownCertificate, trust: DeviceTrust, now: number): DeviceIdentity {
  if (!shown.rootless) return readIdentity(shown)
  try {
    const issued = isIssuedByTrusted(new X509Certificate(shown.der), trust, now)
    return readIdentity(issued ? { ...shown, chain: null } : shown)
  } catch {
    return readIdentity(shown)
  }
}

/** Reads a certificate once. Never throws. */
export function readIdentity(shown: Pick<ShownCertificate, 'der' | 'chain'>): DeviceIdentity {
  const names = readCertificateNames(shown.der)
  const fingerprint = fingerprintOf(shown.der)
  if ('refused' in names) return { fingerprint, chain: shown.chain, names: null, refused: names.refused }
  return { fingerprint, chain: shown.chain, names, refused: null }
}

/** What the certificate is worth now: period and revocation change while a connection lives (A28). */
export function judgeIdentity(identity: DeviceIdentity | null, trust: DeviceTrust, now: number): CertificateFinding {
  if (identity === null) return { state: 'absent' }
  const reason = refusalOf(identity, trust, now)
  if (reason !== null) return { state: 'refused', reason, fingerprint: identity.fingerprint }
  const { names } = identity
  return {
    state: 'good',
    fingerprint: identity.fingerprint,
    upn: names?.upn ?? null,
    deviceUri: names?.deviceUri ?? null,
  }
}

function refusalOf(identity: DeviceIdentity, trust: DeviceTrust, now: number): Reason | null {
  const { names } = identity
  if (identity.chain !== null) return identity.chain
  if (names === null) return identity.refused ?? 'CERTIFICATE_NAMES'
  if (now < names.notBefore) return 'CERTIFICATE_NOT_YET_VALID'
  if (now > names.notAfter) return 'CERTIFICATE_EXPIRED'
  return trust.revoked.get(names.issuerHex)?.has(names.serialHex) === true ? 'CERTIFICATE_REVOKED' : null
}

/** OpenSSL's words for a path that failed; all else is CERTIFICATE_UNTRUSTED. */
const CHAIN_REASONS = new Map<string, Reason>([
  ['CERT_HAS_EXPIRED', 'CERTIFICATE_EXPIRED'],
  ['CERT_NOT_YET_VALID', 'CERTIFICATE_NOT_YET_VALID'],
  ['INVALID_PURPOSE', 'CERTIFICATE_USAGE'],
  ['CERT_REVOKED', 'CERTIFICATE_REVOKED'],
])

/** OpenSSL's words for a path whose last issuer is not at hand. */
const ROOTLESS = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Whether a path failed only for want of its root. */
export function isRootless(authorized: boolean, error: string | null): boolean {
  return !authorized && ROOTLESS.has(error ?? '')
}

/** Null when the handshake accepted the path. */
export function chainReason(authorized: boolean, error: string | null): Reason | null {
  if (authorized) return null
  return CHAIN_REASONS.get(error ?? '') ?? 'CERTIFICATE_UNTRUSTED'
}

/**
 * The certificate that a balancer hands on in `Client-Cert` (RFC 9440, 2.2): one structured-field byte sequence.
 * Null when the value is none, its base64 is not canonical, or bytes follow the certificate.
 */
export function readClientCertHeader(value: string, trust: DeviceTrust, now: number): DeviceIdentity | null {
  if (value.length < 4 || value.length > 16_384 || !value.startsWith(':') || !value.endsWith(':')) return null
  const text = value.slice(1, -1)
  const der = Buffer.from(text, 'base64')
  if (der.toString('base64') !== text) return null
  try {
    const leaf = new X509Certificate(der)
    if (!leaf.raw.equals(der)) return null
    return readIdentity({ der, chain: isIssuedByTrusted(leaf, trust, now) ? null : 'CERTIFICATE_UNTRUSTED' })
  } catch {
    return null
  }
}
