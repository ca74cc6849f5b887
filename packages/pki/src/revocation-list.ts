/**
 * Revocation lists as administrators upload them: read for what they say of themselves, and for who signed them.
 *
 * Document: RFC 5280 section 5.1. The same algorithms are accepted as by a Sentry, which verifies the list again.
 * @module
 */
import { verify } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import { childOf, DerError, oidOf, readDer, sequenceOf, TAG } from './der.ts'
import type { DerValue } from './der.ts'
import { readX509 } from './fingerprint.ts'
import { readPem, toPem } from './pem.ts'
import { PkiError } from './pki-error.ts'

/** Largest list that is read, in characters of PEM: what fits into a Sentry's document. */
const MAX_CRL_CHARACTERS = 262_144

/** A list that one of the given authorities has signed. Times in milliseconds since 1970. */
export interface RevocationList {
  readonly pem: string
  readonly thisUpdate: number
  /** When it should be replaced; null when it does not say. */
  readonly nextUpdate: number | null
  /** Certificates in it. */
  readonly revoked: number
}

const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

const HASHES: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
])

/**
 * Reads one list in PEM or DER that a CA of `authoritiesPem` has signed.
 * @throws PkiError CRL_CONTENT for what is no list, is too large, or nobody here signed; CERTIFICATE_MALFORMED
 */
export function readRevocationList(input: string | Uint8Array, authoritiesPem: string): RevocationList {
  const der = typeof input === 'string' ? derOf(input) : Buffer.from(input)
  const pem = toPem('X509 CRL', der)
  if (pem.length > MAX_CRL_CHARACTERS) {
    throw new PkiError('CRL_CONTENT', `over ${MAX_CRL_CHARACTERS} characters; have the authority partition it`)
  }
  try {
    const list = sequenceOf(readDer(der))
    const tbs = childOf(list, 0, TAG.sequence)
    if (!readX509(authoritiesPem).some((ca) => isSignedBy(list, tbs, ca))) {
      throw new PkiError(
        'CRL_CONTENT',
        'no CA of this trusted root signed it with SHA-256 or better; give its own list',
      )
    }
    return { pem, ...factsOf(tbs) }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new PkiError('CRL_CONTENT', 'give one whole revocation list in PEM or DER', { cause })
  }
}

function derOf(text: string): Buffer {
  const [block, ...more] = readPem(text.slice(0, MAX_CRL_CHARACTERS + 1)) ?? []
  if (block === undefined || more.length > 0 || block.label !== 'X509 CRL') {
    throw new PkiError('CRL_CONTENT', 'give one whole BEGIN X509 CRL block, or the list in DER')
  }
  return block.der
}

/** Elements behind the optional version: signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, extensions?. */
function elementsOf(tbs: DerValue): readonly DerValue[] {
  return tbs.children[0]?.tag === TAG.integer ? tbs.children.slice(1) : tbs.children
}

function isSignedBy(list: DerValue, tbs: DerValue, ca: X509Certificate): boolean {
  const issuer = elementsOf(tbs)[1]
  const hash = HASHES.get(oidOf(childOf(childOf(list, 1, TAG.sequence), 0, TAG.oid)))
  const signature = childOf(list, 2, TAG.bitString).content
  if (issuer === undefined || hash === undefined || signature[0] !== 0) return false
  if (!issuer.raw.equals(subjectOf(ca.raw))) return false
  try {
    return verify(hash, tbs.raw, ca.publicKey, signature.subarray(1))
  } catch {
    return false // a key of another kind than the algorithm
  }
}

/** The name behind the optional version, serial, algorithm, issuer and validity (RFC 5280 4.1). */
function subjectOf(certificate: Buffer): Buffer {
  const { children } = childOf(readDer(certificate), 0, TAG.sequence)
  const at = children[0]?.tag === TAG.context0 ? 5 : 4
  const subject = children[at]
  if (subject === undefined) throw new DerError('no subject')
  return subject.raw
}

function factsOf(tbs: DerValue): Omit<RevocationList, 'pem'> {
  const [, , thisUpdate, ...rest] = elementsOf(tbs)
  if (thisUpdate === undefined) throw new DerError('no thisUpdate')
  const next = rest[0] !== undefined && isTime(rest[0]) ? rest[0] : null
  const entries = rest[next === null ? 0 : 1]
  return {
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: next === null ? null : timeOf(next),
    revoked: entries?.tag === TAG.sequence ? entries.children.length : 0,
  }
}

function isTime({ tag }: DerValue): boolean {
  return tag === UTC_TIME || tag === GENERALIZED_TIME
}

function timeOf(value: DerValue): number {
  const text = value.content.toString('latin1')
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] =
    /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text) ?? []
  if (!isTime(value) || year.length !== (value.tag === UTC_TIME ? 2 : 4)) throw new DerError('no time')
  const full = year.length === 4 ? Number(year) : Number(year) + (Number(year) < 50 ? 2_000 : 1_900)
  return Date.UTC(full, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
}
