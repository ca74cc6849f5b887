/**
 * Which public keys Postern certifies, and what a key is.
 *
 * Documents: RFC 5480 (elliptic curves), RFC 8017 (RSA), NIST SP 800-57 part 1 (sizes).
 * @module
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { PkiError } from './pki-error.ts'

/** Kinds of keys that are certified. */
export type KeyType = 'P-256' | 'P-384' | 'RSA'

const RSA_BITS = { min: 2_048, max: 4_096 } as const
const RSA_EXPONENT = { min: 65_537n, max: 0xffff_ffffn } as const
const MAX_SPKI_BYTES = 2_048
/** A PEM file with a key; the largest RSA key that is accepted needs 4 KiB. */
const MAX_PRIVATE_KEY_CHARACTERS = 65_536

/**
 * The bytes before the two coordinates: named curve, uncompressed point. Nothing else is accepted, because a key with
 * explicit curve parameters can be a forger's (CVE-2020-0601).
 */
const EC_PREFIX = {
  'P-256': Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
  'P-384': Buffer.from('3076301006072a8648ce3d020106052b8104002203620004', 'hex'),
} as const

/**
 * Reads a SubjectPublicKeyInfo and accepts P-256, P-384 and RSA of 2048 to 4096 bits.
 * @throws PkiError KEY_MALFORMED, KEY_WEAK, KEY_UNSUPPORTED
 */
export function acceptPublicKey(spki: Uint8Array): { key: KeyObject; type: KeyType } {
  if (spki.length > MAX_SPKI_BYTES) throw new PkiError('KEY_UNSUPPORTED', `use a key of at most ${RSA_BITS.max} bits`)
  const key = readSpki(spki)
  // One key must not appear under two fingerprints.
  if (!spkiOf(key).equals(spki)) throw new PkiError('KEY_MALFORMED', 'encode the public key in DER')
  if (key.asymmetricKeyType === 'ec') return { key, type: acceptCurve(spki) }
  if (key.asymmetricKeyType !== 'rsa') {
    throw new PkiError('KEY_UNSUPPORTED', `${key.asymmetricKeyType ?? 'unknown'}; use P-256, P-384 or RSA`)
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < RSA_BITS.min) {
    throw new PkiError('KEY_WEAK', `RSA of ${modulusLength} bits; use at least ${RSA_BITS.min}, or P-256`)
  }
  if (modulusLength > RSA_BITS.max) {
    throw new PkiError('KEY_UNSUPPORTED', `RSA of ${modulusLength} bits; use at most ${RSA_BITS.max}, or P-384`)
  }
  if (publicExponent % 2n === 0n || publicExponent < RSA_EXPONENT.min || publicExponent > RSA_EXPONENT.max) {
    throw new PkiError('KEY_WEAK', 'RSA with an unusual public exponent; make a key with exponent 65537')
  }
  return { key, type: 'RSA' }
}

/**
 * Reads a private key in PEM without a password.
 * @throws PkiError KEY_MALFORMED
 */
export function readPrivateKey(pem: string): KeyObject {
  const remedy = 'give one unencrypted private key in PEM (PKCS#8, SEC 1 or PKCS#1)'
  if (pem.length > MAX_PRIVATE_KEY_CHARACTERS) throw new PkiError('KEY_MALFORMED', `too long; ${remedy}`)
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // The library's message could quote the input.
    throw new PkiError('KEY_MALFORMED', remedy)
  }
}

/** DER of a public key, or of the public half of a private one. */
export function spkiOf(key: KeyObject): Buffer {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' })
}

function acceptCurve(spki: Uint8Array): 'P-256' | 'P-384' {
  for (const type of ['P-256', 'P-384'] as const) {
    const prefix = EC_PREFIX[type]
    if (prefix.equals(spki.subarray(0, prefix.length))) return type
  }
  throw new PkiError('KEY_UNSUPPORTED', 'elliptic curve or encoding; use P-256 or P-384, named, uncompressed')
}

function readSpki(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (cause) {
    throw new PkiError('KEY_MALFORMED', 'give a SubjectPublicKeyInfo in DER', { cause })
  }
}
