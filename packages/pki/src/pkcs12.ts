/**
 * PKCS#12 files as administrators upload them: one private key, its certificate and the chain.
 *
 * Document: RFC 7292. Reads what old tools (3DES, RC2, SHA-1) and new ones (AES, SHA-2) write, protected by a password.
 * The password is checked by the file's integrity code before anything is decrypted.
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import type { KeyObject, X509Certificate } from 'node:crypto'
import { orderCertificates } from './certificate-path.ts'
import { childOf, DerError, octetsOf, oidOf, readDer, sequenceOf, TAG } from './der.ts'
import type { DerValue } from './der.ts'
import { MAX_CERTIFICATES, readX509 } from './fingerprint.ts'
import { toPem } from './pem.ts'
import { decryptWith, isMacOf, MAX_TOTAL_ITERATIONS, passwordForms } from './pkcs12-ciphers.ts'
import type { PasswordBudget } from './pkcs12-ciphers.ts'
import { PkiError } from './pki-error.ts'

/** Largest file that is read. */
export const MAX_PKCS12_BYTES = 1_048_576
/** Longest password. */
export const MAX_PASSWORD_CHARACTERS = 256
/** Most private keys in a file, of which one must have a certificate. */
const MAX_KEYS = 8

/** A key and its certificates. The key is not encrypted: seal it before it is stored. */
export interface Pkcs12Content {
  /** The certificate of the key. */
  certificatePem: string
  /** The others: the certificate's issuer first, as far as the file goes, then what does not belong to the chain. */
  chainPem: string[]
  /** PKCS#8. */
  privateKeyPem: string
}

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
} as const
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1'
const CONTEXT_0_PRIMITIVE = 0x80

/**
 * Reads a file. Synchronous: the most rounds of key derivation that are allowed take about two seconds.
 * @throws PkiError PKCS12_TOO_LARGE over 1 MiB, PKCS12_MALFORMED, PKCS12_PASSWORD, PKCS12_UNSUPPORTED,
 * PKCS12_ITERATIONS, PKCS12_NO_KEY, PKCS12_NO_CERTIFICATE
 */
export function readPkcs12(der: Uint8Array, password: string): Pkcs12Content {
  if (der.length > MAX_PKCS12_BYTES) {
    throw new PkiError('PKCS12_TOO_LARGE', `over ${MAX_PKCS12_BYTES} bytes; export one key with its chain`)
  }
  if (password.length > MAX_PASSWORD_CHARACTERS) {
    throw new PkiError('PKCS12_PASSWORD', `it has at most ${MAX_PASSWORD_CHARACTERS} characters`)
  }
  try {
    return select(readBags(sequenceOf(readDer(der)), password))
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new PkiError('PKCS12_MALFORMED', 'give a whole .p12 or .pfx file', { cause })
  }
}

interface Bags {
  keys: KeyObject[]
  certificates: X509Certificate[]
}

function readBags(pfx: DerValue, password: string): Bags {
  const content = dataOf(childOf(pfx, 1, TAG.sequence))
  const unlocked = unlock(pfx.children[2], content, password)
  const bags: Bags = { keys: [], certificates: [] }
  for (const part of sequenceOf(readDer(content)).children) {
    const kind = oidOf(childOf(part, 0, TAG.oid))
    if (kind !== DATA && kind !== ENCRYPTED_DATA) {
      throw new PkiError('PKCS12_UNSUPPORTED', `a part of kind ${kind}; export it with a password only`)
    }
    const contents = kind === DATA ? dataOf(part) : decryptPart(part, unlocked)
    for (const bag of sequenceOf(readDer(contents)).children) readBag(bag, unlocked, bags)
  }
  return bags
}

