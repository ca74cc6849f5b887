/**
 * Checks of certificates, keys and lists, whatever they came in: files of a configuration or texts of a document.
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Problem } from '@postern/contract/problems'
import { type PemFile, readDeviceTrust } from '../identity/trust.ts'

/** What a Sentry shows and whom it trusts. PEM texts; an empty one could not be read, and that was told already. */
export interface Material {
  readonly certPem: string
  readonly keyPem: string
  readonly deviceCas: readonly PemFile[]
  readonly crls: readonly PemFile[]
  readonly identityProviderCa: PemFile | null
  readonly serverCa: PemFile | null
}

/** Under which path each part is told of. */
export type MaterialFields = Readonly<
  Record<'cert' | 'key' | 'deviceCas' | 'crls' | 'identityProviderCa' | 'serverCa', string>
>

type MinVersion = 'TLSv1.2' | 'TLSv1.3'

/** Problems found so far; a check of a field that already has one is not run. */
export class ProblemBook {
  readonly problems: Problem[] = []

  hasProblem(field: string): boolean {
    return this.problems.some((problem) => problem.path.startsWith(field))
  }

  /** Runs a check whose failure is this field's problem, unless the field was already found bad. */
  attempt(field: string, check: () => unknown): void {
    if (this.hasProblem(field)) return
    try {
      check()
    } catch (error) {
      this.problems.push({ path: field, message: messageOf(error) })
    }
  }
}

/** Everything that can be said without a clock and without a peer. */
export function checkMaterial(
  material: Material,
  minVersion: MinVersion,
  fields: MaterialFields,
  book: ProblemBook,
): void {
  const { certPem, keyPem, deviceCas, crls } = material
  checkPair({ certPem, keyPem }, fields, book)
  book.attempt('tls', () => createSecureContext({ cert: certPem, key: keyPem, minVersion }))
  checkCa(fields.identityProviderCa, material.identityProviderCa, book)
  checkCa(fields.serverCa, material.serverCa, book)
  book.attempt(fields.deviceCas, () => readDeviceTrust(deviceCas, []))
  if (!book.hasProblem(fields.deviceCas)) book.attempt(fields.crls, () => readDeviceTrust(deviceCas, crls))
}

/** A certificate and the key that must be its own. */
export function checkPair(
  { certPem, keyPem }: Pick<Material, 'certPem' | 'keyPem'>,
  fields: Pick<MaterialFields, 'cert' | 'key'>,
  book: ProblemBook,
): void {
  if (certPem === '' || keyPem === '') return
  book.attempt(fields.cert, () => new X509Certificate(certPem))
  book.attempt(fields.key, () => readKey(keyPem))
  if (book.hasProblem(fields.cert)) return
  book.attempt(fields.key, () => {
    if (!new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) {
      throw new Error(`is not the key of the certificate in ${fields.cert}; give the matching pair`)
    }
  })
}

function checkCa(field: string, file: PemFile | null, book: ProblemBook): void {
  if (file === null || file.pem === '') return
  book.attempt(field, () => new X509Certificate(file.pem))
  book.attempt(field, () => createSecureContext({ ca: file.pem }))
}

function readKey(pem: string): void {
  try {
    createPrivateKey(pem)
  } catch (error) {
    throw new Error('holds no PEM private key that can be read without a password', { cause: error })
  }
}

/** The words of an error for a person. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unreadable'
}
