/**
 * Uploaded certificate files: read, put in order, and checked before anything is stored.
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Problem } from '@postern/contract/problems'
import { checkServerCertificate, type Finding, orderChain } from '@postern/pki/chain'
import { type CertificateFacts, readCertificates } from '@postern/pki/fingerprint'
import { readPkcs12 } from '@postern/pki/pkcs12'
import { PkiError } from '@postern/pki/pki-error'
import { CoreError, invalid } from '../../failure.ts'

/** A certificate file as it is sent: PKCS#12 with its password, or PEM with its key. */
export interface KeyFileInput {
  readonly pkcs12?: string
  readonly password?: string
  readonly chainPem?: string
  readonly privateKeyPem?: string
}

/** A certificate that may be used: leaf first, key as PKCS#8. `findings` are warnings only. */
export interface ServerKeyPair {
  readonly chainPem: string
  readonly privateKeyPem: string
  readonly notAfter: Date
  readonly findings: readonly Finding[]
}

/** @throws CoreError INVALID with every problem of the file, by field. Takes up to two seconds for a slow PKCS#12 file. */
export function readKeyFile(input: KeyFileInput, now: Date): ServerKeyPair {
  if (input.pkcs12 !== undefined) {
    if (input.chainPem !== undefined || input.privateKeyPem !== undefined) {
      throw invalid('pkcs12', 'is given together with PEM; send one of the two')
    }
    const content = inField('pkcs12', () => readPkcs12(bytesOf('pkcs12', input.pkcs12 ?? ''), input.password ?? ''))
    return checkedPair([content.certificatePem, ...content.chainPem].join(''), content.privateKeyPem, 'pkcs12', now)
  }
  if (input.chainPem === undefined) {
    throw invalid('chainPem', 'is missing; send pkcs12 with its password, or chainPem with privateKeyPem')
  }
  if (input.password !== undefined) throw invalid('password', 'belongs to PKCS#12; give the PEM key without a password')
  return checkedPair(input.chainPem, input.privateKeyPem ?? input.chainPem, 'chainPem', now)
}

/** Checks a chain with its key as of now. @throws CoreError INVALID with every error found */
export function checkedPair(chainPem: string, keyPem: string, field: string, now: Date): ServerKeyPair {
  const key = inField('privateKeyPem', () => exportedKey(keyPem))
  const ordered = inField(field, () => orderChain([chainPem]).join(''))
  const findings = findingsOf({ chainPem, privateKeyPem: key }, [], now)
  const problems = findings.filter(({ severity }) => severity === 'error').map((found) => problemOf(field, found))
  if (problems.length === 0) problems.push(...usableProblems(ordered, key, field))
  if (problems.length > 0) throw new CoreError('INVALID', 'the certificate cannot be used', { problems })
  const [leaf] = readCertificates(ordered)
  return { chainPem: ordered, privateKeyPem: key, notAfter: new Date(leaf?.notAfter ?? 0), findings }
}

/** Everything to say about a certificate as of now, for the names that phones use; errors first. */
export function findingsOf(
  pair: { readonly chainPem: string; readonly privateKeyPem: string },
  names: readonly string[],
  now: Date,
): Finding[] {
  return checkServerCertificate({ ...pair, names, now: now.getTime() })
}

/** A finding as the problem of a field. */
export function problemOf(path: string, { code, message }: Finding): Problem {
  return { path, message: `${code}: ${message}` }
}

/** CAs of a file, as PEM without anything else. @throws CoreError INVALID naming certificates that are none */
export function readAuthorities(input: FileInput): {
  readonly pem: string
  readonly facts: readonly CertificateFacts[]
} {
  const { field, content } = oneFile(input)
  const text = typeof content === 'string' ? content : inField(field, () => certificateText(content))
  const facts = inField(field, () => readCertificates(text))
  const problems = facts
    .filter(({ isCa }) => !isCa)
    .map(({ subject }) => ({ path: field, message: `${subject} is no CA certificate; give the authority's own` }))
  if (problems.length > 0) throw new CoreError('INVALID', 'not every certificate is an authority', { problems })
  const pem = facts.map((one) => one.pem).join('')
  const unusable = contextFault({ ca: pem })
  if (unusable !== null) throw invalid(field, unusable)
  return { pem, facts }
}

/** A file in PEM or DER. */
export interface FileInput {
  readonly pem?: string
  readonly derBase64?: string
}

/** The one file that was sent, and its field. @throws CoreError INVALID for none or two */
export function oneFile({ pem, derBase64 }: FileInput): { field: string; content: string | Buffer } {
  if (pem !== undefined && derBase64 !== undefined) throw invalid('pem', 'is given together with derBase64; send one')
  if (pem !== undefined) return { field: 'pem', content: pem }
  if (derBase64 === undefined) throw invalid('pem', 'is missing; send the file as pem, or as derBase64')
  const bytes = bytesOf('derBase64', derBase64)
  const isText = bytes.subarray(0, 11).toString('latin1') === '-----BEGIN '
  return { field: 'derBase64', content: isText ? bytes.toString('latin1') : bytes }
}

/** Runs a reader of files; what it refuses becomes the problem of `field`, or of the field that is to blame. */
export function inField<T>(field: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw blamed(field, error)
  }
}

/** A refusal of the PKI package as the problem of a field; anything else as it is. */
export function blamed(field: string, error: unknown): unknown {
  if (!(error instanceof PkiError)) return error
  const path = error.code === 'PKCS12_PASSWORD' ? 'password' : field
  return new CoreError('INVALID', `${path}: ${error.message}`, { problems: [{ path, message: error.message }] })
}

function bytesOf(field: string, text: string): Buffer {
  const bare = text.replace(/\s/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(bare) || bare.length % 4 !== 0) {
    throw invalid(field, 'is not base64; encode the bytes of the file')
  }
  return Buffer.from(bare, 'base64')
}

function certificateText(der: Buffer): string {
  try {
    return new X509Certificate(der).toString()
  } catch (cause) {
    throw new PkiError('CERTIFICATE_MALFORMED', 'give one certificate in DER, or PEM; not PKCS#7', { cause })
  }
}

function exportedKey(pem: string): string {
  try {
    return createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch {
    // Without the cause: it may quote the key.
    throw new PkiError('KEY_MALFORMED', 'give one unencrypted private key in PEM, or PKCS#12 with its password')
  }
}

/** What OpenSSL would not serve with, however good it looks. */
function usableProblems(cert: string, key: string, field: string): Problem[] {
  const fault = contextFault({ cert, key })
  return fault === null ? [] : [{ path: field, message: fault }]
}

function contextFault(options: Parameters<typeof createSecureContext>[0]): string | null {
  try {
    createSecureContext(options)
    return null
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    return `TLS does not accept it (${reason}); have it issued with a stronger key or signature`
  }
}
