/**
 * A certificate authority as a value: it issues to servers and to registered Sentries, and revokes.
 *
 * Document: RFC 5280. The private key stays behind `sign`, so that it can live in an HSM. Time is passed in; serial
 * numbers come from node:crypto unless they are passed in.
 * @module
 */
import 'reflect-metadata'
import { createPublicKey, randomBytes, sign as signBytes, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { createCrl } from './crl.ts'
import type { CrlIssuer, CrlRequest } from './crl.ts'
import { createKeyPair, readRequest } from './certificate-request.ts'
import { fingerprintOf, publicKeyFingerprint, readX509 } from './fingerprint.ts'
import {
  acceptDnsNames,
  acceptIpAddresses,
  alternativeNames,
  commonName,
  MAX_NAMES,
  organizationalUnit,
} from './names.ts'
import { toPem } from './pem.ts'
import { PkiError } from './pki-error.ts'
import { acceptPublicKey, readPrivateKey, spkiOf } from './public-key.ts'
import { delegatingCrypto, signatureAlgorithm } from './signer.ts'
import type { AuthorityKeyType, Sign, Signer } from './signer.ts'

export type { CrlReason, CrlRequest, RevokedCertificate } from './crl.ts'
export type { AuthorityKeyType, Sign } from './signer.ts'

/** When a certificate is valid, in milliseconds since 1970; certificates hold whole seconds. */
export interface Validity {
  notBefore: number
  notAfter: number
}

/** A new authority. The private key is not encrypted: seal it before it is stored. */
export interface NewAuthority {
  certificatePem: string
  /** PKCS#8. */
  privateKeyPem: string
}

/** A certificate that was issued. */
export interface IssuedCertificate extends Validity {
  certificatePem: string
  /** Lower-case hex. */
  serial: string
  /** `sha256:` and hex over the DER. */
  fingerprint: string
  /** `sha256:` and hex over the public key. */
  publicKeyFingerprint: string
}

/** A certificate for a TLS server. At least one name. */
export interface ServerRequest extends Validity {
  /** SubjectPublicKeyInfo, DER. P-256, P-384, RSA of 2048 to 4096 bits. */
  publicKey: Uint8Array
  dnsNames: readonly string[]
  ipAddresses?: readonly string[]
  /** Hex of a positive number of at most 20 bytes; default random. */
  serial?: string
}

/** A client certificate for a registered Sentry. */
export interface GatewayRequest extends Validity {
  /** PEM. Only its public key is used, after proof of possession. */
  csr: string
  /** The identity that Core gave it: letters, digits, `.`, `_`, `-`; at most 64. Becomes CN and `urn:postern:sentry:…`. */
  sentryId: string
  /** The administrator's name for it; becomes OU, for people only. */
  name: string
  /** Hex of a positive number of at most 20 bytes; default random. */
  serial?: string
}

/** An opened authority. Every method throws PkiError and refuses before it signs. */
export interface Authority {
  readonly certificatePem: string
  /** Also throws ISSUE_NAME, ISSUE_VALIDITY, ISSUE_SERIAL and the codes of `acceptPublicKey`. */
  issueServer(request: ServerRequest): Promise<IssuedCertificate>
  /** Also throws ISSUE_NAME, ISSUE_VALIDITY, ISSUE_SERIAL and the codes of `readRequest`. */
  issueGateway(request: GatewayRequest): Promise<IssuedCertificate>
  /** The whole list, as PEM; throws CRL_CONTENT. */
  crl(request: CrlRequest): Promise<string>
}

/** The URI in a Sentry's certificate is this and its id. */
export const SENTRY_URI_PREFIX = 'urn:postern:sentry:'

const SENTRY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const SERIAL = /^(?:[0-9a-f]{2}){1,20}$/
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
/** After 9999 ASN.1 has no more years. */
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59)

/** A random positive serial number of 16 bytes in hex: 126 random bits, the first byte never zero, the highest bit clear. */
export function newSerial(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0)
  return bytes.toString('hex')
}

/**
 * Makes a self-signed authority below which there are only end certificates.
 * @throws PkiError ISSUE_NAME, ISSUE_VALIDITY, ISSUE_SERIAL
 */
