/**
 * What a password protects in a PKCS#12 file: key derivation, decryption, integrity.
 *
 * Documents: RFC 7292 appendix B and C (old schemes), RFC 8018 (PBES2, PBKDF2). node-forge is used for RC2 alone, which
 * OpenSSL 3 no longer has and old exports still use.
 * @module
 */
import { createDecipheriv, createHmac, hash as digest, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import forge from 'node-forge'
import { childOf, integerOf, octetsOf, oidOf, TAG } from './der.ts'
import type { DerValue } from './der.ts'
import { PkiError } from './pki-error.ts'

/** Most rounds of one key derivation. Current tools write 2 048 to 600 000. */
export const MAX_ITERATIONS = 1_000_000
/** Most rounds for a whole file: integrity, certificates and key with 600 000 each, and some room. */
export const MAX_TOTAL_ITERATIONS = 2_000_000

/** A password in the two forms that files use, and how many rounds may still be spent on it. */
export interface PasswordBudget {
  /** UTF-8, for PBES2. */
  utf8: Buffer
  /** UTF-16BE with a closing zero, for the old schemes. */
  bmp: Buffer
  iterationsLeft: number
}

interface Digest {
  name: string
  bytes: number
  blockBytes: number
}

const SHA1: Digest = { name: 'sha1', bytes: 20, blockBytes: 64 }

const DIGESTS: ReadonlyMap<string, Digest> = new Map([
  ['1.3.14.3.2.26', SHA1],
  ['2.16.840.1.101.3.4.2.1', { name: 'sha256', bytes: 32, blockBytes: 64 }],
  ['2.16.840.1.101.3.4.2.2', { name: 'sha384', bytes: 48, blockBytes: 128 }],
  ['2.16.840.1.101.3.4.2.3', { name: 'sha512', bytes: 64, blockBytes: 128 }],
])

/** RFC 7292 appendix C. RC4 is not among them: no tool has exported with it for decades. */
const OLD_SCHEMES: ReadonlyMap<string, { cipher: string; keyBytes: number }> = new Map([
  ['1.2.840.113549.1.12.1.3', { cipher: 'des-ede3-cbc', keyBytes: 24 }],
  ['1.2.840.113549.1.12.1.4', { cipher: 'des-ede-cbc', keyBytes: 16 }],
  ['1.2.840.113549.1.12.1.5', { cipher: 'rc2', keyBytes: 16 }],
  ['1.2.840.113549.1.12.1.6', { cipher: 'rc2', keyBytes: 5 }],
])

const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'

const PRFS: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.2.7', 'sha1'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
])

const PBES2_CIPHERS: ReadonlyMap<string, { cipher: string; keyBytes: number }> = new Map([
  ['1.2.840.113549.3.7', { cipher: 'des-ede3-cbc', keyBytes: 24 }],
  ['2.16.840.1.101.3.4.1.2', { cipher: 'aes-128-cbc', keyBytes: 16 }],
  ['2.16.840.1.101.3.4.1.22', { cipher: 'aes-192-cbc', keyBytes: 24 }],
  ['2.16.840.1.101.3.4.1.42', { cipher: 'aes-256-cbc', keyBytes: 32 }],
])

/** RFC 7292 B.3: what the derived bytes are for. */
const PURPOSE = { key: 1, iv: 2, mac: 3 } as const

/** Writers disagree on an empty password: it is a closing zero, or nothing at all. */
export function passwordForms(password: string): [Buffer, ...Buffer[]] {
  const bmp = Buffer.from(`${password}\0`, 'utf16le').swap16()
  return password === '' ? [bmp, Buffer.alloc(0)] : [bmp]
}

/**
 * Decrypts `data` as an AlgorithmIdentifier says.
 * @throws PkiError PKCS12_UNSUPPORTED, PKCS12_ITERATIONS, PKCS12_PASSWORD; DerError
 */
export function decryptWith(algorithm: DerValue, data: Buffer, password: PasswordBudget): Buffer {
  const oid = oidOf(childOf(algorithm, 0, TAG.oid))
  const parameters = childOf(algorithm, 1, TAG.sequence)
  if (oid === PBES2) return decryptPbes2(parameters, data, password)
  const scheme = OLD_SCHEMES.get(oid)
  if (scheme === undefined) throw unsupported(oid)
  const salt = octetsOf(childOf(parameters, 0, TAG.octetString))
  const iterations = integerOf(childOf(parameters, 1, TAG.integer))
  const derive = (purpose: number, length: number): Buffer =>
    derivePkcs12({ digest: SHA1, purpose, salt, iterations, length }, password)
  const [key, iv] = [derive(PURPOSE.key, scheme.keyBytes), derive(PURPOSE.iv, 8)]
  return scheme.cipher === 'rc2' ? decryptRc2(key, iv, data) : decipher(scheme.cipher, key, iv, data)
}

/**
 * Whether MacData was made with this password over `content`.
 * @throws PkiError PKCS12_UNSUPPORTED, PKCS12_ITERATIONS; DerError
 */
