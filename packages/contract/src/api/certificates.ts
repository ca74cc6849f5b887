/**
 * Endpoints: TLS certificates of Sentries, and the authorities whose certificates are trusted.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ById, Id, Instant, orNull, pageOf, pageQuery, PageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

/** A file in PEM: 256 KiB at most, as the reader of certificates takes. */
const Pem = Type.String({ minLength: 1, maxLength: 262_144 })
/** Bytes in base64: 1 MiB at most before encoding. */
const Base64 = Type.String({ minLength: 1, maxLength: 1_400_000 })
/** Shorter than other names: lists that belong to a root are called after it. */
const ShortName = Type.String({ minLength: 1, maxLength: 150, pattern: '^(?! )[^\\u0000-\\u001f\\u007f]*(?<! )$' })
const HostName = Type.String({ minLength: 1, maxLength: 253 })

/** A body with a whole PKCS#12 file is larger than others. Bytes. */
const FILE_BYTES = 2_097_152

/** What is wrong with a certificate, or may be. */
const CertificateFinding = Type.Object(
  { severity: Type.Enum(['error', 'warning']), code: Type.String(), message: Type.String() },
  strict,
)

/** One certificate of a file. */
const CertificateFacts = Type.Object(
  {
    subject: Type.String(),
    issuer: Type.String(),
    serial: Type.String(),
    notBefore: Instant,
    notAfter: Instant,
    names: Type.Array(Type.String()),
    keyType: Type.String(),
    keyBits: Type.Integer(),
    fingerprint: Type.String(),
  },
  strict,
)
/** The same as a type. */
export type CertificateFactsShown = Static<typeof CertificateFacts>

const UsedBy = Type.Array(Type.Object({ id: Id, name: Type.String() }, strict), {
  description: 'Standalone Sentries that use it',
})

/**
 * A TLS certificate with a private key in Core's vault. `pending`: a request waits for its certificate. `issued`: Core made
 * it for a Standalone Sentry that names none, and renews it.
 */
export const TlsCertificate = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    createdAt: Instant,
    updatedAt: Instant,
    name: Type.String(),
    source: Type.Enum(['uploaded', 'requested', 'issued']),
    state: Type.Enum(['ready', 'pending']),
    requestPem: orNull(Type.String()),
    chainPem: orNull(Type.String()),
    chain: Type.Array(CertificateFacts),
    notAfter: orNull(Instant),
    daysLeft: orNull(Type.Integer()),
    findings: Type.Array(CertificateFinding),
    usedBy: UsedBy,
  },
  strict,
)
export type TlsCertificate = Static<typeof TlsCertificate>

/** CAs of a file, trusted for one purpose: `device` certificates, or `upstream` servers and identity providers. */
export const TrustedRoot = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    createdAt: Instant,
    updatedAt: Instant,
    name: Type.String(),
    purpose: Type.Enum(['device', 'upstream']),
    pem: Type.String(),
    certificates: Type.Array(CertificateFacts),
    notAfter: Instant,
    daysLeft: Type.Integer(),
    crl: orNull(
      Type.Object(
        { thisUpdate: Instant, nextUpdate: orNull(Instant), revoked: Type.Integer(), overdue: Type.Boolean() },
        strict,
      ),
    ),
    usedBy: UsedBy,
  },
  strict,
)
export type TrustedRoot = Static<typeof TrustedRoot>

const KEY_FILE = {
  pkcs12: Type.Optional(Base64),
  password: Type.Optional(Type.String({ maxLength: 256 })),
  chainPem: Type.Optional(Pem),
  privateKeyPem: Type.Optional(Type.String({ minLength: 1, maxLength: 65_536 })),
}
const FILE = { pem: Type.Optional(Pem), derBase64: Type.Optional(Base64) }
const listColumns = ['id', 'name', 'source', 'state', 'notAfter', 'daysLeft']