export async function createAuthority(
  options: Validity & { commonName: string; keyType: AuthorityKeyType; serial?: string },
): Promise<NewAuthority> {
  const subject = new x509.Name([commonName(options.commonName)])
  const common = acceptCommon(options, null)
  const { privateKeyPem, publicKey } = await createKeyPair(options.keyType)
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags
  const signer: Signer = {
    keyType: options.keyType,
    publicKey: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }),
    sign: signWith(readPrivateKey(privateKeyPem), options.keyType),
  }
  const certificate = await build(signer, {
    ...common,
    subject,
    issuer: subject,
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return { certificatePem: toPem('CERTIFICATE', certificate), privateKeyPem }
}

/**
 * Opens an authority from its certificate and either its key or something that signs for it.
 * @throws PkiError AUTHORITY_CERTIFICATE, AUTHORITY_KEY, KEY_MALFORMED, CERTIFICATE_MALFORMED
 */
export function openAuthority(
  options: { certificatePem: string } & ({ privateKeyPem: string } | { sign: Sign }),
): Authority {
  const [certificate, ...more] = readX509(options.certificatePem)
  if (certificate === undefined || more.length > 0) throw new PkiError('AUTHORITY_CERTIFICATE', 'give one certificate')
  const keyType = authorityKeyType(certificate)
  const signer: Signer = { keyType, publicKey: certificate.publicKey, sign: signOf(options, certificate, keyType) }
  const ca = { signer, certificate, parsed: new x509.X509Certificate(certificate.raw) }
  return {
    certificatePem: toPem('CERTIFICATE', certificate.raw),
    issueServer: async (request) => issue(ca, request, serverSubject(request), SERVER_AUTH),
    issueGateway: async (request) => {
      // Names first: they are cheap to refuse, and nothing of the request can change them.
      const subject = gatewaySubject(request)
      return issue(ca, { ...request, publicKey: readRequest(request.csr).publicKey }, subject, CLIENT_AUTH)
    },
    crl: async (request) => createCrl(await crlIssuer(ca), request),
  }
}

interface OpenCa {
  signer: Signer
  certificate: X509Certificate
  parsed: x509.X509Certificate
}

interface Subject {
  subject: x509.Name
  names: x509.Extension[]
}

async function issue(
  ca: OpenCa,
  request: Validity & { publicKey: Uint8Array; serial?: string },
  { subject, names }: Subject,
  usage: string,
): Promise<IssuedCertificate> {
  const { type } = acceptPublicKey(request.publicKey)
  const common = acceptCommon(request, ca.certificate)
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags
  const der = await build(ca.signer, {
    ...common,
    subject,
    issuer: ca.parsed.subjectName,
    publicKey: request.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      // Key exchange by RSA encryption is what an old client may still ask of a server.
      type === 'RSA' && usage === SERVER_AUTH
        ? new x509.KeyUsagesExtension(digitalSignature | keyEncipherment, true)
        : new x509.KeyUsagesExtension(digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      ...names,
      await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
      new x509.AuthorityKeyIdentifierExtension(await keyIdentifier(ca.parsed)),
    ],
  })
  return {
    certificatePem: toPem('CERTIFICATE', der),
    serial: common.serialNumber,
    fingerprint: fingerprintOf(der),
    publicKeyFingerprint: publicKeyFingerprint(request.publicKey),
    notBefore: common.notBefore.getTime(),
    notAfter: common.notAfter.getTime(),
  }
}

/** Signs, and proves that the signer holds the key of the certificate: an HSM may be set to another one. */
async function build(
  signer: Signer,
  params: Omit<x509.X509CertificateCreateWithKeyParams, 'signingKey' | 'signingAlgorithm'>,
): Promise<Buffer> {
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...params,
      signingAlgorithm: signatureAlgorithm(signer.keyType),
      signingKey: signer.publicKey.toCryptoKey({ name: 'ECDSA', namedCurve: signer.keyType }, true, ['verify']),
    },
    delegatingCrypto(signer.sign),
  )
  const der = Buffer.from(certificate.rawData)
  if (!new X509Certificate(der).verify(signer.publicKey)) {
    throw new PkiError('AUTHORITY_KEY', 'what signs for it uses another key; give the key of this authority')
  }
  return der
}

