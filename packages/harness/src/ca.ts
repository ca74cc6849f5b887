/**
 * A throw-away certificate authority: servers, devices and certificates that must be refused.
 *
 * Document: RFC 5280. Keys are ECDSA P-256 and exist only in memory.
 * @module
 */
import 'reflect-metadata'
import { createHash, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { hostName, subjectAltName } from './der.ts'
import type { SanValue } from './der.ts'

export type { SanValue } from './der.ts'

/** A certificate with its key, both PEM. */
export interface Issued {
  certPem: string
  keyPem: string
  /** `sha256:` and lower-case hex of SHA-256 over the DER. */
  fingerprint: string
  /** Serial number, lower-case hex. */
  serial: string
  /** Intermediates to be sent behind `certPem`, when a CA below the root issued it. */
  chainPem?: string
}

/** The life of a certificate; default: from an hour ago, for thirty days. */
export interface Validity {
  notBefore?: Date
  notAfter?: Date
}

/** A server's certificate. */
export interface ServerRequest extends Validity {
  /** DNS names or IPv4 addresses. */
  names: string[]
  /** For certificates that a client must refuse. */
  overrides?: Validity & { selfSigned?: boolean; eku?: ExtendedUsage }
}

/** What the extended key usage says; `none` leaves the extension out. */
export type ExtendedUsage = 'clientAuth' | 'serverAuth' | 'none'

/** A device's certificate. Lists may hold more values than Sentry admits. */
export interface DeviceRequest extends Validity {
  /** otherName 1.3.6.1.4.1.311.20.2.3. */
  upn?: string | string[]
  /** uniformResourceIdentifier names. */
  deviceUri?: string | string[]
  /** Default `device`. */
  commonName?: string
  /** Default `clientAuth`. */
  eku?: ExtendedUsage
  /** A certificate that may sign others, presented as a leaf. Default false. */
  isCa?: boolean
  /** Further names, written as they stand (a NUL stays a NUL). */
  rawSan?: SanValue[]
  /** DER of a SubjectPublicKeyInfo to certify instead of a new key; `keyPem` means nothing then. */
  publicKey?: Uint8Array<ArrayBuffer>
}

/** A CA of a test. */
export interface TestCa {
  readonly certPem: string
  /** `names[0]` becomes the common name. */
  issueServer(request: ServerRequest): Promise<Issued>
  issueDevice(request?: DeviceRequest): Promise<Issued>
  /** A CA below this one; what it issues carries `chainPem`. */
  issueIntermediate(commonName?: string): Promise<TestCa>
  /** A list that revokes the given certificates, as PEM, valid for a week. */
  crl(revoked: Issued[]): Promise<string>
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const EKU_OID = { clientAuth: '1.3.6.1.5.5.7.3.2', serverAuth: '1.3.6.1.5.5.7.3.1' } as const

interface Signer {
  certificate: x509.X509Certificate
  keys: CryptoKeyPair
  /** PEM of the intermediates from this one upwards, without the root. */
  chainPem: string
}

type CryptoKeyPair = webcrypto.CryptoKeyPair

/** Makes a root CA. */
export async function createCa(options: { commonName?: string } = {}): Promise<TestCa> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common({}),
    name: nameOf(options.commonName ?? 'Postern Test CA'),
    keys,
    extensions: await caExtensions(keys),
  })
  return toCa({ certificate, keys, chainPem: '' })
}

function toCa(signer: Signer): TestCa {
  return {
    certPem: certificatePem(signer.certificate),
    issueServer: ({ names, overrides = {}, ...validity }) =>
      issue(overrides.selfSigned === true ? null : signer, {
        commonName: names[0] ?? 'server',
        san: names.map(hostName),
        eku: overrides.eku ?? 'serverAuth',
        isCa: false,
        ...validity,
        ...overrides,
      }),
    issueDevice: (request = {}) => {
      const { upn, deviceUri, rawSan = [], commonName = 'device', eku = 'clientAuth', isCa = false } = request
      const upns = list(upn).map((value): SanValue => ({ kind: 'upn', value }))
      const uris = list(deviceUri).map((value): SanValue => ({ kind: 'uri', value }))
      return issue(signer, { ...request, commonName, eku, isCa, san: [...upns, ...uris, ...rawSan] })
    },
    issueIntermediate: async (commonName = 'Postern Test Intermediate') => toCa(await intermediate(signer, commonName)),
    crl: (revoked) => crl(signer, revoked),
  }
}