/** See the module's comment. */
export const certificatesEndpoints = {
  listCertificates: {
    method: 'GET',
    path: '/api/v1/certificates',
    summary: 'List TLS certificates',
    access: 'certificate:view',
    query: PageQuery,
    reply: pageOf(TlsCertificate),
    cli: { noun: 'certificate', verb: 'list', columns: listColumns },
    failures: [],
  },
  uploadCertificate: {
    method: 'POST',
    path: '/api/v1/certificates',
    summary: 'Upload a certificate with its chain and key, as PKCS#12 (base64, with password) or PEM',
    access: 'certificate:manage',
    body: Type.Object({ name: ShortName, ...KEY_FILE }, strict),
    bodyBytes: FILE_BYTES,
    reply: TlsCertificate,
    idempotent: true,
    cli: { noun: 'certificate', verb: 'add' },
    failures: ['CONFLICT', 'TOO_LARGE', 'IDEMPOTENCY_MISMATCH'],
  },
  requestCertificate: {
    method: 'POST',
    path: '/api/v1/certificates/csr',
    summary: 'Make a key in Core and a certificate request for an authority to sign',
    access: 'certificate:manage',
    body: Type.Object(
      {
        name: ShortName,
        dnsNames: Type.Array(HostName, { minItems: 1, maxItems: 64, title: 'Host names' }),
        keyType: Type.Optional(Type.Enum(['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096'])),
      },
      strict,
    ),
    reply: TlsCertificate,
    idempotent: true,
    cli: { noun: 'certificate', verb: 'request' },
    failures: ['CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  },
  readRootCertificate: {
    method: 'GET',
    path: '/api/v1/certificates/root',
    summary: 'Show the root of the certificates that Core issues for Sentries; phones must be given it',
    access: 'certificate:view',
    reply: Type.Object(
      { pem: Type.String(), subject: Type.String(), fingerprint: Type.String(), notAfter: Instant },
      strict,
    ),
    cli: { noun: 'certificate', verb: 'root' },
    failures: ['NOT_FOUND'],
  },
  readCertificate: {
    method: 'GET',
    path: '/api/v1/certificates/:id',
    summary: 'Show a TLS certificate',
    access: 'certificate:view',
    params: ById,
    reply: TlsCertificate,
    cli: { noun: 'certificate', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  replaceCertificate: {
    method: 'PUT',
    path: '/api/v1/certificates/:id',
    summary: 'Put a renewed certificate in the place of an uploaded one, for all Standalone Sentries that use it',
    access: 'certificate:manage',
    params: ById,
    body: Type.Object(KEY_FILE, strict),
    bodyBytes: FILE_BYTES,
    reply: TlsCertificate,
    ifMatch: 'required',
    cli: { noun: 'certificate', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT', 'TOO_LARGE', 'PRECONDITION_REQUIRED'],
  },
  completeCertificate: {
    method: 'POST',
    path: '/api/v1/certificates/:id/complete',
    summary: 'Upload what an authority signed for a request',
    access: 'certificate:manage',
    params: ById,
    body: Type.Object({ chainPem: Pem }, strict),
    bodyBytes: FILE_BYTES,
    reply: TlsCertificate,
    cli: { noun: 'certificate', verb: 'complete' },
    failures: ['NOT_FOUND', 'CONFLICT', 'TOO_LARGE'],
  },
  readCertificateFindings: {
    method: 'GET',
    path: '/api/v1/certificates/:id/findings',
    summary: 'Check a TLS certificate as of now, for the names of the Standalone Sentries that use it',
    access: 'certificate:view',
    params: ById,
    reply: Type.Object({ items: Type.Array(CertificateFinding) }, strict),
    cli: { noun: 'certificate', verb: 'findings', columns: ['severity', 'code', 'message'] },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  removeCertificate: {
    method: 'DELETE',
    path: '/api/v1/certificates/:id',
    summary: 'Remove a TLS certificate and its key',
    access: 'certificate:manage',
    params: ById,
    reply: null,
    ifMatch: 'required',
    cli: { noun: 'certificate', verb: 'remove' },
    failures: ['NOT_FOUND', 'CHANGED', 'IN_USE', 'PRECONDITION_REQUIRED'],
  },
  listTrustedRoots: {
    method: 'GET',
    path: '/api/v1/trusted-roots',
    summary: 'List trusted roots',
    access: 'certificate:view',
    query: Type.Object({ ...pageQuery, purpose: Type.Optional(Type.Enum(['device', 'upstream'])) }, strict),
    reply: pageOf(TrustedRoot),
    cli: { noun: 'trusted-root', verb: 'list', columns: ['id', 'name', 'purpose', 'notAfter', 'daysLeft'] },
    failures: [],
  },
  createTrustedRoot: {
    method: 'POST',
    path: '/api/v1/trusted-roots',
    summary: 'Trust the authorities of a file, PEM or DER',
    access: 'certificate:manage',
    body: Type.Object({ name: ShortName, purpose: Type.Enum(['device', 'upstream']), ...FILE }, strict),
    bodyBytes: FILE_BYTES,
    reply: TrustedRoot,
    idempotent: true,
    cli: { noun: 'trusted-root', verb: 'add' },
    failures: ['CONFLICT', 'TOO_LARGE', 'IDEMPOTENCY_MISMATCH'],
  },
  readTrustedRoot: {
    method: 'GET',
    path: '/api/v1/trusted-roots/:id',
    summary: 'Show a trusted root',
    access: 'certificate:view',
    params: ById,
    reply: TrustedRoot,
    cli: { noun: 'trusted-root', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  removeTrustedRoot: {
    method: 'DELETE',
    path: '/api/v1/trusted-roots/:id',
    summary: 'Stop trusting a root',
    access: 'certificate:manage',
    params: ById,
    reply: null,
    ifMatch: 'required',
    cli: { noun: 'trusted-root', verb: 'remove' },
    failures: ['NOT_FOUND', 'CHANGED', 'IN_USE', 'PRECONDITION_REQUIRED'],
  },
  setTrustedRootCrl: {
    method: 'PUT',
    path: '/api/v1/trusted-roots/:id/crl',
    summary: 'Upload the revocation list of a trusted root, PEM or DER; the newest one counts',
    access: 'certificate:manage',
    params: ById,
    body: Type.Object(FILE, strict),
    bodyBytes: FILE_BYTES,
    reply: TrustedRoot,
    cli: { noun: 'trusted-root', verb: 'set-crl' },
    failures: ['NOT_FOUND', 'TOO_LARGE'],
  },
} as const satisfies EndpointTable