export function isMacOf(macData: DerValue, content: Buffer, password: PasswordBudget): boolean {
  const info = childOf(macData, 0, TAG.sequence)
  const oid = oidOf(childOf(childOf(info, 0, TAG.sequence), 0, TAG.oid))
  const algorithm = DIGESTS.get(oid)
  if (algorithm === undefined) throw unsupported(oid)
  const expected = octetsOf(childOf(info, 1, TAG.octetString))
  const salt = octetsOf(childOf(macData, 1, TAG.octetString))
  const iterations = macData.children.length > 2 ? integerOf(childOf(macData, 2, TAG.integer)) : 1
  const derivation = { digest: algorithm, purpose: PURPOSE.mac, salt, iterations, length: algorithm.bytes }
  const mac = createHmac(algorithm.name, derivePkcs12(derivation, password)).update(content).digest()
  return mac.length === expected.length && timingSafeEqual(mac, expected)
}

function decryptPbes2(parameters: DerValue, data: Buffer, password: PasswordBudget): Buffer {
  const derivation = childOf(parameters, 0, TAG.sequence)
  const encryption = childOf(parameters, 1, TAG.sequence)
  const kdf = oidOf(childOf(derivation, 0, TAG.oid))
  const cipherOid = oidOf(childOf(encryption, 0, TAG.oid))
  const scheme = PBES2_CIPHERS.get(cipherOid)
  if (kdf !== PBKDF2) throw unsupported(kdf)
  if (scheme === undefined) throw unsupported(cipherOid)
  const kdfParameters = childOf(derivation, 1, TAG.sequence)
  const salt = octetsOf(childOf(kdfParameters, 0, TAG.octetString))
  const iterations = integerOf(childOf(kdfParameters, 1, TAG.integer))
  // A key length may stand between; it must be the cipher's, which a wrong result shows.
  const prf = kdfParameters.children.slice(2).find(({ tag }) => tag === TAG.sequence)
  const prfOid = prf === undefined ? '1.2.840.113549.2.7' : oidOf(childOf(prf, 0, TAG.oid))
  const hash = PRFS.get(prfOid)
  if (hash === undefined) throw unsupported(prfOid)
  spend(password, iterations)
  const key = pbkdf2Sync(password.utf8, salt, iterations, scheme.keyBytes, hash)
  return decipher(scheme.cipher, key, octetsOf(childOf(encryption, 1, TAG.octetString)), data)
}

interface Derivation {
  digest: Digest
  purpose: number
  salt: Buffer
  iterations: number
  length: number
}

/** RFC 7292 B.2. */
function derivePkcs12(
  { digest: { name, bytes, blockBytes }, purpose, ...how }: Derivation,
  password: PasswordBudget,
): Buffer {
  const blocks = Math.ceil(how.length / bytes)
  spend(password, how.iterations * blocks)
  const diversifier = Buffer.alloc(blockBytes, purpose)
  let input = Buffer.concat([fill(how.salt, blockBytes), fill(password.bmp, blockBytes)])
  const output: Buffer[] = []
  for (let block = 0; block < blocks; block += 1) {
    let value = digest(name, Buffer.concat([diversifier, input]), 'buffer')
    for (let round = 1; round < how.iterations; round += 1) value = digest(name, value, 'buffer')
    output.push(value)
    input = addToBlocks(input, fill(value, blockBytes).subarray(0, blockBytes), blockBytes)
  }
  return Buffer.concat(output).subarray(0, how.length)
}

/** Repeats `bytes` to a multiple of `blockBytes`; nothing stays nothing. */
function fill(bytes: Buffer, blockBytes: number): Buffer {
  return bytes.length === 0 ? bytes : Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes, bytes)
}

/** Each block of `input` plus `addend` plus one, as big-endian numbers without carry out. */
function addToBlocks(input: Buffer, addend: Buffer, blockBytes: number): Buffer<ArrayBuffer> {
  const sum = Buffer.from(input)
  for (let start = 0; start < sum.length; start += blockBytes) {
    let carry = 1
    for (let at = blockBytes - 1; at >= 0; at -= 1) {
      carry += sum.readUInt8(start + at) + addend.readUInt8(at)
      sum.writeUInt8(carry & 0xff, start + at)
      carry >>= 8
    }
  }
  return sum
}

function spend(password: PasswordBudget, iterations: number): void {
  if (iterations < 1 || iterations > MAX_ITERATIONS || iterations > password.iterationsLeft) {
    throw new PkiError('PKCS12_ITERATIONS', `export it again with 1 to ${MAX_ITERATIONS}; 2048 to 600000 is usual`)
  }
  password.iterationsLeft -= iterations // the budget belongs to one file and is passed along with it
}

function decipher(cipher: string, key: Buffer, iv: Buffer, data: Buffer): Buffer {
  try {
    const stream = createDecipheriv(cipher, key, iv)
    return Buffer.concat([stream.update(data), stream.final()])
  } catch {
    throw new PkiError('PKCS12_PASSWORD', 'a part of it cannot be decrypted; give its password or export it again')
  }
}

function decryptRc2(key: Buffer, iv: Buffer, data: Buffer): Buffer {
  const cipher = forge.rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8)
  cipher.start(iv.toString('latin1'))
  cipher.update(forge.util.createBuffer(data.toString('latin1')))
  if (!cipher.finish()) throw new PkiError('PKCS12_PASSWORD', 'give its password or export it again')
  return Buffer.from(cipher.output.getBytes(), 'latin1')
}

function unsupported(oid: string): PkiError {
  return new PkiError('PKCS12_UNSUPPORTED', `${oid}; export it again with AES-256 and SHA-256`)
}
