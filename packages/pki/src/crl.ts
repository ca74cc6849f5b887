/**
 * Revocation lists.
 *
 * Document: RFC 5280 section 5. A Sentry does not wait for a list (Core's feed carries revocations); it is for others.
 * @module
 */
import { verify } from 'node:crypto'
import { derOf, integerDer, oidDer, timeDer, unsignedDer } from './der-writer.ts'
import { toPem } from './pem.ts'
import { PkiError } from './pki-error.ts'
import type { Signer } from './signer.ts'

/** Most entries of a list, which then has some 4 MB. */
export const MAX_REVOKED = 100_000

/** RFC 5280 5.3.1; the codes that apply to a full list of end certificates. */
const REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
} as const

/** Why a certificate was revoked. */
export type CrlReason = keyof typeof REASONS

/** One entry of a list. */
export interface RevokedCertificate {
  /** Hex. */
  serial: string
  /** Milliseconds since 1970. */
  at: number
  reason: CrlReason
}

/** A list. Times in milliseconds since 1970. */
export interface CrlRequest {
  revoked: readonly RevokedCertificate[]
  /** Grows with every list of the authority; 0 to 2^53 - 1. */
  number: number
  thisUpdate: number
  nextUpdate: number
}

/** Who signs a list. */
export interface CrlIssuer {
  signer: Signer
  /** The subject of the authority as it stands in its certificate, DER. */
  name: Uint8Array
  /** Its key identifier, hex. */
  keyId: string
}

const SEQUENCE = 0x30
const OCTET_STRING = 0x04
const OID = { crlNumber: '2.5.29.20', reason: '2.5.29.21', authorityKeyIdentifier: '2.5.29.35' } as const
const SIGNATURE = {
  'P-256': { oid: '1.2.840.10045.4.3.2', hash: 'sha256' },
  'P-384': { oid: '1.2.840.10045.4.3.3', hash: 'sha384' },
} as const
const SERIAL = /^(?:[0-9a-f]{2}){1,20}$/
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59)

/**
 * Signs a list and answers it as PEM.
 * @throws PkiError CRL_CONTENT, AUTHORITY_KEY
 */
export async function createCrl({ signer, name, keyId }: CrlIssuer, request: CrlRequest): Promise<string> {
  const entries = acceptEntries(request)
  const { oid, hash } = SIGNATURE[signer.keyType]
  const algorithm = derOf(SEQUENCE, oidDer(oid))
  const keyIdentifier = derOf(SEQUENCE, derOf(0x80, Buffer.from(keyId, 'hex')))
  const tbs = derOf(
    SEQUENCE,
    integerDer(1), // version 2
    algorithm,
    name,
    timeDer(request.thisUpdate),
    timeDer(request.nextUpdate),
    ...(entries.length === 0 ? [] : [derOf(SEQUENCE, ...entries)]),
    derOf(
      0xa0,
      derOf(
        SEQUENCE,
        extension(OID.authorityKeyIdentifier, keyIdentifier),
        extension(OID.crlNumber, integerDer(request.number)),
      ),
    ),
  )
  const signature = await signer.sign(tbs)
  if (!verify(hash, tbs, { key: signer.publicKey, dsaEncoding: 'ieee-p1363' }, signature)) {
    throw new PkiError('AUTHORITY_KEY', 'what signs for it uses another key; give the key of this authority')
  }
  const half = signature.length / 2
  const value = derOf(SEQUENCE, unsignedDer(signature.subarray(0, half)), unsignedDer(signature.subarray(half)))
  return toPem('X509 CRL', derOf(SEQUENCE, tbs, algorithm, derOf(0x03, Buffer.of(0), value)))
}

function acceptEntries({ revoked, number, thisUpdate, nextUpdate }: CrlRequest): Buffer[] {
  if (!Number.isSafeInteger(number) || number < 0) throw new PkiError('CRL_CONTENT', 'number; give 0 or more')
  if (!(thisUpdate >= 0 && thisUpdate < nextUpdate && nextUpdate <= MAX_TIME)) {
    throw new PkiError('CRL_CONTENT', 'thisUpdate, nextUpdate; the next update comes after this one')
  }
  if (revoked.length > MAX_REVOKED) {
    throw new PkiError('CRL_CONTENT', `revoked; leave out what has expired, at most ${MAX_REVOKED} entries`)
  }
  const bySerial = new Map(revoked.map((entry) => [entry.serial.toLowerCase(), entry]))
  if (bySerial.size !== revoked.length) throw new PkiError('CRL_CONTENT', 'revoked; name each serial number once')
  return [...bySerial].map(([serial, { at, reason }]) => {
    if (!SERIAL.test(serial)) throw new PkiError('CRL_CONTENT', 'revoked; serial numbers are 1 to 20 bytes in hex')
    if (!(at >= 0 && at <= thisUpdate)) throw new PkiError('CRL_CONTENT', 'revoked; revoked before this update')
    return derOf(SEQUENCE, unsignedDer(Buffer.from(serial, 'hex')), timeDer(at), ...reasonExtension(reason))
  })
}

/** "Unspecified" is said by leaving the reason out (RFC 5280 5.3.1). */
function reasonExtension(reason: CrlReason): Buffer[] {
  const code = REASONS[reason]
  return code === 0 ? [] : [derOf(SEQUENCE, extension(OID.reason, derOf(0x0a, Buffer.of(code))))]
}

function extension(oid: string, value: Buffer): Buffer {
  return derOf(SEQUENCE, oidDer(oid), derOf(OCTET_STRING, value))
}
