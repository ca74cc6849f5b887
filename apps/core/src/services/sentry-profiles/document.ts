/**
 * The document that a Sentry works by, made of a saved Standalone Sentry.
 * @module
 */
import { createHash } from 'node:crypto'
import type { SentryDocument } from '@postern/contract/feed/sentry-document'
import { ContractError } from '@postern/contract/problems'
import type { StandaloneSentry } from '@postern/contract/standalone-sentry'
import { type SentryMaterial, toSentryDocument } from '@postern/contract/standalone-sentry-document'
import { canonical } from '../../audit/chain.ts'
import type { Db } from '../../database/connect.ts'
import { type Vault, VaultError } from '../../secrets/vault.ts'
import { type CertificateRow, referencedRows, type RootRow } from './references.ts'

/** A document with its name (SHA-256 over its canonical form, hex) and the version of the profile; or why there is none. */
export type RenderedDocument =
  { readonly document: SentryDocument; readonly etag: string; readonly version: number } | { readonly problem: string }

/** Makes the document of a profile as it stands. Holds private keys: it goes to Sentries of the profile and nowhere else. */
export async function renderDocument(db: Db, vault: Vault, profileId: string): Promise<RenderedDocument> {
  const profile = await db
    .selectFrom('sentry_profiles')
    .select(['id', 'version', 'settings'])
    .where('id', '=', profileId)
    .executeTakeFirst()
  if (profile === undefined) return { problem: `there is no Standalone Sentry ${profileId}; assign another one` }
  try {
    const { id, version, settings } = profile
    const document = toSentryDocument({ id, version }, settings, await materialOf(db, vault, id, settings))
    return { document, etag: createHash('sha256').update(canonical(document)).digest('hex'), version }
  } catch (error) {
    if (error instanceof ContractError || error instanceof MaterialError) return { problem: error.message }
    if (error instanceof VaultError) return { problem: `a private key cannot be read: ${error.message}` }
    throw error
  }
}

/** Thrown when something that the settings name is not there. */
class MaterialError extends Error {
  override name = 'MaterialError'
}

async function materialOf(
  db: Db,
  vault: Vault,
  profileId: string,
  settings: StandaloneSentry,
): Promise<SentryMaterial> {
  const { certificates, roots } = await referencedRows(db, settings)
  const { tls, deviceAuthentication, activeSync, serverAuthentication } = settings
  const own = tls.certificateId === null ? await issuedRow(db, profileId) : certificates.get(tls.certificateId)
  const reserve = tls.reserveCertificateId === null ? null : certificates.get(tls.reserveCertificateId)
  const trusted = deviceAuthentication.trustedRootIds.map((id) => roots.get(id)).filter((row) => row !== undefined)
  const crls = trusted.flatMap(({ name, crl_pem: pem }) =>
    pem === null ? [] : [{ name: `${name} (revocation list)`, pem }],
  )
  return {
    certificate: await keyPair(db, vault, own),
    reserve: reserve === null ? null : await keyPair(db, vault, reserve),
    trustedRoots: trusted.map(named),
    crls,
    serverRoot: optional(roots, activeSync.serverRootId),
    identityProviderRoot: optional(roots, serverAuthentication.identityProviderRootId),
  }
}

async function issuedRow(db: Db, profileId: string): Promise<CertificateRow | undefined> {
  return db.selectFrom('certificates').selectAll().where('issued_for', '=', profileId).executeTakeFirst()
}

async function keyPair(
  db: Db,
  vault: Vault,
  row: CertificateRow | undefined,
): Promise<{ certificatePem: string; privateKeyPem: string }> {
  if (row?.chain_pem == null) throw new MaterialError('the TLS certificate is not there; choose another and save')
  return { certificatePem: row.chain_pem, privateKeyPem: await vault.read(db, 'tls-key', row.key_id) }
}

function named({ name, pem }: RootRow): { name: string; pem: string } {
  return { name, pem }
}

function optional(roots: ReadonlyMap<string, RootRow>, id: string | null): { name: string; pem: string } | null {
  if (id === null) return null
  const row = roots.get(id)
  if (row === undefined) throw new MaterialError('a trusted root is not there; choose another and save')
  return named(row)
}
