/**
 * TLS certificates: uploaded, requested and completed, replaced by renewed ones, removed. Keys go into the vault only.
 * @module
 */
import { createKeyPair, createRequest, type NewKeyType } from '@postern/pki/certificate-request'
import type { Finding } from '@postern/pki/chain'
import { readCertificates } from '@postern/pki/fingerprint'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError } from '../../failure.ts'
import type { Vault } from '../../secrets/vault.ts'
import { blamed, checkedPair, findingsOf, problemOf, type ServerKeyPair } from './certificate-files.ts'
import { namesOf } from './device-authority.ts'
import { certificateRow, toFacts, usersOfCertificates } from './read-certificates.ts'

const KIND = 'certificate'

/** Stores a checked pair under a name. Returns the id. @throws CoreError CONFLICT for a name that is taken */
export async function addCertificate(change: Change, vault: Vault, name: string, pair: ServerKeyPair): Promise<string> {
  const { id } = await change.tx
    .insertInto('certificates')
    .values({
      name,
      source: 'uploaded',
      key_id: await vault.put(change.tx, 'tls-key', pair.privateKeyPem),
      ...chainColumns(pair),
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  change.audit({ action: 'certificate.create', object: { kind: KIND, id, name }, after: shown(pair) })
  return id
}

/** What a new request is made of. */
export interface RequestInput {
  readonly name: string
  readonly dnsNames: readonly string[]
  readonly keyType?: NewKeyType
}

/** A key with its request, before they are stored. @throws CoreError INVALID; takes seconds for a long RSA key */
export async function makeRequest({
  dnsNames,
  keyType = 'P-256',
}: RequestInput): Promise<{ key: string; pem: string }> {
  const { privateKeyPem } = await createKeyPair(keyType)
  const [first = ''] = dnsNames
  const commonName = first.length > 64 ? 'server' : first // phones read the alternative names
  try {
    return { key: privateKeyPem, pem: await createRequest({ privateKeyPem, commonName, dnsNames }) }
  } catch (error) {
    throw blamed('dnsNames', error)
  }
}

/** Stores a request that waits for its certificate. Returns the id. */
export async function addRequest(
  change: Change,
  vault: Vault,
  name: string,
  { key, pem }: { readonly key: string; readonly pem: string },
): Promise<string> {
  const key_id = await vault.put(change.tx, 'tls-key', key)
  const { id } = await change.tx
    .insertInto('certificates')
    .values({
      name,
      source: 'requested',
      key_id,
      request_pem: pem,
      findings: '[]',
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  change.audit({
    action: 'certificate.request',
    object: { kind: KIND, id, name },
    after: { requestPem: pem, key: '(secret)' },
  })
  return id
}

/** Puts what an authority signed to its request. @throws CoreError CONFLICT when nothing waits, INVALID */
export async function completeRequest(change: Change, vault: Vault, id: string, chainPem: string): Promise<void> {
  await lockVersion(change, 'certificates', KIND, id, null)
  const row = await certificateRow(change.tx, id)
  if (row.source !== 'requested' || row.chain_pem !== null) {
    throw new CoreError('CONFLICT', 'no request waits here; replace the certificate, or make a new request')
  }
  const pair = checkedPair(chainPem, await vault.read(change.tx, 'tls-key', row.key_id), 'chainPem', change.now)
  await change.tx
    .updateTable('certificates')
    .set({ ...chainColumns(pair), ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  change.audit({ action: 'certificate.complete', object: { kind: KIND, id, name: row.name }, after: shown(pair) })
}

/** Puts a renewed pair in the place of another: it must serve every Standalone Sentry that uses it. */
export async function replaceCertificate(
  change: Change,
  vault: Vault,
  { id, version }: { readonly id: string; readonly version: number | null },
  pair: ServerKeyPair,
): Promise<void> {
  await lockVersion(change, 'certificates', KIND, id, version)
  const row = await certificateRow(change.tx, id)
  if (row.source === 'issued')
    throw new CoreError('CONFLICT', 'Core made it and renews it; upload a certificate of its own')
  const missing = findingsOf(pair, await namesOfUsers(change.tx, id), change.now).filter(isError)
  if (missing.length > 0) {
    const problems = missing.map((found) => problemOf('chainPem', found))
    throw new CoreError('INVALID', 'it does not serve the Standalone Sentries that use it', { problems })
  }
  const key_id = await vault.put(change.tx, 'tls-key', pair.privateKeyPem)
  await change.tx
    .updateTable('certificates')
    .set({ key_id, ...chainColumns(pair), request_pem: null, source: 'uploaded', ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  await vault.remove(change.tx, row.key_id)
  const before = row.chain_pem === null ? null : leafOf(row.chain_pem)
  change.audit({
    action: 'certificate.replace',
    object: { kind: KIND, id, name: row.name },
    before,
    after: shown(pair),
  })
  change.wake('sentries')
}

/** Findings as of now. @throws CoreError NOT_FOUND, CONFLICT while its request waits */
export async function currentFindings(db: Db, vault: Vault, id: string, now: Date): Promise<Finding[]> {
  const row = await certificateRow(db, id)
  if (row.chain_pem === null) throw new CoreError('CONFLICT', 'its request waits to be signed; complete it first')
  const privateKeyPem = await vault.read(db, 'tls-key', row.key_id)
  return findingsOf({ chainPem: row.chain_pem, privateKeyPem }, await namesOfUsers(db, id), now)
}

/** @throws CoreError NOT_FOUND, CHANGED, IN_USE */
export async function removeCertificate(
  change: Change,
  vault: Vault,
  id: string,
  version: number | null,
): Promise<void> {
  await lockVersion(change, 'certificates', KIND, id, version)
  const row = await certificateRow(change.tx, id)
  const users = (await usersOfCertificates(change.tx, [row])).get(id) ?? []
  if (users.length > 0) {
    const names = users.map(({ name }) => JSON.stringify(name)).join(', ')
    throw new CoreError('IN_USE', `Standalone Sentry ${names} uses it; choose another certificate there first`)
  }
  await change.tx.deleteFrom('certificates').where('id', '=', id).execute()
  await vault.remove(change.tx, row.key_id)
  const before = row.chain_pem === null ? null : leafOf(row.chain_pem)
  change.audit({ action: 'certificate.remove', object: { kind: KIND, id, name: row.name }, before })
}

async function namesOfUsers(db: Db, id: string): Promise<string[]> {
  const rows = await db
    .selectFrom('sentry_profiles')
    .innerJoin('sentry_profile_certificates as use', 'use.profile_id', 'sentry_profiles.id')
    .select('sentry_profiles.settings')
    .where('use.certificate_id', '=', id)
    .execute()
  return [...new Set(rows.flatMap(({ settings }) => namesOf(settings)))]
}

function isError({ severity }: Finding): boolean {
  return severity === 'error'
}

function chainColumns(pair: ServerKeyPair): { chain_pem: string; not_after: Date; findings: string } {
  return { chain_pem: pair.chainPem, not_after: pair.notAfter, findings: JSON.stringify(pair.findings) }
}

function shown(pair: ServerKeyPair): object {
  return { certificate: leafOf(pair.chainPem), findings: pair.findings.map(({ code }) => code), key: '(secret)' }
}

function leafOf(chainPem: string): object {
  const [leaf] = readCertificates(chainPem)
  return leaf === undefined ? {} : toFacts(leaf)
}