function acceptCommon(
  request: Validity & { serial?: string },
  issuer: X509Certificate | null,
): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const serialNumber = (request.serial ?? newSerial()).toLowerCase()
  if (!SERIAL.test(serialNumber) || !/^(?:0[1-9a-f]|[1-7])/.test(serialNumber)) {
    throw new PkiError('ISSUE_SERIAL', 'serial; give 1 to 20 bytes in hex, the first from 01 to 7f')
  }
  const [notBefore, notAfter] = [wholeSeconds(request.notBefore), wholeSeconds(request.notAfter)]
  if (!(notBefore >= 0 && notBefore < notAfter && notAfter <= MAX_TIME)) {
    throw new PkiError('ISSUE_VALIDITY', 'notBefore, notAfter; give milliseconds since 1970, the end after the start')
  }
  if (issuer !== null && (notBefore < issuer.validFromDate.getTime() || notAfter > issuer.validToDate.getTime())) {
    throw new PkiError('ISSUE_VALIDITY', 'notBefore, notAfter; stay within the life of the authority or renew it first')
  }
  return { serialNumber, notBefore: new Date(notBefore), notAfter: new Date(notAfter) }
}

function wholeSeconds(time: number): number {
  return Math.floor(time / 1_000) * 1_000
}

function serverSubject(request: ServerRequest): Subject {
  const dnsNames = acceptDnsNames(request.dnsNames)
  const ipAddresses = acceptIpAddresses(request.ipAddresses ?? [])
  const [first] = [...dnsNames, ...ipAddresses]
  if (first === undefined || dnsNames.length + ipAddresses.length > MAX_NAMES) {
    throw new PkiError('ISSUE_NAME', `dnsNames, ipAddresses; give 1 to ${MAX_NAMES} names`)
  }
  // Clients read the alternative names; a name that is too long for the subject is not cut but left to them.
  const subject = new x509.Name([commonName(first.length > 64 ? 'server' : first)])
  return { subject, names: alternativeNames({ dnsNames, ipAddresses }) }
}

function gatewaySubject({ sentryId, name }: GatewayRequest): Subject {
  if (!SENTRY_ID.test(sentryId)) {
    throw new PkiError('ISSUE_NAME', 'sentryId; 1 to 64 letters, digits, ".", "_" or "-", first a letter or digit')
  }
  return {
    subject: new x509.Name([commonName(sentryId), organizationalUnit(name)]),
    names: alternativeNames({ uris: [SENTRY_URI_PREFIX + sentryId] }),
  }
}

function authorityKeyType(certificate: X509Certificate): AuthorityKeyType {
  const { type } = acceptPublicKey(spkiOf(certificate.publicKey))
  if (type === 'RSA')
    throw new PkiError('AUTHORITY_CERTIFICATE', 'its key is RSA; use an authority with P-256 or P-384')
  const usage = new x509.X509Certificate(certificate.raw).getExtension(x509.KeyUsagesExtension)
  const needed = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
  if (!certificate.ca || usage === null || (usage.usages & needed) !== needed) {
    throw new PkiError('AUTHORITY_CERTIFICATE', 'it needs basic constraints CA and key usage keyCertSign and cRLSign')
  }
  return type
}

function signOf(
  options: { privateKeyPem: string } | { sign: Sign },
  certificate: X509Certificate,
  keyType: AuthorityKeyType,
): Sign {
  if ('sign' in options) return options.sign
  const privateKey = readPrivateKey(options.privateKeyPem)
  if (!certificate.checkPrivateKey(privateKey)) throw new PkiError('AUTHORITY_KEY', 'give the key of this authority')
  return signWith(privateKey, keyType)
}

function signWith(key: KeyObject, keyType: AuthorityKeyType): Sign {
  const hash = keyType === 'P-384' ? 'sha384' : 'sha256'
  return async (tbs) => signBytes(hash, tbs, { key, dsaEncoding: 'ieee-p1363' })
}

async function crlIssuer({ signer, parsed }: OpenCa): Promise<CrlIssuer> {
  return { signer, name: new Uint8Array(parsed.subjectName.toArrayBuffer()), keyId: await keyIdentifier(parsed) }
}

/** What the authority calls its own key, in hex: verifiers compare the two when both are there. */
async function keyIdentifier(ca: x509.X509Certificate): Promise<string> {
  const own = ca.getExtension(x509.SubjectKeyIdentifierExtension)
  return (own ?? (await x509.SubjectKeyIdentifierExtension.create(ca.publicKey))).keyId
}