/** Finds the form of the password that the integrity code was made with. */
function unlock(macData: DerValue | undefined, content: Buffer, password: string): PasswordBudget {
  if (macData === undefined) {
    throw new PkiError('PKCS12_UNSUPPORTED', 'no integrity code; export it again with a password')
  }
  const utf8 = Buffer.from(password)
  let iterationsLeft = MAX_TOTAL_ITERATIONS
  for (const bmp of passwordForms(password)) {
    const budget = { utf8, bmp, iterationsLeft }
    if (isMacOf(sequenceOf(macData), content, budget)) return budget
    iterationsLeft = budget.iterationsLeft
  }
  throw new PkiError('PKCS12_PASSWORD', 'give the password that the file was exported with')
}

function decryptPart(part: DerValue, password: PasswordBudget): Buffer {
  const encrypted = childOf(childOf(part, 1, TAG.context0), 0, TAG.sequence)
  const info = childOf(encrypted, 1, TAG.sequence)
  const data = info.children[2]
  if (data?.tag !== CONTEXT_0_PRIMITIVE && data?.tag !== TAG.context0) throw new DerError('no encrypted content')
  return decryptWith(childOf(info, 1, TAG.sequence), octetsOf(data), password)
}

function readBag(bag: DerValue, password: PasswordBudget, { keys, certificates }: Bags): void {
  const kind = oidOf(childOf(bag, 0, TAG.oid))
  const [value] = childOf(bag, 1, TAG.context0).children
  if (value === undefined) throw new DerError('an empty bag')
  if (kind === BAG.key) keys.push(readKey(value.raw))
  if (kind === BAG.shroudedKey) {
    const data = octetsOf(childOf(value, 1, TAG.octetString))
    keys.push(readKey(decryptWith(childOf(value, 0, TAG.sequence), data, password)))
  }
  if (kind === BAG.certificate && oidOf(childOf(value, 0, TAG.oid)) === X509_CERTIFICATE) {
    certificates.push(...readCertificates(octetsOf(childOf(childOf(value, 1, TAG.context0), 0, TAG.octetString))))
  }
  if (keys.length > MAX_KEYS || certificates.length > MAX_CERTIFICATES) {
    throw new PkiError('PKCS12_TOO_LARGE', `over ${MAX_KEYS} keys or ${MAX_CERTIFICATES} certificates; export one key`)
  }
}

function select({ keys, certificates }: Bags): Pkcs12Content {
  if (keys.length === 0) throw new PkiError('PKCS12_NO_KEY', 'export it again together with its private key')
  for (const key of keys) {
    const own = certificates.find((certificate) => certificate.checkPrivateKey(key))
    if (own === undefined) continue
    const [leaf, ...chain] = orderCertificates(certificates, own).all
    return {
      certificatePem: toPem('CERTIFICATE', (leaf ?? own).raw),
      chainPem: chain.map(({ raw }) => toPem('CERTIFICATE', raw)),
      privateKeyPem: toPem('PRIVATE KEY', key.export({ type: 'pkcs8', format: 'der' })),
    }
  }
  throw new PkiError('PKCS12_NO_CERTIFICATE', 'export it again together with the certificate of the key')
}

function readKey(pkcs8: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  } catch {
    // Without the cause: it is about bytes of the key.
    throw new PkiError('PKCS12_MALFORMED', 'its private key; export it again as RSA or elliptic curve')
  }
}

function readCertificates(der: Buffer): X509Certificate[] {
  try {
    return readX509(toPem('CERTIFICATE', der))
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause
    throw new PkiError('PKCS12_MALFORMED', 'one of its certificates; export it again', { cause })
  }
}

function dataOf(contentInfo: DerValue): Buffer {
  if (oidOf(childOf(contentInfo, 0, TAG.oid)) !== DATA) {
    throw new PkiError('PKCS12_UNSUPPORTED', 'protected by a certificate; export it with a password')
  }
  const octets = childOf(contentInfo, 1, TAG.context0).children[0]
  if (octets === undefined || (octets.tag & 0x1f) !== TAG.octetString) throw new DerError('no content')
  return octetsOf(octets)
}