interface Leaf extends Validity {
  commonName: string
  san: SanValue[]
  eku: ExtendedUsage
  isCa: boolean
  publicKey?: Uint8Array<ArrayBuffer>
}

/** `signer` null: signed with its own key. */
async function issue(signer: Signer | null, leaf: Leaf): Promise<Issued> {
  const keys = await newKeys()
  const base = { ...common(leaf), extensions: leafExtensions(leaf) }
  const certificate = await x509.X509CertificateGenerator.create({
    ...base,
    subject: nameOf(leaf.commonName),
    issuer: signer === null ? nameOf(leaf.commonName) : signer.certificate.subject,
    publicKey: leaf.publicKey ?? keys.publicKey,
    signingKey: signer === null ? keys.privateKey : signer.keys.privateKey,
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    certPem: certificatePem(certificate),
    keyPem: pem('PRIVATE KEY', pkcs8),
    fingerprint: `sha256:${createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex')}`,
    serial: certificate.serialNumber.toLowerCase(),
    ...(signer === null || signer.chainPem === '' ? {} : { chainPem: signer.chainPem }),
  }
}

async function intermediate(signer: Signer, commonName: string): Promise<Signer> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    ...common({}),
    subject: nameOf(commonName),
    issuer: signer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions: await caExtensions(keys),
  })
  return { certificate, keys, chainPem: certificatePem(certificate) + signer.chainPem }
}

async function crl(signer: Signer, revoked: readonly Issued[]): Promise<string> {
  const now = Date.now()
  const list = await x509.X509CrlGenerator.create({
    issuer: signer.certificate.subject,
    thisUpdate: new Date(now - HOUR_MS),
    nextUpdate: new Date(now + 7 * DAY_MS),
    entries: revoked.map(({ serial }) => ({ serialNumber: serial, revocationDate: new Date(now - HOUR_MS) })),
    signingAlgorithm: SIGNATURE,
    signingKey: signer.keys.privateKey,
  })
  return pem('X509 CRL', Buffer.from(list.rawData))
}

function common(validity: Validity): x509.X509CertificateCreateParamsBase {
  // A positive serial number of 16 bytes: the highest bit is clear, and the first byte is not zero.
  const serial = randomBytes(16)
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0)
  return {
    serialNumber: serial.toString('hex'),
    notBefore: validity.notBefore ?? new Date(Date.now() - HOUR_MS),
    notAfter: validity.notAfter ?? new Date(Date.now() + 30 * DAY_MS),
    signingAlgorithm: SIGNATURE,
  }
}

function nameOf(commonName: string): x509.JsonName {
  return [{ CN: [commonName] }]
}

async function caExtensions(keys: CryptoKeyPair): Promise<x509.Extension[]> {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ]
}

function leafExtensions({ san, eku, isCa }: Leaf): x509.Extension[] {
  const { digitalSignature, keyCertSign } = x509.KeyUsageFlags
  return [
    new x509.BasicConstraintsExtension(isCa, undefined, true),
    isCa
      ? new x509.KeyUsagesExtension(digitalSignature | keyCertSign, true)
      : new x509.KeyUsagesExtension(digitalSignature, true),
    ...(eku === 'none' ? [] : [new x509.ExtendedKeyUsageExtension([EKU_OID[eku]])]),
    ...(san.length === 0 ? [] : [new x509.Extension('2.5.29.17', false, subjectAltName(san))]),
  ]
}

function newKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
}

function list(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}

function certificatePem(certificate: x509.X509Certificate): string {
  return pem('CERTIFICATE', Buffer.from(certificate.rawData))
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
