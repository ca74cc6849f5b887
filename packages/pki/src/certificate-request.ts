/**
 * Certificate requests: made for an administrator, read from gateways.
 *
 * Document: RFC 2986 (PKCS#10). A request is read for one thing, its public key, and the proof that the sender holds the
 * private half; the subject and the extensions that it asks for are never looked at.
 * @module
 */
import 'reflect-metadata'
import { createPublicKey, generateKeyPair, verify } from 'node:crypto'
import type { KeyObject, webcrypto } from 'node:crypto'
import { promisify } from 'node:util'
import * as x509 from '@peculiar/x509'
import { childOf, DerError, integerOf, oidOf, readDer, sequenceOf, TAG } from './der.ts'
import { publicKeyFingerprint } from './fingerprint.ts'
import { acceptDnsNames, alternativeNames, commonName } from './names.ts'
import { readPem, toPem } from './pem.ts'
import { PkiError } from './pki-error.ts'
import { acceptPublicKey, readPrivateKey, spkiOf } from './public-key.ts'
import type { KeyType } from './public-key.ts'

/** Longest request that is read, in characters of PEM. One with RSA 4096 needs under 3 KiB. */
export const MAX_REQUEST_CHARACTERS = 16_384

/** Kinds of keys that are made. */
export type NewKeyType = 'P-256' | 'P-384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096'

/** A new key. The private half is not encrypted: seal it before it is stored. */
export interface KeyPair {
  /** PKCS#8. */
  privateKeyPem: string
  /** SubjectPublicKeyInfo. */
  publicKeyPem: string
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array
}

/** What a request is good for. */
export interface RequestFacts {
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array
  keyType: KeyType
  /** `sha256:` and hex over `publicKey`: what an administrator compares before approving. */
  fingerprint: string
  /** The request was signed by the private half of `publicKey`; there is no other outcome but an error. */
  verified: true
}

/** Signature algorithms of RFC 5758 and RFC 4055: whose key may use them, with which hash. SHA-1 is not among them. */
const SIGNATURES: ReadonlyMap<string, { rsa: boolean; hash: string }> = new Map([
  ['1.2.840.10045.4.3.2', { rsa: false, hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { rsa: false, hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { rsa: false, hash: 'sha512' }],
  ['1.2.840.113549.1.1.11', { rsa: true, hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { rsa: true, hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { rsa: true, hash: 'sha512' }],
])

const generate = promisify(generateKeyPair)

/** Makes a key; RSA takes up to seconds, off the event loop. */
export async function createKeyPair(type: NewKeyType): Promise<KeyPair> {
  const { privateKey } = type.startsWith('RSA-')
    ? await generate('rsa', { modulusLength: Number(type.slice(4)), publicExponent: 65_537 })
    : await generate('ec', { namedCurve: type })
  const publicKey = spkiOf(privateKey)
  return {
    privateKeyPem: toPem('PRIVATE KEY', privateKey.export({ type: 'pkcs8', format: 'der' })),
    publicKeyPem: toPem('PUBLIC KEY', publicKey),
    publicKey,
  }
}

/**
 * Makes a request for a server certificate, as PEM. `dnsNames` become the subject alternative name.
 * @throws PkiError KEY_MALFORMED, KEY_WEAK, KEY_UNSUPPORTED, ISSUE_NAME
 */
export async function createRequest(options: {
  privateKeyPem: string
  commonName: string
  dnsNames: readonly string[]
}): Promise<string> {
  const dnsNames = acceptDnsNames(options.dnsNames)
  const name = new x509.Name([commonName(options.commonName)])
  const privateKey = readPrivateKey(options.privateKeyPem)
  const { keys, algorithm } = signingKeys(privateKey, acceptPublicKey(spkiOf(privateKey)).type)
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: alternativeNames({ dnsNames }),
  })
  return toPem('CERTIFICATE REQUEST', new Uint8Array(request.rawData))
}

/**
 * Reads a request and verifies that its sender holds the key.
 * @throws PkiError REQUEST_TOO_LARGE over 16 KiB, REQUEST_MALFORMED, REQUEST_ALGORITHM, REQUEST_SIGNATURE, KEY_WEAK,
 * KEY_UNSUPPORTED, KEY_MALFORMED
 */
export function readRequest(pem: string): RequestFacts {
  if (pem.length > MAX_REQUEST_CHARACTERS) {
    throw new PkiError('REQUEST_TOO_LARGE', `over ${MAX_REQUEST_CHARACTERS} characters; send only the request`)
  }
  const request = decodeRequest(pem)
  const { publicKey } = request
  const { key, type } = acceptPublicKey(publicKey)
  const signature = SIGNATURES.get(request.algorithm)
  if (signature?.rsa !== (type === 'RSA')) {
    throw new PkiError('REQUEST_ALGORITHM', 'sign it with ECDSA or RSA (PKCS#1 v1.5) and SHA-256, SHA-384 or SHA-512')
  }
  if (!isSigned(signature.hash, request, key)) {
    throw new PkiError('REQUEST_SIGNATURE', 'make a new request with the key that you hold')
  }
  return { publicKey, keyType: type, fingerprint: publicKeyFingerprint(publicKey), verified: true }
}

interface DecodedRequest {
  publicKey: Buffer
  /** What the signature covers, as it stood in the request. */
  tbs: Buffer
  algorithm: string
  signature: Buffer
}

function decodeRequest(pem: string): DecodedRequest {
  const remedy = 'send one PKCS#10 request in PEM'
  const [block, ...more] = readPem(pem) ?? []
  if (block === undefined || more.length > 0 || !/^(NEW )?CERTIFICATE REQUEST$/.test(block.label)) {
    throw new PkiError('REQUEST_MALFORMED', remedy)
  }
  try {
    const request = sequenceOf(readDer(block.der))
    const info = childOf(request, 0, TAG.sequence)
    const algorithm = childOf(childOf(request, 1, TAG.sequence), 0, TAG.oid)
    const bits = childOf(request, 2, TAG.bitString).content
    if (integerOf(childOf(info, 0, TAG.integer)) !== 0 || bits[0] !== 0) throw new DerError('not a PKCS#10 request')
    return {
      publicKey: childOf(info, 2, TAG.sequence).raw,
      tbs: info.raw,
      algorithm: oidOf(algorithm),
      signature: bits.subarray(1),
    }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new PkiError('REQUEST_MALFORMED', remedy, { cause })
  }
}

function isSigned(hash: string, { tbs, signature }: DecodedRequest, key: KeyObject): boolean {
  try {
    return verify(hash, tbs, { key, dsaEncoding: 'der' }, signature)
  } catch {
    return false // bytes that are not even a signature
  }
}

/** The pair as WebCrypto knows it, with the algorithm that signs. */
function signingKeys(
  privateKey: KeyObject,
  type: KeyType,
): { keys: webcrypto.CryptoKeyPair; algorithm: x509.HashedAlgorithm } {
  const algorithm =
    type === 'RSA'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', namedCurve: type, hash: type === 'P-384' ? 'SHA-384' : 'SHA-256' }
  return {
    algorithm,
    keys: {
      privateKey: privateKey.toCryptoKey(algorithm, false, ['sign']),
      publicKey: createPublicKey(privateKey).toCryptoKey(algorithm, true, ['verify']),
    },
  }
}
