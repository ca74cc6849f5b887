/**
 * Why bytes are not what they claim to be, or why a certificate is not issued.
 * @module
 */

/** The closed set of reasons; the text is for people and starts the message. */
const PKI_ERRORS = {
  CERTIFICATE_MALFORMED: 'the certificate file cannot be read',
  CERTIFICATE_TOO_LARGE: 'the certificate file is too large',
  KEY_MALFORMED: 'the key cannot be read',
  KEY_WEAK: 'the key is too weak',
  KEY_UNSUPPORTED: 'the key is of a kind that is not accepted',
  REQUEST_MALFORMED: 'the certificate request cannot be read',
  REQUEST_TOO_LARGE: 'the certificate request is too large',
  REQUEST_ALGORITHM: 'the certificate request is signed with an algorithm that is not accepted',
  REQUEST_SIGNATURE: 'the certificate request is not signed by the key in it',
  AUTHORITY_CERTIFICATE: 'the certificate cannot act as an authority',
  AUTHORITY_KEY: 'the key does not belong to the certificate of the authority',
  ISSUE_NAME: 'the name cannot stand in a certificate',
  ISSUE_VALIDITY: 'the validity is not possible',
  ISSUE_SERIAL: 'the serial number is not possible',
  CRL_CONTENT: 'the revocation list is not possible',
  PKCS12_TOO_LARGE: 'the PKCS#12 file is too large',
  PKCS12_MALFORMED: 'the PKCS#12 file cannot be read',
  PKCS12_PASSWORD: 'the PKCS#12 password is wrong or the file is damaged',
  PKCS12_UNSUPPORTED: 'the PKCS#12 file uses a protection that is not supported',
  PKCS12_ITERATIONS: 'the PKCS#12 file asks for too many rounds of key derivation',
  PKCS12_NO_KEY: 'the PKCS#12 file holds no private key',
  PKCS12_NO_CERTIFICATE: 'the PKCS#12 file holds no certificate for its private key',
} as const

/** Why the package refused. */
export type PkiErrorCode = keyof typeof PKI_ERRORS

/** Thrown by this package for bad input. Messages say what is wrong and what to do, and hold no key and no password. */
export class PkiError extends Error {
  override name = 'PkiError'
  readonly code: PkiErrorCode

  constructor(code: PkiErrorCode, detail: string, options?: ErrorOptions) {
    super(`${PKI_ERRORS[code]}: ${detail}`, options)
    this.code = code
  }
}
